# shellcheck shell=bash
# One operation at a time changes a droplet. The lock is a flock(2) on a file in a folder that only root can open: any user could
# hold a lock on /run itself for ever. The holder removes the folder at its end, so nothing is left; the kernel releases the
# lock when its holder dies, and the next holder takes over the folder.
#   lock    the locked file        holder    PID START of the holder, then its text

lock_folder=/run/hornet

# hold_lock SECONDS HOLDER [SILENCE]: runs as a lane of its own for as long as an operation lasts. Reads a key, and says
# "asks", "waiting …" and "locked STAMP" or "refused …" behind it; then reads a heartbeat. When that stops for SILENCE seconds (the
# operator's machine sleeps), or ends (its process died), the lanes of the session are ended before the lock goes: nothing of an
# operation that lost its lock may still be at work. The stamp tells when the lock was taken before: what was read since holds.
hold_lock() {
  local seconds=$1 silence=${3:-60} limit since lock_since lock_waits="" mark
  limit=$((${EPOCHREALTIME/./} / 1000000 + seconds))
  # The key comes first on stdin, so that no text of a login shell or of another holder looks like one of these lines.
  IFS= read -r mark || return
  mark=$'\036'$mark
  printf '%s asks\n' "$mark"
  while :; do
    lock_since=$(lock_stamp)
    open_lock || return
    # A lane that only tests the lock holds it for a moment and has no holder text.
    if ! flock --nonblock "$lock_fd" && ! flock --timeout 0.2 "$lock_fd"; then
      [[ -n $lock_waits ]] || printf '%s waiting %s\n' "$mark" "$(lock_holder)"
      lock_waits=1
      seconds=$((limit - ${EPOCHREALTIME/./} / 1000000))
      flock --timeout "$((seconds > 0 ? seconds : 0))" "$lock_fd" || { printf '%s refused %s\n' "$mark" "$(lock_holder)"; return 1; }
    fi
    # The previous holder has removed the file that this one waited for.
    [[ /proc/self/fd/$lock_fd -ef $lock_folder/lock ]] && break
    exec {lock_fd}<&-
  done
  start_time "$$" since && printf '%s %s %s\n' "$$" "$since" "$2" >"$lock_folder/holder" || return
  printf '%s locked %s\n' "$mark" "$lock_since"
  # If a killed holder left the folder, this holder has not changed the mtime of /run by making it.
  touch /run 2>/dev/null
  while IFS= read -r -t "$silence" _; do :; done
  end_session_lanes
  # The file last: from then on another holder may have the lock, and only the empty folder is removed.
  rm -f "$lock_folder/holder" && rm -f "$lock_folder/lock" && rmdir "$lock_folder" 2>/dev/null
  return 0
}

# open_lock: opens the lock's file as lock_fd, and makes it if it is missing. Only root can make the folder in /run.
open_lock() {
  local tries=100
  while ((tries-- > 0)); do
    mkdir -m 700 "$lock_folder" 2>/dev/null
    if [[ ! -d $lock_folder || -L $lock_folder || ! -O $lock_folder ]]; then
      mkdir "$lock_folder" || return
      continue
    fi
    # The previous holder may remove the folder in between.
    { exec {lock_fd}>>"$lock_folder/lock"; } 2>/dev/null && return
  done
  fail "cannot open $lock_folder/lock"
}

# try_lock HOLDER: takes the lock for this process and its children, or fails at once. While a child runs, the lock stays taken.
try_lock() {
  local since
  open_lock || return
  if ! flock --nonblock "$lock_fd" || [[ ! /proc/self/fd/$lock_fd -ef $lock_folder/lock ]]; then
    exec {lock_fd}<&-
    lock_fd=$pause_fd
    return 1
  fi
  start_time "$$" since && printf '%s %s %s\n' "$$" "$since" "$1" >"$lock_folder/holder" && touch /run
}

# release_lock: the file last, see hold_lock.
release_lock() {
  rm -f "$lock_folder/holder" && rm -f "$lock_folder/lock" && rmdir "$lock_folder" 2>/dev/null
  exec {lock_fd}<&-
  lock_fd=$pause_fd
}

# lock_stamp: when the lock was last taken or released: the mtime of /run in ns, which changes with its folder. Other changes in
# /run change it too, which only costs another reading.
lock_stamp() { stat -c %.9Y /run; }

# await_quiet SECONDS: waits until nobody changes the droplet, or fails. The lanes of a dead holder run a moment longer; a reading
# before their end would be useless.
await_quiet() {
  local fd
  { exec {fd}<"$lock_folder/lock"; } 2>/dev/null || return 0
  flock --shared --timeout "$1" "$fd" && exec {fd}<&-
}

# end_session_lanes: ends the other lanes of this session with their descendants.
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
# Its text, its pid and how long it has held the lock. Nothing if nobody holds it.
lock_holder() {
  local process since now text
  { read -r process since text <"$lock_folder/holder"; } 2>/dev/null || return 0
  start_time "$process" now && [[ $now == "$since" ]] || return 0
  printf '%s (pid %s on the droplet, for %s s)' "$text" "$process" "$(ps -o etimes= -p "$process" | tr -d ' ')"
}
