# shellcheck shell=bash
# How a guest gets its identity from the metadata, and how the metadata is cleared. One process per VMM, the handover, does
# this without the operator, who may have left. It ends when the metadata is cleared, or with the VMM.
# In the clone's folder:
#   handover         pid, start time and boot id of that process (see write_pid); removed once the metadata is cleared
#   closed           only root in the guest can reach the metadata service: its template said so, or the guest itself
#   identity.disk    the identity as a read-only drive that only root in the guest can read; zeros once the guest has read it

# The separator of the parts of a call's stdin. To curl it is a comment.
next_part=$'# hornet: next\n'

# The handover process as a program; see run_handover.
handover_program=""

# read_parts: reads stdin into the caller's variables config, put, clear and drive. For `${rest#*"$next_part"}` bash compares a text
# with the pattern once for each of its characters, which took 12 ms for the requests of a start; an offset takes none. `read -N`
# starts no process and reads until the end of stdin, which no part of this size has.
read_parts() {
  local part rest at
  IFS= read -r -N 16777216 rest || :
  # It may end with a separator whose line end is missing.
  rest+=$'\n'
  for part in config put clear drive; do
    at=${rest%%"$next_part"*}
    rest=${rest:$((${#at} + ${#next_part}))}
    [[ $at == *[![:space:]]* ]] || at=""
    printf -v "$part" '%s' "$at"
  done
}

# start_handover DIR GENERATION PUT CLEAR: PUT and CLEAR are the requests, in the form of `api`, that put the identity into the
# metadata and clear it. An empty PUT: other requests do it, or the guest does not use the metadata service. The caller writes
# the pid: on a busy droplet the process itself once did so after a delete, which did not know of it and left the file behind.
start_handover() {
  local requests=$3$next_part$4
  end_handover "$1" && printf 'starting\n' >"$1/handover" || return
  # A lane puts it together once, and not for each clone.
  [[ -n $handover_program ]] || handover_program="LC_ALL=C; ulimit -c 0; umask 077; cd /; next_part=${next_part@Q}; $(declare -f hand_over await_word new_output_has keep_tail \
    console_says blank_identity api clear_path process_alive vmm_alive start_time pause fail); hand_over \"\$@\""
  # Through a pipe in both cases, because the requests contain secrets.
  if fits_pipe "$requests"; then
    run_handover "$1" "$2" <<<"$requests" &
  else
    run_handover "$1" "$2" < <(printf '%s\n' "$requests") &
  fi
  # A process in the background leads no group, so setsid and bash keep this pid and its start time.
  write_pid "$1/handover" "$!"
}

# fits_pipe TEXT: whether bash passes a here-string of this length through a pipe. A longer one, and every one before bash 5.1, goes
# through a file, where no secret may be.
fits_pipe() { ((BASH_VERSINFO[0] * 100 + BASH_VERSINFO[1] >= 501 && ${#1} < 4096)); }

# run_handover DIR GENERATION: becomes the handover process. stdin: PUT, next_part, CLEAR.
run_handover() {
  # shellcheck disable=SC2154 # of every call
  exec setsid bash -c "vmm_timeout_ms=$((vmm_timeout_ms)); $handover_program" \
    hornet-handover "$1" "$2" >/dev/null 2>&1 {pause_fd}>&- {lock_fd}>&-
}

# send_parts DIR (variables config, put, clear, generation): starts the handover of an identity, if there is one, and sends the
# other requests. The handover comes first, so that it clears the metadata even if this call is cut off.
send_parts() {
  if [[ -n $clear && -e $1/closed ]]; then
    start_handover "$1" "$generation" "" "$clear" || return
    config=$put${config:+next$'\n'}$config
  elif [[ -n $clear ]]; then
    start_handover "$1" "$generation" "$put" "$clear" || return
  fi
  [[ -z $config ]] || api "$1" "$config"
}

# hand_over DIR GENERATION: the handover process. It begins when it is recorded: otherwise it could remove its file before that.
hand_over() {
  local dir=$1 requests put clear
  requests=$(</dev/stdin)
  put=${requests%%"$next_part"*}
  # See read_parts for the offset.
  clear=${requests:$((${#put} + ${#next_part}))}$'\n'
  until process_alive "$dir/handover"; do vmm_alive "$dir" && pause 0.002 || return; done
  if [[ -n $put ]]; then
    await_word "$dir" "waiting closed" && : >"$dir/closed" || return
    until api "$dir" "$put"; do vmm_alive "$dir" && pause 0.2 || return; done
  fi
  await_word "$dir" "taken $2 closed" || return
  blank_identity "$dir"
  until api "$dir" "$clear"; do vmm_alive "$dir" && pause 0.2 || return; done
  rm -f "$dir/handover"
}

# await_word DIR WORDS: waits until the identity service prints WORDS on the console; fails where the VMM ends before. The
# intervals grow, so that it notices at most a sixteenth of the wait too late. A guest may stay silent for ever: at two polls
# a second, 250 guests took a whole core.
await_word() {
  local start=${EPOCHREALTIME/./} waited rest partial="" next_full=500000 descriptor
  [[ ! -e $1/console.said ]] || next_full=0
  exec {descriptor}<"$1/console.log" || return
  while :; do
    waited=$((${EPOCHREALTIME/./} - start))
    if new_output_has "$2"; then break; fi
    # new_output_has misses words behind a NUL, and those in a console that was shortened meanwhile; this finds them.
    if ((waited >= next_full)); then
      if console_says "$1" "$2"; then break; fi
      next_full=$((waited + (waited < 16000000 ? 2000000 : waited / 8)))
    fi
    vmm_alive "$1" || return
    rest=$((waited / 16))
    if ((rest < 5000)); then rest=5000; elif ((rest > 2000000)); then rest=2000000; fi
    printf -v rest '%d.%06d' $((rest / 1000000)) $((rest % 1000000))
    pause "$rest"
  done
  exec {descriptor}<&-
}

# end_handover DIR: the process of an earlier handover of this clone ends before its VMM, or another one, begins.
end_handover() {
  local pid
  if process_alive "$1/handover"; then
    read -r pid _ <"$1/handover"
    # With its children, which may be about to open a file of this folder. It leads a group only once setsid has run.
    kill -9 -- "-$pid" "$pid" 2>/dev/null
    await_end "$pid"
  fi
  clear_path "$1/handover"
}

# await_handover DIR: waits until the metadata is cleared; fails when the VMM ends or the time is over.
await_handover() {
  local limit=$((${EPOCHREALTIME/./} / 1000 + vmm_timeout_ms))
  while [[ -e $1/handover ]]; do
    if ((${EPOCHREALTIME/./} / 1000 > limit)) || ! vmm_alive "$1"; then
      fail "the metadata still holds the identity"
      return 1
    fi
    pause 0.01
  done
}

# put_identity DIR BASE64: writes the drive from which the guest's own cloud-init reads its identity, padded with line ends to
# whole blocks.
put_identity() {
  local size
  rm -f "$1/identity.disk" && base64 -d <<<"$2" >"$1/identity.disk" && size=$(stat -c %s "$1/identity.disk") || return
  head -c $((4096 - size % 4096)) /dev/zero | tr '\0' '\n' >>"$1/identity.disk"
}

# blank_identity DIR: overwrites the drive with zeros, in place, because the VMM has the file open.
blank_identity() {
  [[ ! -s $1/identity.disk ]] || head -c "$(stat -c %s "$1/identity.disk")" /dev/zero 1<>"$1/identity.disk"
}
