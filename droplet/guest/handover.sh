# shellcheck shell=bash
# How a guest gets its identity from the metadata, and how the metadata is cleared. One process per VMM, the handover, does
# this without the operator, who may have left. It ends when the metadata is cleared, or with the VMM.
# In the clone's folder:
#   handover         pid, start time and boot id of that process (see write_pid); removed once the metadata is cleared
#   closed           only root in the guest can reach the metadata service: its template said so, or the guest itself
#   identity.disk    the identity as a read-only drive that only root in the guest can read; zeros once the guest has read it

# The separator of the parts of a call's stdin.
next_part=$'# hornet: next\n'

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
  end_handover "$1" && printf 'starting\n' >"$1/handover" || return
  step handover "$1" "$((vmm_timeout_ms / 1000 + 1))" "$2" "$3" "$4"
}

# send_parts DIR (variables config, put, clear, generation): starts the handover of an identity, if there is one, and sends the
# other requests. The handover comes first, so that it clears the metadata even if this call is cut off.
send_parts() {
  if [[ -n $clear && -e $1/closed ]]; then
    start_handover "$1" "$generation" "" "$clear" || return
    config=$put$config
  elif [[ -n $clear ]]; then
    start_handover "$1" "$generation" "$put" "$clear" || return
  fi
  [[ -z $config ]] || api "$1" "$config"
}

# end_handover DIR: the process of an earlier handover of this clone ends before its VMM, or another one, begins.
end_handover() {
  local pid
  if process_alive "$1/handover"; then
    read -r pid _ <"$1/handover"
    # One of an earlier Hornet has children, which may be about to open a file of this folder.
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
