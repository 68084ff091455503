# shellcheck shell=bash
# The base of every function on a droplet. Sourced into a lane: bash, no stdin, one subshell per call.

set -uo pipefail
export LC_ALL=C PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
# What a login shell, PAM or sshd (AcceptEnv) may have put there. A smoke test's curl would go through a proxy.
unset CDPATH TMPDIR POSIXLY_CORRECT GREP_OPTIONS PERL5OPT PERL5LIB CURL_HOME
unset http_proxy https_proxy all_proxy HTTP_PROXY HTTPS_PROXY ALL_PROXY
umask 077
# Core dumps of a VMM hold guest memory, secrets included.
ulimit -c 0
# A core_pattern that is a program gets a dump whatever the limit is; this leaves the memory out of it (core(5)).
{ printf 0 >/proc/self/coredump_filter; } 2>/dev/null || :
# Hornet asks all VMMs at once, and each needs open files; child processes inherit the limit. Root may raise a lower hard limit.
(($(ulimit -n) >= 4096)) || ulimit -S -n 4096 2>/dev/null || ulimit -n 4096 2>/dev/null || ulimit -S -n "$(ulimit -H -n)"

# serve_lane: serves framed calls: "KEY LENGTH", then LENGTH bytes of code. A line of a mark and the key opens the answer on
# stdout and stderr, one of both and the exit code closes it. No command knows the key, so none can end an answer.
serve_lane() {
  local key length code rc
  while IFS=' ' read -r key length; do
    if ((length > 8192)); then
      # Without the line ends at its end, which mean nothing to eval.
      code=$(exec head -c "$length")
    else
      IFS= read -r -N "$length" code
    fi
    printf '\n\036%s\n' "$key"
    printf '\n\036%s\n' "$key" >&2
    (unset key && eval "$code") </dev/null
    rc=$?
    printf '\n\036%s %d\n' "$key" "$rc"
    printf '\n\036%s %d\n' "$key" "$rc" >&2
  done
}

# serve_stream: runs one call whose stdin and stdout are the lane's, for data that is too big for frames: "KEY LENGTH" and LENGTH
# bytes of code. The line stream_begins precedes the stream: a login shell may print text before (Debian's bash reads ~/.bashrc
# for ssh), and cannot know the key.
serve_stream() {
  local key length code
  IFS=' ' read -r key length
  stream_begins=$'\036begins '$key
  printf '%s\n' "$stream_begins"
  code=$(head -c "$length" && printf x)
  unset key
  eval "${code%x}"
}

