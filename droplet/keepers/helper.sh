# shellcheck shell=bash
# A stack's helper processes on a droplet, at most one of each kind. Hornet starts each as PROGRAM -e|-c CODE NAME HOME …, so that
# its arguments identify it; its folder HOME contains owner, pid (see write_pid) and its settings.

# helper_works HOME: whether it runs, and nobody has stopped it.
helper_works() {
  local pid state
  process_alive "$1/pid" && read -r pid _ <"$1/pid" && read -r state 2>/dev/null <"/proc/$pid/stat" || return 1
  state=${state##*) }
  [[ $state != [Tt]* ]]
}

# await_helper HOME PID (variable vmm_timeout_ms): waits until it has written its pid; fails after the limit, or if the process has
# ended.
await_helper() {
  local limit=$((${EPOCHREALTIME/./} / 1000 + vmm_timeout_ms))
  until process_alive "$1/pid"; do
    start_time "$2" >/dev/null && ((${EPOCHREALTIME/./} / 1000 <= limit)) || return 1
    pause 0.005
  done
}

# list_helpers NAME HOME: their pids, one a line, found by their arguments, even if the folder was lost.
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
