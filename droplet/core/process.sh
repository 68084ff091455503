# shellcheck shell=bash
# A VMM as a process: how Hornet learns its end, finds it again, and repairs things around it while it runs.

# wait_vmm: the program of the VMM's parent: DIR CGROUPS COMMAND…. The kernel tells how a process ended to its parent alone, so
# one shell a clone waits for it, and ends with it. It is in no namespace of the clone's and has no part in its life:
# where somebody kills it, the VMM lives on, and only how it ends is then not known. It holds the reading end of the metrics'
# pipe too (see metrics.sh): the jailer closes what the VMM inherits. The process that becomes the VMM writes its pid first, so that
# Hornet can find it from its first moment on, and joins its cgroups (CGROUPS: folders, blank between).
# shellcheck disable=SC2016
wait_vmm='dir=$1; cgroups=$2; shift 2; [ ! -p "$dir/metrics.pipe" ] || exec 3<>"$dir/metrics.pipe"
since() { shift 19; since=$1; }
{ read -r stat </proc/self/stat && read -r boot </proc/sys/kernel/random/boot_id && since ${stat##*) } &&
  printf "%s %s %s\n" "${stat%% *}" "$since" "$boot" >"$dir/vmm.pid" || exit
  for cgroup in $cgroups; do echo "${stat%% *}" >"$cgroup/cgroup.procs" || exit; done
  exec "$@"; } & wait "$!"; code=$?
[ ! -d "$dir" ] || { printf "%s %s %s\n" "$!" "$code" "$(date -u +%FT%TZ)" >"$dir/vmm.exit.draft"; mv "$dir/vmm.exit.draft" "$dir/vmm.exit"; }'

# waiter_of PID VARIABLE: puts the pid and the start time of the shell that waits for a VMM into VARIABLE; empty if there is none.
waiter_of() {
  local stat parent words since
  printf -v "$2" ''
  read -r stat 2>/dev/null <"/proc/$1/stat" || return 0
  read -r _ parent _ <<<"${stat##*) }"
  mapfile -d '' -t words 2>/dev/null <"/proc/$parent/cmdline" || return 0
  [[ ${words[3]:-} != hornet-wait ]] || ! start_time "$parent" since || printf -v "$2" '%s %s' "$parent" "$since"
}

# end_waiter "PID START": waits for its end, which follows its VMM's, and kills it otherwise.
end_waiter() {
  local pid=${1% *} started=${1#* } limit now
  [[ -n $1 ]] || return 0
  limit=$((${EPOCHREALTIME/./} / 1000 + 2000))
  while start_time "$pid" now && [[ $now == "$started" ]]; do
    ((${EPOCHREALTIME/./} / 1000 <= limit)) || kill -9 "$pid" 2>/dev/null
    pause 0.002
  done
}

# runs_as PID UID: whether all user ids of a process are UID. It reads the file by one command: bash seeks back after each line
# that it reads, the kernel then writes the file again, and if the process has fallen asleep meanwhile ("S (sleeping)" for
# "R (running)"), the next line starts one letter late. One look in twelve at a busy process did not find its ids, and Hornet
# started a second VMM beside it.
runs_as() {
  local status=""
  IFS= read -r -d '' status 2>/dev/null <"/proc/$1/status"
  [[ $status == *$'\nUid:\t'$2$'\t'$2$'\t'$2$'\t'$2$'\n'* ]]
}

# is_our_process PID [PROGRAM]: whether root runs it, and it runs PROGRAM. Any user can give a process any arguments; one that a
# user started through a setuid program still has the user's real id.
is_our_process() { runs_as "$1" "$EUID" && [[ -z ${2:-} || /proc/$1/exe -ef $2 ]]; }

# list_vmms: fills the array vmm_of, once: the blank-separated pids of all processes with a VMM's arguments, by the path of the
# API socket in them.
list_vmms() {
  local process words socket
  ((${#vmm_of[@]} == 0)) || return 0
  vmm_of[.]=""
  for process in /proc/[0-9]*; do
    mapfile -d '' -t words 2>/dev/null <"$process/cmdline" || continue
    case ${words[1]:-} in
      --api-sock) socket=${words[2]:-?} ;;
      # As the jailer starts it: its own arguments come first.
      --id)
        socket=" ${words[*]:2:12}"
        [[ $socket == *" --api-sock "* ]] || continue
        socket=${socket#* --api-sock } socket=${socket%% *}
        ;;
      *) continue ;;
    esac
    is_vmm_of "${process#/proc/}" "${socket%/firecracker.sock}" || continue
    vmm_of[$socket]+=" ${process#/proc/}"
  done
}

# is_vmm_of PID DIR: it runs as root, or as the user of that clone's jail.
is_vmm_of() {
  local held
  ! runs_as "$1" "$EUID" || return 0
  held_uid "$2" held
  [[ -n $held ]] && runs_as "$1" "$held"
}

# find_vmm DIR NAMESPACE VARIABLE (array vmm_of): puts into it the pid of the clone's VMM where its pid file names none. A
# process with the same arguments is another one unless it is in the clone's namespace, where no other user's can be, and
# runs the file that the VMM ran when its guest started.
find_vmm() {
  local dir=$1 candidate path inode started_as=""
  has_netns "$2" && list_vmms || return 1
  while read -r path inode _; do
    [[ $path != */exe ]] || started_as=$inode
  done 2>/dev/null <"$dir/opened"
  for candidate in ${vmm_of[$dir/firecracker.sock]:-}; do
    [[ /proc/$candidate/ns/net -ef /run/netns/$2 ]] || continue
    [[ -z $started_as || $(stat -L -c %i "/proc/$candidate/exe" 2>/dev/null) == "$started_as" ]] || continue
    printf -v "$3" '%s' "$candidate"
    return 0
  done
  return 1
}

# list_residents NAMESPACE DIR: the processes in a clone's namespace but its VMM, one of which may hold its tap.
list_residents() {
  local process own="" words
  read -r own _ 2>/dev/null <"$2/vmm.pid"
  for process in /proc/[0-9]*; do
    [[ $process/ns/net -ef /run/netns/$1 && ${process#/proc/} != "$own" ]] || continue
    mapfile -d '' -t words 2>/dev/null <"$process/cmdline"
    printf '%s (%s) ' "${process#/proc/}" "${words[*]:0:3}"
  done
}

# end_strays NAMESPACE ID: ends VMMs of that id in the clone's namespace, which no other user can enter, that its folder no longer
# names. Once after its folder was deleted the old VMM lived on, and the new one found the tap busy.
end_strays() {
  local process words
  for process in /proc/[0-9]*; do
    [[ $process/ns/net -ef /run/netns/$1 ]] || continue
    mapfile -d '' -t words 2>/dev/null <"$process/cmdline"
    [[ " ${words[*]} " == *" --id $2 "* ]] || continue
    process=${process#/proc/}
    effect "$1/end-stray" kill -9 "$process" || return
    while start_time "$process" >/dev/null; do pause 0.005; done
  done
}

# @call recover_vmm(runtime_dir namespace owner) effects
# Writes the pid of this clone's VMM into its pid file, where the file names another, so that Hornet can repair or end it.
# Does nothing if the VMM in the file runs, or if there is none.
recover_vmm() {
  local dir=$runtime_dir/$namespace pid=""
  local -A vmm_of=()
  is_ours "$dir" && ! vmm_alive "$dir" && find_vmm "$dir" "$namespace" pid || return 0
  effect "$namespace/pid" write_pid "$dir/vmm.pid" "$pid"
}

# write_pid FILE PID: writes pid, start time and boot, which identify a process, in one write; a reader may find the file empty
# for a moment.
write_pid() {
  local since boot
  start_time "$2" since && read -r boot </proc/sys/kernel/random/boot_id || return
  printf '%s %s %s\n' "$2" "$since" "$boot" >"$1"
}

# process_alive FILE: whether the process that write_pid recorded runs (same start time, same boot).
process_alive() {
  local pid started boot now
  read -r pid started boot 2>/dev/null <"$1" || return 1
  read -r now </proc/sys/kernel/random/boot_id
  [[ $boot == "$now" ]] && start_time "$pid" now && [[ $now == "$started" ]]
}

# @call mend_vm(runtime_dir namespace owner disk_path vmm_limits) effects
# Repairs things around a running VM: the mode of its folder, its jail, its limits, the mark on its disk, the mount of its disk.
mend_vm() {
  local dir=$runtime_dir/$namespace pid started at
  require_ours || return
  vmm_alive "$dir" || return 0
  read -r pid started _ <"$dir/vmm.pid"
  effect "$namespace/mode" chmod 700 "$dir" || return
  [[ ! -e $dir/jail/entries ]] || effect "$namespace/mend-jail" mend_jail "$dir" "$pid" "$started" || return
  effect "$namespace/limits" limit_again "$pid" "$dir" "$namespace" || return
  [[ -z $disk_path || -e $dir/disk-used ]] || effect "$namespace/disk-used" put_line "$dir/disk-used" "" || return
  baked_path "$dir" "$disk_path" at
  if [[ -n $disk_path && ! "/proc/$pid/root$at" -ef $dir/rootfs.ext4 ]]; then
    effect "$namespace/mount" mount_again "$pid" "$dir" "$disk_path" || return
  fi
}

# baked_path DIR PATH VARIABLE: where the VMM of a clone finds a path that is baked into its snapshot. It runs in the clone's
# folder, or in the root of its jail.
baked_path() {
  if in_jail "$1"; then
    jail_path "$2" "$3"
  elif [[ $2 == /* ]]; then
    printf -v "$3" '%s' "$2"
  else
    printf -v "$3" '%s' "$1/$2"
  fi
}

# mount_again PID DIR PATH: mount_disk in the VMM's own mount namespace; in a jail, the link at that path.
mount_again() {
  local at
  if in_jail "$2"; then
    baked_path "$2" "$3" at
    (umask 022; mkdir -p "$2/jail/root${at%/*}") && ln -fT "$2/rootfs.ext4" "$2/jail/root$at"
    return
  fi
  nsenter --mount="/proc/$1/ns/mnt" bash -c \
    "LC_ALL=C; $(declare -f mount_disk expose_path fail); mount_disk \"\$@\"" hornet-mount "$2" "$3"
}
