# shellcheck shell=bash
# One VMM process: its disk, its launch, its end. Its folder DIR (the clone's claim) holds:
#   rootfs.ext4      the private disk          firecracker.sock  the API
#   vmm.pid          pid, start time, boot id  console.log       the guest's serial console and the VMM's words
#   vmm.exit         pid, exit code, time      record            what it was started from, as lines key=value
#   opened           inodes and bytes of the VMM's program and of its disk when its guest ran
#   metrics.pipe     what the VMM counts, where that is collected (see metrics.sh)
#   told             a mark of what its guest was told last; empty while it is told something else
#   begun            not empty: it is being made, and no state knows it
#   unsettled        not empty: it was started, and what was to be waited for has not come to pass yet
#   handover, closed, identity.disk   see handover.sh
#   console.said     what the identity service said in the part of the console that was cut off (see console.sh)

# vmm_alive DIR: the recorded process lives and is the one that was started.
vmm_alive() { process_alive "$1/vmm.pid"; }

# copy_disk SOURCE TARGET KIND-FILE: a copy of its own, by reflink where the file system can, else without its zeros. It
# has our mode, not the template's. Each cp makes its file: one that is there already is cut to nothing first, and such a
# file ext4 and XFS write out to the disk when it is closed, for those who never sync.
copy_disk() {
  local kind=reflink
  clear_path "$2" && clear_path "$2.draft" && clear_path "${2%/*}/disk-used" || return
  if ! cp --no-preserve=mode --reflink=always -- "$1" "$2.draft" 2>/dev/null; then
    kind=sparse
    cp --no-preserve=mode --remove-destination --sparse=always --reflink=never -- "$1" "$2.draft" ||
      { rm -f "$2.draft"; return 1; }
  fi
  mv "$2.draft" "$2" && printf '%s\n' "$kind" >"$3"
}