# say_hello: prints this lane's pid and the machine's identity: its boot; its network namespace, since containers of one kernel share a
# boot; and, as further digits, where its first process is in memory, which only its root can read. Sessions to one machine share a
# lock, so a droplet that could pass for another one would have Hornet work there without that one's lock.
say_hello() {
  local boot maps="" at=""
  # A container's root may not read it.
  { IFS= read -r -d '' maps </proc/1/maps; } 2>/dev/null
  [[ ! $maps =~ ^([0-9a-f]+)-.*-([0-9a-f]+)\ [^$'\n']*\[stack\] ]] || at=$((16#${BASH_REMATCH[1]}))$((16#${BASH_REMATCH[2]}))
  read -r boot </proc/sys/kernel/random/boot_id && printf '%s %s %s%s' "$$" "$boot" "$(stat -L -c %i /proc/self/ns/net)" "$at"
}

# fail MESSAGE…: prints the message on stderr and fails.
fail() {
  printf '%s\n' "$*" >&2
  return 1
}

# effect NAME COMMAND…: every change of a droplet passes through here. NAME is unique within an operation ("vm7/disk"). Tests
# replace it to cut an operation off before or after NAME.
effect() {
  shift
  "$@"
}

# kill_descendants PID: kills all descendants of a process, not the process itself. It stops each before it lists its children,
# so that it starts no more meanwhile. On return they have ended.
kill_descendants() {
  local child children=()
  read -r -a children 2>/dev/null <"/proc/$1/task/$1/children" || :
  for child in "${children[@]}"; do
    kill -STOP "$child" 2>/dev/null
    kill_descendants "$child"
    kill -9 "$child" 2>/dev/null
  done
  await_end "${children[@]}"
}

# await_end PID…: waits until killed processes have ended, at most a second, because a process that hangs in the kernel never
# ends.
await_end() {
  local pid tries=200
  for pid in "$@"; do
    while ((tries-- > 0)) && start_time "$pid" >/dev/null; do pause 0.005; done
  done
  return 0
}

# put_line FILE TEXT: for files that nobody reads while they are written; starts no process.
put_line() { printf '%s\n' "$2" >"$1"; }

# clear_path PATH: removes it; if it does not exist, this starts no process.
clear_path() { [[ ! -e $1 && ! -L $1 ]] || rm -rf "$1"; }

# make_grave FOLDER GRAVE LABEL: gives a folder that is to be removed another name, so that a crash while it is removed leaves none
# without its label. A file system whose quota is full renames nothing (btrfs): there, it removes the folder, the file LABEL last.
make_grave() {
  mv -T -- "$1" "$2" 2>/dev/null || { find "$1" -mindepth 1 ! -type d ! -path "$1/$3" -delete && rm -rf -- "$1"; }
}

# has_entries FOLDER: whether it contains anything; starts no process.
has_entries() {
  local entry
  for entry in "$1"/* "$1"/.[!.]*; do
    [[ ! -e $entry && ! -L $entry ]] || return 0
  done
  return 1
}

# What pause waits for. A lane opens it once for all its calls; a process that outlives its call closes it.
exec {pause_fd}<> <(:)
# The descriptor of the droplet's lock, in a process that holds it (lock.sh); elsewhere one that no other process needs either. A
# process that outlives its call closes it, or the lock would stay taken.
lock_fd=$pause_fd

# pause SECONDS: waits without a process; the descriptor never becomes readable.
pause() {
  [[ -n ${pause_fd:-} ]] || exec {pause_fd}<> <(:)
  read -r -t "$1" -u "$pause_fd" _ || return 0
}

# now_ms: the droplet's clock in ms. In a loop use $((${EPOCHREALTIME/./} / 1000)), which starts no process.
now_ms() { printf '%d' $((${EPOCHREALTIME/./} / 1000)); }

# start_time PID [VARIABLE]: when a process was started, in clock ticks since boot (field 22 of /proc/PID/stat, proc(5)); with the
# pid it identifies a process, since the kernel reuses pids. Prints it, or stores it in VARIABLE, which starts no process. Fails
# if there is none, or it is a zombie. If only its first thread is a zombie it has not ended: the others may still hold its tap
# and its disk (field 20 counts them).
start_time() {
  local stat into=${2:-}
  read -r stat 2>/dev/null <"/proc/$1/stat" || return 1
  # The command's name, in parentheses, may contain spaces and parentheses.
  # shellcheck disable=SC2086
  set -- ${stat##*) }
  [[ $1 != Z || ${18} -gt 1 ]] && [[ $1 != X ]] || return 1
  if [[ -n $into ]]; then printf -v "$into" '%s' "${20}"; else printf '%s' "${20}"; fi
}

# made_folder_mark: the file that marks a folder as made by Hornet.
made_folder_mark=.hornet-made

# by_turns COMMAND…: runs it in one lane of this machine at a time; a lane's end ends its turn. Every lane that changes something
# works under the lock, whose folder only root can open: any user could hold a lock on / for ever.
by_turns() {
  local turn code=0
  [[ -d $lock_folder ]] || { "$@"; return; }
  exec {turn}<"$lock_folder" && flock "$turn" || return
  "$@" || code=$?
  exec {turn}<&-
  return "$code"
}

# make_folder PATH: makes a folder and its missing parents, each with the mark in it from the start: it makes a folder under
# another name and moves it into place, so that a crash leaves no folder that nobody would remove.
make_folder() { [[ -d $1 ]] || by_turns make_missing "$1"; }

make_missing() {
  local path=$1 parent=${1%/*} draft
  [[ ! -d $path ]] || return 0
  [[ -z $parent ]] || make_missing "$parent" || return
  is_roots_alone "${parent:-/}" || { fail "cannot make the folder $path: another user can change a folder above it"; return 1; }
  draft=$parent/.hornet-draft.$BASHPID
  if clear_path "$draft" && mkdir "$draft" && : >"$draft/$made_folder_mark" && chmod 0755 "$draft" && mv -T "$draft" "$path"; then
    return
  fi
  clear_path "$draft"
  fail "cannot make the folder $path"
}

# make_own_folder PATH: the same for what Hornet keeps there; fails with 3 where another user can exchange it, or what root has in it.
# A claim in such a folder was that user's to move away, and root then worked in what came in its place.
make_own_folder() {
  local code=0
  make_folder "$1" || return
  is_roots_alone "$1" || code=$?
  # A tmpfs is sticky by default. What others put there is not root's, and nothing that is_ours knows.
  ((code != 4)) || return 0
  ((code == 1)) || return "$code"
  fail "another user can change the folder $1 or one above it: make root its owner and close it (chmod go-w), or set another folder"
  return 3
}

# is_roots_alone FOLDER: whether no other user can change where the path leads: every folder of it, after links, belongs to root,
# and no other user can write to it. Below such folders nobody can exchange a file between a check and a change. In a sticky folder
# nobody moves what is root's; where the last one is sticky, so that others can add to it, this fails with 4. Fails with 2 if a part of
# the path is missing.
is_roots_alone() {
  local path="" part whose group mode kind open="" at=0 links=${2:-0}
  local -a parts paths=(/)
  IFS=/ read -r -a parts <<<"$1"
  for part in "${parts[@]}"; do
    [[ -n $part ]] || continue
    path+=/$part paths+=("$path")
  done
  while read -r whose group mode kind; do
    [[ $whose == 0 || $whose == "$EUID" ]] || return 1
    if [[ $kind == symbolic* ]]; then
      ((links < 20)) && path=$(realpath -- "${paths[at]}") && is_roots_alone "$path${1#"${paths[at]}"}" $((links + 1))
      return
    fi
    open=""
    if (((8#$mode & 8#2) != 0)) || (((8#$mode & 8#20) != 0 && group != 0)); then
      (((8#$mode & 8#1000) != 0)) || return 1
      open=1
    fi
    ((at += 1))
  done < <(stat -c '%u %g %a %F' -- "${paths[@]}" 2>/dev/null)
  ((at == ${#paths[@]})) || return 2
  [[ -z $open ]] || return 4
}

# draft_grows DRAFT: whether the lane that makes it still runs.
draft_grows() {
  local words=()
  mapfile -d '' -t words 2>/dev/null <"/proc/${1##*.}/cmdline"
  [[ ${words[5]:-} == hornet-lane ]] && is_our_process "${1##*.}" "/proc/$$/exe"
}

# clear_drafts PATH: finishes or removes what a killed make_folder or drop_folder has left above PATH, where nothing else of
# Hornet may be.
clear_drafts() {
  local path=$1 draft name
  while [[ -n $path ]]; do
    path=${path%/*}
    for draft in "$path"/.hornet-draft.*; do
      if [[ ! -O $draft || -L $draft ]] || draft_grows "$draft"; then continue; fi
      if [[ -d $draft ]]; then
        rm -f "$draft/$made_folder_mark" && rmdir "$draft" 2>/dev/null
        continue
      fi
      # The note of a drop_bare: its folder exists without the mark, or is gone. Another lane may have removed the note since
      # ("name: unbound variable" in a destroy after a reboot).
      name=""
      { read -r name <"$draft"; } 2>/dev/null || :
      if [[ -n $name && $name != */* && -d $path/$name ]]; then : >"$path/$name/$made_folder_mark"; fi
      rm -f "$draft"
    done
  done
  return 0
}

