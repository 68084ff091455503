# shellcheck shell=bash
# The VMM of a clone as a program: its launch, its API, its end. See process.sh for what is known of it while it runs.

# become_vmm DIR FIRECRACKER ID DISK_PATH TAP JAILER UID CGROUPS FILES FILE_SIZE [FLAG]: runs in the clone's network namespace and
# becomes the VMM, in a separate mount namespace, or, if JAILER is not empty, in a jail (see jail.sh). It writes the pid first, so
# that Hornet can find the process from its first moment on. CGROUPS are folders, blank between; with an empty FILES the process
# has no limits. The jailer copies Firecracker before it sets the limits.
become_vmm() {
  local dir=$1 firecracker=$2 id=$3 disk_path=$4 tap=$5 jailer=$6 uid=$7 cgroups=$8 files=$9 file_size=${10} source path cgroup
  local -a limits=()
  shift 10
  write_pid "$dir/vmm.pid" "$$" || return
  # A VMM that finds no tap makes one, without an address, and its guest is cut off in silence.
  [[ -z $tap ]] || [[ $(</proc/self/net/dev) == *" $tap:"* ]] || { fail "there is no $tap in the clone's namespace"; return 1; }
  for cgroup in $cgroups; do echo "$$" >"$cgroup/cgroup.procs" || return; done
  if [[ -n $jailer ]]; then
    [[ -z $files ]] || limits=(--resource-limit "no-file=$files" --resource-limit "fsize=$file_size")
    if [[ -e $dir/jail/binds ]]; then
      while IFS= read -r source && IFS= read -r path; do
        mount --bind -- "$source" "$path" && mount -o remount,bind,ro "$path" || return
      done <"$dir/jail/binds"
    fi
    exec "$jailer" --id "$id" --exec-file "$firecracker" --uid "$uid" --gid "$uid" --chroot-base-dir "$dir/jail" \
      "${limits[@]}" -- --api-sock "$dir/firecracker.sock" "$@"
  fi
  [[ -z $files ]] || limits=(prlimit "--nofile=$files" "--fsize=$file_size" --)
  mount_disk "$dir" "$disk_path" && cd "$dir" || return
  exec "${limits[@]}" "$firecracker" --api-sock "$dir/firecracker.sock" --id "$id" "$@"
}

# What becomes a VMM, as a program of its own.
vmm_program="LC_ALL=C; $(declare -f become_vmm mount_disk write_pid expose_path start_time fail); become_vmm \"\$@\""

# vmm_listens DIR: its API socket takes connections. The file alone is there a moment earlier, between bind and listen;
# /proc/PID/net/unix lists the sockets of its network namespace, with the flag 00010000 for those that listen.
vmm_listens() {
  local pid sockets="" row
  [[ -S $1/firecracker.sock || -S $1/jail/root$1/firecracker.sock ]] && read -r pid _ 2>/dev/null <"$1/vmm.pid" || return 1
  # Read whole: see runs_as.
  IFS= read -r -d '' sockets 2>/dev/null <"/proc/$pid/net/unix"
  row=" 00010000 [0-9]+ [0-9]+ +[0-9]+ "
  [[ $sockets =~ $row"$1/firecracker.sock"$'\n' ]]
}

# launch_vmm DIR NAMESPACE FIRECRACKER ID DISK_PATH TAP [FLAG]: starts it and waits until its API socket is there. Variable
# jailer: see prepare_jail, which comes first; vmm_limits: see cgroup.sh.
launch_vmm() {
  local dir=$1 namespace=$2 firecracker=$3 limit uid="" files="" size=""
  local -a cgroups
  list_cgroups "$namespace"
  process_limit files files
  file_size_limit "$dir" size || return
  local -a apart=(unshare --mount --propagation private)
  if [[ -n ${jailer:-} ]]; then
    read -r uid <"$dir/uid" || return
    # The jailer makes a mount namespace by itself, and each one copies the whole mount table.
    [[ -e $dir/jail/binds ]] || apart=()
  fi
  clear_path "$dir/firecracker.sock" && clear_path "$dir/vmm.pid" && clear_path "$dir/vmm.exit" && clear_path "$dir/opened" || return
  clear_path "$dir/closed" || return
  clear_path "$dir/console.said" && : >"$dir/console.log" || return
  setsid sh -c "$wait_vmm" hornet-wait "$dir" \
    nsenter --net="/run/netns/$namespace" "${apart[@]}" \
    bash -c "$vmm_program" \
    hornet-vmm "$dir" "${@:3:4}" "${jailer:-}" "$uid" "${cgroups[*]}" "$files" "$size" "${@:7}" </dev/null >>"$dir/console.log" 2>&1 {pause_fd}>&- {lock_fd}>&- &
  limit=$((${EPOCHREALTIME/./} / 1000 + vmm_timeout_ms))
  until vmm_listens "$dir"; do
    if ((${EPOCHREALTIME/./} / 1000 > limit)); then
      fail "the VMM did not open its socket in time: $(console_tail "$dir" 600)"
      return 1
    fi
    if [[ -s $dir/vmm.pid ]] && ! vmm_alive "$dir"; then
      fail "the VMM ended at once: $(console_tail "$dir" 600)"
      ! grep -q '^Failed to exec into Firecracker: No such file' "$dir/console.log" ||
        fail "$firecracker needs libraries, and a jail has none: install a static build, as the releases are, or set hornet:vmm.jailer: off"
      return 1
    fi
    pause 0.002
  done
  [[ -z $uid ]] || close_jail "$dir"
}

# api DIR CONFIG (variable vmm_timeout_ms): sends requests over one connection and puts what is answered into vmm_answer. CONFIG
# is curl's own config text; it goes in by a pipe, because it holds secrets. The socket's path and the droplet's clock are put
# in here. A hostile VMM's answer has no end.
api() {
  local config=${2//@SOCKET@/"$1/firecracker.sock"}
  config=${config//@SECONDS@/$((vmm_timeout_ms / 1000 + 1))}
  config=${config//@CLOCK@/$EPOCHREALTIME}
  local code=0
  vmm_answer=$(set -o pipefail && printf '%s' "$config" | curl --fail-early --config - | head -c 262144) || code=$?
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
  curl --silent --fail --max-time $((vmm_timeout_ms / 1000 + 1)) --unix-socket "$dir/firecracker.sock" -X PUT -H 'Content-Type: application/json' \
    -d '{"action_type":"SendCtrlAltDel"}' http://localhost/actions >/dev/null || return 0
  limit=$((${EPOCHREALTIME/./} / 1000 + $2))
  while vmm_alive "$dir" && ((${EPOCHREALTIME/./} / 1000 < limit)); do pause 0.02; done
  vmm_alive "$dir" || end_waiter "$waiter"
}
