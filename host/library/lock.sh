# shellcheck shell=bash
# One operation at a time changes a droplet. The lock is a flock(2) on the folder /run: it needs no file that could be left
# behind, and the kernel gives it back when its holder dies. Who holds it stands in the holder's arguments.

# hold_lock SECONDS HOLDER [SILENCE]: runs as a lane of its own for as long as an operation lasts. Reads a key, and says
# "waiting …" and "locked STAMP" or "refused …" behind it; then reads a heartbeat. When that stops for SILENCE seconds (the
# operator's machine sleeps), or ends (its process died), the lanes of the session are ended before the lock goes: nothing of an
# operation that lost its lock may still be at work. The stamp tells when the lock was taken before: what was read since holds.
hold_lock() {
  local seconds=$1 silence=${3:-60} mark
  # The key comes first on stdin: no text of a login shell or of another holder passes for one of these lines.
  IFS= read -r mark || return
  mark=$'\036'$mark
  exec {lock_fd}</run || return
  # Who only looks whether it is free has it for a moment, and is nobody to be told of.
  if ! flock --nonblock "$lock_fd" && ! flock --timeout 0.2 "$lock_fd"; then
    printf '%s waiting %s\n' "$mark" "$(lock_holder)"
    flock --timeout "$seconds" "$lock_fd" || { printf '%s refused %s\n' "$mark" "$(lock_holder)"; return 1; }
  fi
  printf '%s locked %s\n' "$mark" "$(lock_stamp)"
  touch /run 2>/dev/null
  while IFS= read -r -t "$silence" _; do :; done
  end_session_lanes
}

# lock_stamp: when the lock was taken last: the mtime of /run, in ns. What else happens in /run moves it too, which costs a
# reading and nothing else.
lock_stamp() { stat -c %.9Y /run; }

# await_quiet SECONDS: waits until nobody changes the droplet, or fails. The lanes of a holder that died are at work a
# moment longer than it; what is read meanwhile would be of no use.
await_quiet() {
  local fd
  exec {fd}</run && flock --shared --timeout "$1" "$fd" && exec {fd}<&-
}

# end_session_lanes: ends the other lanes of this session, with what they have started.
end_session_lanes() {
  local process words
  for process in /proc/[0-9]*; do
    process=${process#/proc/}
    [[ $process != "$$" ]] || continue
    mapfile -d '' -t words 2>/dev/null <"/proc/$process/cmdline" || continue
    [[ ${words[0]:-} == bash && ${words[5]:-} == hornet-lane && ${words[6]:-} == "$hornet_session" ]] || continue
    kill_descendants "$process"
    kill -9 "$process" 2>/dev/null
    await_end "$process"
  done
  return 0
}

# lock_holder: who holds the lock: the text it gave, its pid and for how long. Nothing where nobody does. (The pid in
# /proc/locks is that of flock(1), which has gone.) A shell that waits has flock as its child; the holder has none.
lock_holder() {
  local process words children
  for process in /proc/[0-9]*; do
    process=${process#/proc/}
    mapfile -d '' -t words 2>/dev/null <"/proc/$process/cmdline" || continue
    [[ ${words[5]:-} == hornet-lane && ${words[7]:-} == hold_lock && $process != "$$" ]] || continue
    children=""
    read -r children 2>/dev/null <"/proc/$process/task/$process/children" || :
    [[ -z $children ]] || continue
    printf '%s (pid %s on the droplet, for %s s)' "${words[9]:-}" "$process" "$(ps -o etimes= -p "$process" | tr -d ' ')"
    return
  done
}
