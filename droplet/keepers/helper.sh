# shellcheck shell=bash
# Processes of a stack's own on a droplet, at most one of a kind. Each is started as PROGRAM -e|-c CODE NAME HOME …, so
# that its arguments say whose it is; its folder HOME holds owner, pid (see write_pid) and what it is told.

# helper_works HOME: it lives, and nobody has stopped it.
helper_works() {
  local pid state
  process_alive "$1/pid" && read -r pid _ <"$1/pid" && read -r state 2>/dev/null <"/proc/$pid/stat" || return 1
  state=${state##*) }
  [[ $state != [Tt]* ]]
}

# await_helper HOME PID (variable vmm_timeout_ms): waits until its pid is written; fails where that does not come, or the
# process that was started has ended.
await_helper() {
  local limit=$((${EPOCHREALTIME/./} / 1000 + vmm_timeout_ms))
  until process_alive "$1/pid"; do
    start_time "$2" >/dev/null && ((${EPOCHREALTIME/./} / 1000 <= limit)) || return 1
    pause 0.005
  done
}

# list_helpers NAME HOME: their pids, a line each, by their arguments, which say whose they are also where the folder was
# lost.
list_helpers() {
  local process words
  for process in /proc/[0-9]*; do
    mapfile -d '' -t words 2>/dev/null <"$process/cmdline" || continue
    [[ ${words[3]:-} == "$1" && ${words[4]:-} == "$2" ]] || continue
    is_our_process "${process#/proc/}" || continue
    printf '%s\n' "${process#/proc/}"
  done
}

# end_helper NAME HOME
end_helper() {
  local process
  for process in $(list_helpers "$1" "$2"); do
    kill -9 "$process" 2>/dev/null
    await_end "$process"
  done
  clear_path "$2/pid"
}