# expose_path PATH: makes sure that a file can be mounted at PATH, within this process's own mount namespace. Where
# folders are missing, a tmpfs covers the nearest one that is there and shows its entries again, so that nothing is
# written on the droplet.
expose_path() {
  local path=$1 base entry
  [[ ! -e $path ]] || return 0
  # A link that leads to nothing would be written through, onto the droplet.
  path=$(realpath -m -- "$path") || return
  base=${path%/*}
  while [[ -n $base && ! -d $base ]]; do base=${base%/*}; done
  [[ -n $base ]] || { fail "no folder above $path can be covered"; return 1; }
  base=$(realpath "$base") && cd "$base" || return
  # The working directory stays on what is covered: relative sources reach it, unless mount makes them absolute (-c).
  mount -t tmpfs -o mode=0755 hornet "$base" || return
  for entry in ./* ./.[!.]*; do
    if [[ -L $entry ]]; then
      cp -P "$entry" "$base/$entry"
    elif [[ -d $entry ]]; then
      mkdir "$base/$entry" && mount -c --rbind "$entry" "$base/$entry"
    elif [[ -e $entry ]]; then
      : >"$base/$entry" && mount -c --bind "$entry" "$base/$entry"
    fi || return
  done
  mkdir -p "$(realpath -m "${path%/*}")" && : >"$path"
}

# mount_disk DIR PATH: puts the private disk of the clone's folder at the path that the snapshot has for it, within this
# process's own mount namespace; an empty PATH: the VM has no disk. The VMM runs in DIR, so a relative path leads on from
# there; within DIR a link is enough.
mount_disk() {
  local dir=$1 path=$2
  [[ -n $path ]] || return 0
  if [[ $path != /* ]]; then
    path=$dir/$path
    [[ ! $path -ef $dir/rootfs.ext4 ]] || return 0
    if [[ $(realpath -m -- "$path") == "$(realpath -- "$dir")"/* ]]; then
      [[ ! -e $path && ! -L $path ]] || { fail "the disk path $2, which is baked into the snapshot, is taken by a file of Hornet's"; return 1; }
      mkdir -p -- "${path%/*}" && ln -s -- "$dir/rootfs.ext4" "$path"
      return
    fi
  fi
  expose_path "$path" && mount --bind -- "$dir/rootfs.ext4" "$path"
}

# become_vmm DIR FIRECRACKER ID DISK_PATH TAP [FLAG]: runs in the clone's network namespace and a mount namespace of its
# own, and turns into the VMM. The pid is written first: from the moment there is a process, it can be found.
become_vmm() {
  local dir=$1 firecracker=$2 id=$3 disk_path=$4 tap=$5
  write_pid "$dir/vmm.pid" "$$" || return
  # A VMM that finds no tap makes one, without an address, and its guest is cut off in silence.
  [[ -z $tap ]] || [[ $(</proc/self/net/dev) == *" $tap:"* ]] || { fail "there is no $tap in the clone's namespace"; return 1; }
  mount_disk "$dir" "$disk_path" && cd "$dir" || return
  # See metrics.sh for why it holds the other end too.
  [[ ! -p $dir/metrics.pipe ]] || exec 3<>"$dir/metrics.pipe" || return
  exec "$firecracker" --api-sock "$dir/firecracker.sock" --id "$id" "${@:6}"
}

# What becomes a VMM, as a program of its own.
vmm_program="LC_ALL=C; $(declare -f become_vmm mount_disk write_pid expose_path start_time fail); become_vmm \"\$@\""

# vmm_listens DIR: its API socket takes connections. The file alone is there a moment earlier, between bind and listen;
# /proc/PID/net/unix lists the sockets of its network namespace, with the flag 00010000 for those that listen.
vmm_listens() {
  local pid flags path
  [[ -S $1/firecracker.sock ]] && read -r pid _ 2>/dev/null <"$1/vmm.pid" || return 1
  while read -r _ _ _ flags _ _ _ path; do
    [[ $flags != 00010000 || $path != "$1/firecracker.sock" ]] || return 0
  done 2>/dev/null <"/proc/$pid/net/unix"
  return 1
}

# launch_vmm DIR NAMESPACE FIRECRACKER ID DISK_PATH TAP [FLAG]: starts it and waits until its API socket is there.
launch_vmm() {
  local dir=$1 namespace=$2 limit
  clear_path "$dir/firecracker.sock" && clear_path "$dir/vmm.pid" && clear_path "$dir/vmm.exit" && clear_path "$dir/opened" || return
  clear_path "$dir/closed" || return
  clear_path "$dir/console.said" && : >"$dir/console.log" || return
  setsid sh -c "$wait_vmm" hornet-wait "$dir" \
    nsenter --net="/run/netns/$namespace" unshare --mount --propagation private \
    bash -c "$vmm_program" \
    hornet-vmm "$dir" "${@:3}" </dev/null >>"$dir/console.log" 2>&1 {pause_fd}>&- &
  limit=$((${EPOCHREALTIME/./} / 1000 + vmm_timeout_ms))
  until vmm_listens "$dir"; do
    if ((${EPOCHREALTIME/./} / 1000 > limit)); then
      fail "the VMM did not open its socket in time: $(console_tail "$dir" 600)"
      return 1
    fi
    if [[ -s $dir/vmm.pid ]] && ! vmm_alive "$dir"; then
      fail "the VMM ended at once: $(console_tail "$dir" 600)"
      return 1
    fi
    pause 0.002
  done
}

# api DIR CONFIG (variable vmm_timeout_ms): sends requests over one connection and puts what is answered into vmm_answer. CONFIG
# is curl's own config text; it goes in by a pipe, because it holds secrets. The socket's path and the droplet's clock are put
# in here.
api() {
  local config=${2//@SOCKET@/"$1/firecracker.sock"}
  config=${config//@SECONDS@/$((vmm_timeout_ms / 1000 + 1))}
  config=${config//@CLOCK@/$EPOCHREALTIME}
  local code=0
  vmm_answer=$(printf '%s' "$config" | curl --fail-early --config -) || code=$?
  ((code == 0)) || fail "the VMM answered: $vmm_answer"
  return "$code"
}

# end_vmm DIR (variable vmm_timeout_ms): ends the recorded process and the shell that waits for it, nothing else, and waits
# until they have gone. The shell goes first: how this VMM ends is no news.
end_vmm() {
  local dir=$1 pid limit waiter
  end_handover "$dir" || return
  vmm_alive "$dir" || { await_exit "$dir"; return 0; }
  read -r pid _ <"$dir/vmm.pid"
  waiter=$(waiter_of "$pid")
  [[ -z $waiter ]] || kill -9 "${waiter% *}" 2>/dev/null
  kill -9 "$pid" 2>/dev/null
  limit=$((${EPOCHREALTIME/./} / 1000 + vmm_timeout_ms))
  while vmm_alive "$dir"; do
    ((${EPOCHREALTIME/./} / 1000 <= limit)) || { fail "process $pid does not end"; return 1; }
    pause 0.005
  done
  end_waiter "$waiter"
}

# await_exit DIR: of a VMM that has ended by itself a moment ago, what waited for it is about to say how, in a file that would
# be left. Where that was killed before, nobody says it: half a second is all that it gets.
await_exit() {
  local boot now tries=100
  read -r _ _ boot 2>/dev/null <"$1/vmm.pid" || return 0
  read -r now </proc/sys/kernel/random/boot_id
  while [[ $boot == "$now" && ! -e $1/vmm.exit ]] && ((tries-- > 0)); do pause 0.005; done
}

# shut_down_vmm DIR MS: asks the guest to power off and waits for the VMM to exit, MS at the most. A VMM that does not take
# that (on aarch64 there is no keyboard to press) is not waited for.
shut_down_vmm() {
  local dir=$1 limit pid waiter
  vmm_alive "$dir" || return 0
  read -r pid _ <"$dir/vmm.pid"
  waiter=$(waiter_of "$pid")
  curl --silent --fail --max-time $((vmm_timeout_ms / 1000 + 1)) --unix-socket "$dir/firecracker.sock" -X PUT -H 'Content-Type: application/json' \
    -d '{"action_type":"SendCtrlAltDel"}' http://localhost/actions >/dev/null || return 0
  limit=$((${EPOCHREALTIME/./} / 1000 + $2))
  while vmm_alive "$dir" && ((${EPOCHREALTIME/./} / 1000 < limit)); do pause 0.02; done
  vmm_alive "$dir" || end_waiter "$waiter"
}

# write_record DIR TEXT: another record for a VMM that runs; it goes on from the snapshot that it was started from. Whoever
# reads it sees the old one or the new one.
write_record() {
  local origin
  origin=$(grep '^\(digest\|key\|vmm\)=' "$1/record") || { fail "the launch record $1/record is missing"; return 1; }
  printf '%s\n' "$origin" "$2" >"$1/record.draft" && mv "$1/record.draft" "$1/record"
}

# clear_socket PATH: makes room for a socket. One of a VMM that was killed lies there still, and no other can be bound to it.
# Nothing else is taken away: before 1.16 the path is the snapshot's own.
clear_socket() { mkdir -p "${1%/*}" && { [[ ! -S $1 ]] || rm -f "$1"; }; }

# add_taps NAMESPACE TAP…: the taps of interfaces beside the clone's own: links that lead nowhere but to the VMM.
add_taps() {
  local namespace=$1 tap lines=""
  shift
  for tap; do
    ip -n "$namespace" link show dev "$tap" >/dev/null 2>&1 || lines+="tuntap add dev $tap mode tap"$'\n'
    lines+="link set $tap up"$'\n'
  done
  ip_batch_in "$namespace" "$lines"
}

# @call start_vm(runtime_dir namespace owner keep_disk shutdown_ms disk_path disk_source record vsock further_taps firecracker id tap vmm_flags hold closed generation told settles metrics vmm_timeout_ms) stdin: config, put, clear, drive (see read_parts); answers: key=value; effects
# disk_path is empty where the VM has no disk, vsock (the path of its socket) where it has none. further_taps are blank
# between. settles: somebody waits until the clone is ready. told: see send_vm. closed: the guest was closed in its template;
# see handover.sh. Of the answer load_ms is what remains of the time of all requests, so it includes the start of the process
# that sends them. A guest whose disk lives on may write what it has in memory.
start_vm() {
  local dir=$runtime_dir/$namespace config put clear drive pid t0 t1 t2 t3 identity resume disk_kind
  read_parts
  is_ours "$dir" || { fail "namespace $namespace is not this stack's; its network comes first"; return 1; }
  t0=$((${EPOCHREALTIME/./} / 1000))
  [[ -z $keep_disk ]] || ((shutdown_ms == 0)) || effect "$namespace/shut-down" shut_down_vmm "$dir" "$shutdown_ms" || return
  effect "$namespace/end-old" end_vmm "$dir" || return
  if [[ -n $disk_path ]] && [[ -z $keep_disk || ! -e $dir/rootfs.ext4 ]]; then
    effect "$namespace/disk" copy_disk "$disk_source" "$dir/rootfs.ext4" "$dir/disk-kind" || return
  fi
  t1=$((${EPOCHREALTIME/./} / 1000))
  effect "$namespace/record" put_line "$dir/record" "$record" || return
  effect "$namespace/untold" empty_file "$dir/told" || return
  effect "$namespace/unsettled" note_unsettled "$dir" || return
  prepare_metrics "$dir" || return
  # One of another snapshot's VM stays otherwise, also after a roll that failed.
  [[ -n $vsock || ! -S $dir/vsock.sock ]] || effect "$namespace/old-vsock" clear_socket "$dir/vsock.sock" || return
  if [[ -n $drive ]]; then
    effect "$namespace/identity" put_identity "$dir" "$drive" || return
  else
    clear_path "$dir/identity.disk" || return
  fi
  [[ -z $vsock ]] || effect "$namespace/vsock" clear_socket "$vsock" || return
  # shellcheck disable=SC2086 # names of links have no blanks
  [[ -z $further_taps ]] || effect "$namespace/taps" add_taps "$namespace" $further_taps || return
  effect "$namespace/launch" launch_vmm "$dir" "$namespace" "$firecracker" "$id" "$disk_path" "$tap" ${vmm_flags:+"$vmm_flags"} || return
  if [[ -n $hold ]]; then
    effect "$namespace/hold" hold_guest "$dir" "$namespace" "$tap" || return
  elif [[ -e $dir/held ]]; then
    effect "$namespace/release" release_guest "$dir" "$namespace" || return
  fi
  [[ -z $closed ]] || : >"$dir/closed" || return
  # Before the identity is in the metadata: whatever is cut off from here on, the metadata is cleared.
  [[ -z $clear ]] || effect "$namespace/handover" start_handover "$dir" "$generation" "$put" "$clear" || return
  t2=$((${EPOCHREALTIME/./} / 1000))
  # From the resume on the disk belongs to the guest's memory: a snapshot restored over it would corrupt it.
  [[ -z $disk_path ]] || effect "$namespace/disk-used" put_line "$dir/disk-used" "" || return
  effect "$namespace/restore" api "$dir" "$config" || {
    fail "the end of its console: $(console_tail "$dir" 600)"
    return 1
  }
  [[ -z $told ]] || effect "$namespace/told" put_line "$dir/told" "$told" || return
  t3=$((${EPOCHREALTIME/./} / 1000))
  vmm_alive "$dir" || { fail "the VMM ended after it was resumed: $(console_tail "$dir" 600)"; return 1; }
  read -r pid _ <"$dir/vmm.pid"
  # Not before: a VMM may turn into another program to run its guest.
  stat -L -c '%n %i %s' "/proc/$pid/exe" "$dir/rootfs.ext4" >"$dir/opened" 2>/dev/null
  request_ms identity /mmds
  request_ms resume /vm /actions
  if [[ -z $disk_path ]]; then disk_kind=none; else read -r disk_kind <"$dir/disk-kind"; fi
  printf 'pid=%s\ndisk=%s\ndisk_ms=%d\nlaunch_ms=%d\nload_ms=%d\nidentity_ms=%d\nresume_ms=%d\n' \
    "$pid" "$disk_kind" $((t1 - t0)) $((t2 - t1)) $((t3 - t2 - identity - resume)) "$identity" "$resume"
}

# request_ms VARIABLE PATH…: puts into it the ms that requests to these paths took, by what `api` was answered.
request_ms() {
  local line path us=0
  while IFS= read -r line; do
    for path in "${@:2}"; do
      [[ $line =~ ^[0-9]{3}\ "$path"\ ([0-9]+)\.([0-9]{6})$ ]] || continue
      ((us += 10#${BASH_REMATCH[1]}${BASH_REMATCH[2]}))
    done
  done <<<"$vmm_answer"
  printf -v "$1" '%d' $(((us + 500) / 1000))
}

# @call send_vm(runtime_dir namespace owner record told knock generation vmm_timeout_ms) stdin: config, put, clear (see read_parts); effects
# record is empty where it stays as it is. told is the mark of what the requests tell the guest (empty: something else tells
# it, after them). knock is the clone's address where the guest must look at its metadata at once (empty: it need not). Where
# a guest has not said yet that it is closed, the handover puts the identity into its metadata.
send_vm() {
  local config put clear drive dir=$runtime_dir/$namespace
  read_parts
  is_ours "$dir" || { fail "namespace $namespace is not this stack's"; return 1; }
  if [[ -n $record ]]; then
    effect "$namespace/untold" empty_file "$dir/told" || return
    effect "$namespace/record" write_record "$dir" "$record" || return
  fi
  effect "$namespace/send" send_parts "$dir" || return
  [[ -z $told ]] || note_told || return
  [[ -z $knock ]] || knock_at "$knock"
}

# @call note_told(runtime_dir namespace owner told) effects
note_told() {
  is_ours "$runtime_dir/$namespace" || { fail "namespace $namespace is not this stack's"; return 1; }
  effect "$namespace/told" put_line "$runtime_dir/$namespace/told" "$told"
}

# knock_at ADDRESS: a datagram for the guest's identity service, which looks by itself as well, only later. It costs no process.
knock_at() { { printf 'look' >"/dev/udp/$1/9"; } 2>/dev/null || :; }

# @call finish_identity(runtime_dir namespace generation vmm_timeout_ms) answers: what the guest could not do, see identity_failures; effects
# Waits until the metadata of a guest that has taken its identity is cleared.
finish_identity() { await_handover "$runtime_dir/$namespace" && identity_failures; }

# @call delete_vm(runtime_dir namespace owner keep_console? shutdown_ms vmm_timeout_ms) removes
# With keep_console the files that tell why the guest failed stay. The folder stays: it is the namespace's.
delete_vm() {
  local dir=$runtime_dir/$namespace
  local -a kept=()
  own_clone || return $(($? - 1))
  recover_vmm || return
  [[ -z ${keep_console:-} ]] || kept=(! -name console.log ! -name console.said ! -name vmm.exit)
  ((shutdown_ms == 0)) || effect "$namespace/shut-down" shut_down_vmm "$dir" "$shutdown_ms" || return
  effect "$namespace/end" end_vmm "$dir" || return
  # A relative disk path that is baked into a snapshot has folders in here.
  effect "$namespace/del-files" find "$dir" -mindepth 1 -maxdepth 1 ! -name owner ! -name host-veth ! -name begun \
    "${kept[@]}" -exec rm -rf -- {} +
}
