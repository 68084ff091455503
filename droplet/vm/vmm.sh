# shellcheck shell=bash
# The VMM of a clone as a program: its launch, its API, its end. See process.sh for what is known of it while it runs.

# become_vmm DIR FIRECRACKER ID DISK_PATH JAILER UID FILES FILE_SIZE [FLAG]: runs in the clone's network namespace and in a separate
# mount namespace, and becomes the VMM, or, if JAILER is not empty, the jailer (see jail.sh) that becomes it. With an empty FILES the
# process has no limits. The jailer copies Firecracker before it sets the limits.
become_vmm() {
  local dir=$1 firecracker=$2 id=$3 disk_path=$4 jailer=$5 uid=$6 files=$7 file_size=$8 source path
  local -a limits=() command
  shift 8
  if [[ -n $jailer ]]; then
    while IFS= read -r source && IFS= read -r path; do
      mount --bind -- "$source" "$path" && mount -o remount,bind,ro "$path" || return
    done <"$dir/jail/binds"
    jailer_command "$@"
    exec "${command[@]}"
  fi
  [[ -z $files ]] || limits=(prlimit "--nofile=$files" "--fsize=$file_size" --)
  mount_disk "$dir" "$disk_path" && cd "$dir" || return
  exec "${limits[@]}" "$firecracker" --api-sock "$dir/firecracker.sock" --id "$id" "$@"
}

# jailer_command [FLAG] (variables dir firecracker id jailer uid files file_size): puts it into the caller's array command.
jailer_command() {
  local -a limits=()
  [[ -z $files ]] || limits=(--resource-limit "no-file=$files" --resource-limit "fsize=$file_size")
  command=("$jailer" --id "$id" --exec-file "$firecracker" --uid "$uid" --gid "$uid" --chroot-base-dir "$dir/jail"
    "${limits[@]}" -- --api-sock "$dir/firecracker.sock" "$@")
}

# What becomes a VMM, as a separate program.
vmm_program="LC_ALL=C; $(declare -f become_vmm jailer_command mount_disk expose_path fail); become_vmm \"\$@\""

# launch_vmm DIR NAMESPACE FIRECRACKER ID DISK_PATH TAP [FLAG]: starts it and waits until its API takes connections (see launch.pl).
# Variable jailer: see prepare_jail, which comes first; vmm_limits: see cgroup.sh.
launch_vmm() {
  local dir=$1 namespace=$2 firecracker=$3 id=$4 disk_path=$5 tap=$6 jailer=${jailer:-} uid="" files="" file_size="" code=0
  local -a cgroups command
  shift 6
  list_cgroups "$namespace"
  process_limit files files
  file_size_limit "$dir" file_size || return
  [[ -z $jailer ]] || read -r uid <"$dir/uid" || return
  if [[ -n $jailer && ! -e $dir/jail/binds ]]; then
    # The jailer makes a mount namespace by itself, and each one copies the whole mount table.
    jailer_command "$@"
  else
    command=(unshare --mount --propagation private bash -c "$vmm_program" hornet-vmm
      "$dir" "$firecracker" "$id" "$disk_path" "$jailer" "$uid" "$files" "$file_size" "$@")
  fi
  clear_path "$dir/firecracker.sock" && clear_path "$dir/vmm.pid" && clear_path "$dir/vmm.exit" && clear_path "$dir/opened" || return
  clear_path "$dir/closed" || return
  clear_path "$dir/console.said" && : >"$dir/console.log" || return
  step launch "$dir" "$namespace" "$tap" "$uid" "$((vmm_timeout_ms))" setsid sh -c "$wait_vmm" hornet-wait "$dir" "${cgroups[*]}" \
    nsenter --net="/run/netns/$namespace" "${command[@]}" || code=$?
  case $code in
    2) fail "the VMM did not open its socket in time: $(console_tail "$dir" 600)" ;;
    3)
      fail "the VMM ended at once: $(console_tail "$dir" 600)"
      ! grep -q '^Failed to exec into Firecracker: No such file' "$dir/console.log" ||
        fail "$firecracker needs libraries, and a jail has none: install a static build, as the releases are, or set hornet:vmm.jailer: off"
      ;;
  esac
  return "$code"
}

# api DIR REQUESTS (variable vmm_timeout_ms): sends requests over one connection and puts what is answered into vmm_answer (see api.pl).
api() {
  local code=0
  step requests "$1" "$((vmm_timeout_ms / 1000 + 1))" "$2" || code=$?
  vmm_answer=${step_answer%$'\n'}
  ((code == 0)) || fail "the VMM answered: ${vmm_answer:0:8192}"
  return "$code"
}

# await_exit DIR: of a VMM that has ended by itself a moment ago, what waited for it is about to say how, in a file that would
# be left. Where that was killed before, nobody says it: half a second is all that it gets. Fails if it said nothing.
await_exit() {
  local boot now tries=100
  read -r _ _ boot 2>/dev/null <"$1/vmm.pid" || return 0
  read -r now </proc/sys/kernel/random/boot_id
  [[ $boot == "$now" ]] || return 0
  until [[ -e $1/vmm.exit ]]; do
    ((tries-- > 0)) || return 1
    pause 0.005
  done
}

# end_vmm DIR (variables vmm_timeout_ms owner): ends the recorded process, the shell that waits for it, and what else runs in its
# cgroup, and waits until they have gone. The shell goes first: how this VMM ends is no news. Before that it forbids the recovery
# keeper to start the VMM again.
end_vmm() {
  local dir=$1 pid limit waiter
  clear_path "$dir/recovery" && end_handover "$dir" || return
  if ! vmm_alive "$dir"; then
    # On a busy droplet it once wrote its file after a delete had cleared the folder.
    await_exit "$dir" || end_helper hornet-wait "$dir"
    end_cgroup "${dir##*/}"
    return
  fi
  read -r pid _ <"$dir/vmm.pid"
  waiter_of "$pid" waiter
  [[ -z $waiter ]] || kill -9 "${waiter% *}" 2>/dev/null
  kill -9 "$pid" 2>/dev/null
  limit=$((${EPOCHREALTIME/./} / 1000 + vmm_timeout_ms))
  while vmm_alive "$dir"; do
    ((${EPOCHREALTIME/./} / 1000 <= limit)) || { fail "process $pid does not end"; return 1; }
    pause 0.005
  done
  end_waiter "$waiter"
  end_cgroup "${dir##*/}"
}

# shut_down_vmm DIR MS: asks the guest to power off and waits for the VMM to exit, MS at the most. A VMM that does not take
# that (on aarch64 there is no keyboard to press) is not waited for.
shut_down_vmm() {
  local dir=$1 limit pid waiter
  clear_path "$dir/recovery" || return
  vmm_alive "$dir" || return 0
  read -r pid _ <"$dir/vmm.pid"
  waiter_of "$pid" waiter
  api "$dir" 'PUT /actions {"action_type":"SendCtrlAltDel"}' 2>/dev/null || return 0
  limit=$((${EPOCHREALTIME/./} / 1000 + $2))
  while vmm_alive "$dir" && ((${EPOCHREALTIME/./} / 1000 < limit)); do pause 0.02; done
  vmm_alive "$dir" || end_waiter "$waiter"
}
