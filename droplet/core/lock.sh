# shellcheck shell=bash
# One operation at a time changes a droplet. The lock is a flock(2) on a file in a folder that only root can open: a lock on
# /run itself could be held by any user for ever. The holder removes the folder when it is done, so nothing is left; the
# kernel gives the lock back when its holder dies, and the next holder takes over what is left of the folder then.
#   lock    what is locked        holder    PID START of the holder, then the text that it gave

lock_folder=/run/hornet

# hold_lock SECONDS HOLDER [SILENCE]: runs as a lane of its own for as long as an operation lasts. Reads a key, and says
# "waiting …" and "locked STAMP" or "refused …" behind it; then reads a heartbeat. When that stops for SILENCE seconds (the
# operator's machine sleeps), or ends (its process died), the lanes of the session are ended before the lock goes: nothing of an
# operation that lost its lock may still be at work. The stamp tells when the lock was taken before: what was read since holds.
hold_lock() {
  local seconds=$1 silence=${3:-60} limit since lock_since lock_waits="" mark
  limit=$((${EPOCHREALTIME/./} / 1000000 + seconds))
  # The key comes first on stdin: no text of a login shell or of another holder passes for one of these lines.
  IFS= read -r mark || return
  mark=$'\036'$mark
  while :; do
    lock_since=$(lock_stamp)
    open_lock || return
    # Who only looks whether it is free has it for a moment, and is nobody to be told of.
    if ! flock --nonblock "$lock_fd" && ! flock --timeout 0.2 "$lock_fd"; then
      [[ -n $lock_waits ]] || printf '%s waiting %s\n' "$mark" "$(lock_holder)"
      lock_waits=1
      seconds=$((limit - ${EPOCHREALTIME/./} / 1000000))
      flock --timeout "$((seconds > 0 ? seconds : 0))" "$lock_fd" || { printf '%s refused %s\n' "$mark" "$(lock_holder)"; return 1; }
    fi
    # The holder before has removed the file that this one waited for.
    [[ /proc/self/fd/$lock_fd -ef $lock_folder/lock ]] && break
    exec {lock_fd}<&-
  done
  start_time "$$" since && printf '%s %s %s\n' "$$" "$since" "$2" >"$lock_folder/holder" || return
  printf '%s locked %s\n' "$mark" "$lock_since"
  # Where a holder that was killed has left the folder, making it moved nothing.
  touch /run 2>/dev/null
  while IFS= read -r -t "$silence" _; do :; done
  end_session_lanes
  # The file last: from then on another one may have the lock, and only the empty folder is removed.
  rm -f "$lock_folder/holder" && rm -f "$lock_folder/lock" && rmdir "$lock_folder" 2>/dev/null
  return 0
}

# open_lock: opens the lock's file as lock_fd, and makes it where it is missing. Only root can make the folder in /run.
open_lock() {
  local tries=100
  while ((tries-- > 0)); do
    mkdir -m 700 "$lock_folder" 2>/dev/null
    if [[ ! -d $lock_folder || -L $lock_folder || ! -O $lock_folder ]]; then
      mkdir "$lock_folder" || return
      continue
    fi
    # The holder before may remove the folder in between.
    { exec {lock_fd}>>"$lock_folder/lock"; } 2>/dev/null && return
  done
  fail "cannot open $lock_folder/lock"
}

# lock_stamp: when the lock was taken or given back last: the mtime of /run, in ns, in which its folder comes and goes. What
# else happens in /run moves it too, which costs a reading and nothing else.
lock_stamp() { stat -c %.9Y /run; }

# await_quiet SECONDS: waits until nobody changes the droplet, or fails. The lanes of a holder that died are at work a
# moment longer than it; what is read meanwhile would be of no use.
await_quiet() {
  local fd
  { exec {fd}<"$lock_folder/lock"; } 2>/dev/null || return 0
  flock --shared --timeout "$1" "$fd" && exec {fd}<&-
}

# end_session_lanes: ends the other lanes of this session, with what they have started.
end_session_lanes() {
  local process words
  for process in /proc/[0-9]*; do
    process=${process#/proc/}
    [[ $process != "$$" ]] || continue
    mapfile -d '' -t words 2>/dev/null <"/proc/$process/cmdline" || continue
    [[ ${words[0]:-} == bash && ${words[5]:-} == hornet-lane && ${words[6]:-} == "$hornet_session" ]] || continue
    is_our_process "$process" "/proc/$$/exe" || continue
    kill_descendants "$process"
    kill -9 "$process" 2>/dev/null
    await_end "$process"
  done
  return 0
}

# @call lock_holder() answers: who holds the lock; reads
# Its text, its pid and for how long. Nothing where nobody holds it.
lock_holder() {
  local process since now text
  { read -r process since text <"$lock_folder/holder"; } 2>/dev/null || return 0
  start_time "$process" now && [[ $now == "$since" ]] || return 0
  printf '%s (pid %s on the droplet, for %s s)' "$text" "$process" "$(ps -o etimes= -p "$process" | tr -d ' ')"
}