# is_bare PATH: whether a folder contains only the mark, after removing the remains of lanes that have ended.
is_bare() {
  local entry
  for entry in "$1"/* "$1"/.[!.]* "$1"/..?*; do
    if [[ $entry == "$1/$made_folder_mark" || ! -e $entry && ! -L $entry ]]; then continue; fi
    [[ $entry == "$1"/.hornet-draft.* ]] && ! draft_grows "$entry" && rm -rf "$entry" || return 1
  done
}

# drop_folder PATH: removes a folder that Hornet made if it is bare, then its parents likewise.
drop_folder() {
  local path=$1
  clear_drafts "$path"
  # If an earlier turn was cut off, its parents are left.
  while [[ -n $path && ! -e $path ]]; do path=${path%/*}; done
  while [[ -n $path && -e $path/$made_folder_mark ]] && is_bare "$path" && by_turns drop_bare "$path"; do path=${path%/*}; done
  return 0
}

# drop_bare PATH: rmdir fails if another lane has put something into the folder meanwhile. If this is cut off, a note beside the
# folder identifies it although it lost the mark.
drop_bare() {
  local note=${1%/*}/.hornet-draft.$BASHPID code=0
  # On a full disk there is no note.
  clear_path "$note" && { printf '%s\n' "${1##*/}" >"$note"; } 2>/dev/null
  rm -f "$1/$made_folder_mark" || return
  rmdir "$1" 2>/dev/null || { code=1 && : >"$1/$made_folder_mark"; }
  rm -f "$note"
  return "$code"
}
