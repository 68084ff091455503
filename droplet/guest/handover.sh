# shellcheck shell=bash
# How a guest gets its identity and how that leaves the metadata again. One process a VMM, the handover, does what needs no
# operator: an operator may be gone by then, or wait for nothing. It ends once the metadata is cleared, or with the VMM.
# In the clone's folder:
#   handover         pid, start time and boot id of that process; not there once the metadata is cleared
#   closed           the guest lets nobody but root ask the metadata service: its template did, or it has said so itself
#   identity.disk    the identity as a read-only drive that only root in the guest reads; zeros once it was taken

# What stands between the parts of a call's stdin. To curl it is a comment.
next_part=$'# hornet: next\n'

# read_parts: stdin of a call into the caller's variables config, put, clear and drive.
read_parts() {
  local part rest
  # A last line end that the substitution takes away may be a mark's.
  rest=$(</dev/stdin)$'\n'
  for part in config put clear drive; do
    printf -v "$part" '%s' "${rest%%"$next_part"*}"
    [[ ${!part} == *[![:space:]]* ]] || printf -v "$part" ''
    if [[ $rest == *"$next_part"* ]]; then rest=${rest#*"$next_part"}; else rest=""; fi
  done
}

# start_handover DIR GENERATION PUT CLEAR: PUT (empty: it comes with other requests, or not by the metadata service) is what
# puts the identity into the metadata, CLEAR what clears that. Both are requests as `api` takes them.
start_handover() {
  end_handover "$1" && printf 'starting\n' >"$1/handover" || return
  # The requests hold secrets, so they go through a pipe.
  # shellcheck disable=SC2154 # of every call
  setsid bash -c "LC_ALL=C; ulimit -c 0; umask 077; cd /; vmm_timeout_ms=$((vmm_timeout_ms)); $(declare -f hand_over await_word hear_word short_end console_says blank_identity \
    api clear_path write_pid process_alive vmm_alive start_time pause fail); hand_over \"\$@\"" \
    hornet-handover "$1" "$2" < <(printf '%s\0%s\0' "$3" "$4") >/dev/null 2>&1 {pause_fd}>&- &
}

# send_parts DIR (variables config, put, clear, generation): hands an identity over, if there is one, and sends the other
# requests. The handover comes first: whatever is cut off then, the metadata is cleared.
send_parts() {
  if [[ -n $clear && -e $1/closed ]]; then
    start_handover "$1" "$generation" "" "$clear" || return
    config=$put${config:+next$'\n'}$config
  elif [[ -n $clear ]]; then
    start_handover "$1" "$generation" "$put" "$clear" || return
  fi
  [[ -z $config ]] || api "$1" "$config"
}

# hand_over DIR GENERATION: the process.
hand_over() {
  local dir=$1 put clear
  IFS= read -r -d '' put && IFS= read -r -d '' clear && write_pid "$dir/handover" "$$" || return
  if [[ -n $put ]]; then
    await_word "$dir" "waiting closed" && : >"$dir/closed" || return
    until api "$dir" "$put"; do vmm_alive "$dir" && pause 0.2 || return; done
  fi
  await_word "$dir" "taken $2 closed" || return
  blank_identity "$dir"
  until api "$dir" "$clear"; do vmm_alive "$dir" && pause 0.2 || return; done
  rm -f "$dir/handover"
}

# await_word DIR WORDS: waits until the identity service says WORDS on the console; fails where the VMM ends before. It looks
# ever more rarely, so that it is late by a sixteenth of the wait at most. A guest may stay silent for ever: with a look each
# half second, 250 of them took a whole core.
await_word() {
  local begun=${EPOCHREALTIME/./} waited rest half="" next_full=0 descriptor
  exec {descriptor}<"$1/console.log" || return
  while :; do
    waited=$((${EPOCHREALTIME/./} - begun))
    if hear_word "$2"; then break; fi
    # What follows a NUL in a line, and a console whose beginning is cut off meanwhile, only this finds.
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

# hear_word WORDS (variables descriptor half): whether a line that was written since the last look holds them.
hear_word() {
  local line
  local -a lines=()
  mapfile -u "$descriptor" lines 2>/dev/null
  ((${#lines[@]} > 0)) || return 1
  lines[0]=$half${lines[0]} half=""
  for line in "${lines[@]}"; do
    [[ $line != *"hornet-identity: $1"* ]] || return 0
  done
  [[ $line == *$'\n' ]] || { short_end line && half=$line; }
  return 1
}

# end_handover DIR: the process of an earlier handover of this clone ends before its VMM, or another one, begins.
end_handover() {
  local pid
  if process_alive "$1/handover"; then
    read -r pid _ <"$1/handover"
    kill -9 "$pid" 2>/dev/null
    await_end "$pid"
  fi
  clear_path "$1/handover"
}

# await_handover DIR: until the metadata is cleared; fails where that does not come to pass.
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

# put_identity DIR TEXT (in base64): the drive by which a guest's own cloud-init gets its identity, filled up with line ends to
# whole blocks.
put_identity() {
  local size
  rm -f "$1/identity.disk" && base64 -d <<<"$2" >"$1/identity.disk" && size=$(stat -c %s "$1/identity.disk") || return
  head -c $((4096 - size % 4096)) /dev/zero | tr '\0' '\n' >>"$1/identity.disk"
}

# blank_identity DIR: zeros over all of it; the VMM goes on with the same file.
blank_identity() {
  [[ ! -s $1/identity.disk ]] || head -c "$(stat -c %s "$1/identity.disk")" /dev/zero 1<>"$1/identity.disk"
}
