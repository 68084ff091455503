# shellcheck shell=bash
# A VM of a clone: its start, its identity, its record, its end. The folder DIR of the clone (its claim) holds:
#   rootfs.ext4      the private disk          firecracker.sock  the API
#   vmm.pid          pid, start time, boot id  console.log       the guest's serial console and the VMM's words
#   vmm.exit         pid, exit code, time      record            what it was started from, as lines key=value
#   opened           inodes and bytes of the VMM's program and of its disk when its guest ran
#   metrics.pipe     what the VMM counts, where that is collected (see metrics.sh)
#   told             a mark of what its guest was told last; empty while it is told something else
#   begun            not empty: it is being made, and no state knows it
#   unsettled        not empty: it was started, and what was to be waited for has not come to pass yet
#   handover, closed, identity.disk   see handover.sh
#   recovery, recoveries   see recovery.sh
#   console.said     what the identity service said in the part of the console that was cut off (see console.sh)

# vmm_alive DIR: the recorded process lives and is the one that was started.
vmm_alive() { process_alive "$1/vmm.pid"; }

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

# @call start_vm(runtime_dir namespace owner keep_disk shutdown_ms disk_path disk_source record vsock further_taps firecracker jailer uids shown lent named vmm_limits id tap vmm_flags hold closed generation told settles metrics recovery vmm_timeout_ms) stdin: config, put, clear, drive (see read_parts); answers: key=value; effects
# recovery: see hand_over_call. disk_path is empty where the VM has no disk, vsock (the path of its socket) where it has none. further_taps are blank
# between. jailer, uids, shown, lent and named: see prepare_jail; vmm_limits: see cgroup.sh. settles: see note_unsettled. told: see send_vm. closed: the guest was closed in its template;
# see handover.sh. Of the answer load_ms is what remains of the time of all requests. A guest whose disk lives on may write what it has in memory.
start_vm() {
  local dir=$runtime_dir/$namespace config put clear drive pid t0 t1 t2 t3 identity resume disk_kind
  read_parts
  require_ours || return
  t0=$((${EPOCHREALTIME/./} / 1000))
  refuse_private "$named" || return
  [[ -z $keep_disk ]] || ((shutdown_ms == 0)) || effect "$namespace/shut-down" shut_down_vmm "$dir" "$shutdown_ms" || return
  effect "$namespace/end-old" end_vmm "$dir" || return
  # A new clone has none, and looking for one takes a while among many processes.
  [[ -s $dir/begun ]] || end_strays "$namespace" "$id" || return
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
  # shellcheck disable=SC2086
  prepare_jail "$dir" "$namespace" "$firecracker" "$id" "$disk_path" "$vsock" "$tap" $further_taps || return
  effect "$namespace/cgroup" make_cgroup "$namespace" || return
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
    [[ $vmm_answer != *"Device or resource busy"* ]] || fail "in its namespace run: $(list_residents "$namespace" "$dir")"
    fail "the end of its console: $(console_tail "$dir" 600)"
    return 1
  }
  [[ -z $told ]] || effect "$namespace/told" put_line "$dir/told" "$told" || return
  [[ -z $vsock ]] || effect "$namespace/show-vsock" show_socket "$dir" "$vsock" || return
  [[ -z $recovery ]] || effect "$namespace/recovery" hand_over_call "$dir" || return
  t3=$((${EPOCHREALTIME/./} / 1000))
  vmm_alive "$dir" || { fail "the VMM ended after it was resumed: $(console_tail "$dir" 600)"; return 1; }
  read -r pid _ <"$dir/vmm.pid"
  # Not before: a VMM may turn into another program to run its guest.
  step files "$dir/opened" "/proc/$pid/exe" "$dir/rootfs.ext4" || return
  request_ms identity /mmds
  request_ms resume /vm /actions
  if [[ -z $disk_path ]]; then disk_kind=none; else read -r disk_kind <"$dir/disk-kind"; fi
  printf 'pid=%s\ndisk=%s\ndisk_ms=%d\nlaunch_ms=%d\nload_ms=%d\nidentity_ms=%d\nresume_ms=%d\n' \
    "$pid" "$disk_kind" $((t1 - t0)) $((t2 - t1)) $((t3 - t2 - identity - resume)) "$identity" "$resume"
}

# @call send_vm(runtime_dir namespace owner record told knock generation vmm_timeout_ms) stdin: config, put, clear (see read_parts); effects
# record is empty where it stays as it is. told is the mark of what the requests tell the guest (empty: something else tells
# it, after them). knock is the clone's address where the guest must look at its metadata at once (empty: it need not). Where
# a guest has not said yet that it is closed, the handover puts the identity into its metadata.
send_vm() {
  local config put clear drive dir=$runtime_dir/$namespace
  read_parts
  require_ours || return
  if [[ -n $record ]]; then
    effect "$namespace/untold" empty_file "$dir/told" || return
    effect "$namespace/record" write_record "$dir" "$record" || return
  fi
  effect "$namespace/send" send_parts "$dir" || return
  [[ -z $told ]] || note_told || return
  [[ -z $knock ]] || knock_at "$knock"
}

# knock_at ADDRESS: a datagram for the guest's identity service, which looks by itself as well, only later. It costs no process.
knock_at() { { printf 'look' >"/dev/udp/$1/9"; } 2>/dev/null || :; }

# @call set_rates(runtime_dir namespace owner rated vmm_timeout_ms) stdin: the requests; effects
# rated is empty if the config declares no rates; otherwise a look at the droplet asks the VMM for its rates (see facts.sh).
set_rates() {
  local dir=$runtime_dir/$namespace config
  config=$(cat)
  require_ours || return
  effect "$namespace/rates" api "$dir" "$config" && effect "$namespace/note-rates" note_rates "$dir" "$rated"
}

note_rates() {
  { grep -v '^rates=' "$1/record"; [[ -z $2 ]] || echo rates=yes; } >"$1/record.draft" && mv "$1/record.draft" "$1/record"
}

# @call finish_identity(runtime_dir namespace generation vmm_timeout_ms) answers: what the guest could not do, see identity_failures; effects
# Waits until the metadata of a guest that has taken its identity is cleared.
finish_identity() { await_handover "$runtime_dir/$namespace" && identity_failures; }

# @call delete_vm(runtime_dir namespace owner keep_console? shutdown_ms vmm_timeout_ms) removes
# With keep_console the files that tell why the guest failed stay. The folder stays: it is the namespace's.
delete_vm() {
  local dir=$runtime_dir/$namespace kept
  own_clone || return $(($? - 1))
  recover_vmm || return
  kept=" owner host-veth begun "
  [[ -z ${keep_console:-} ]] || kept+="console.log console.said vmm.exit "
  ((shutdown_ms == 0)) || effect "$namespace/shut-down" shut_down_vmm "$dir" "$shutdown_ms" || return
  effect "$namespace/end" end_vmm "$dir" || return
  release_uid "$dir" || return
  ! has_cgroup "$namespace" || effect "$namespace/no-cgroup" drop_cgroup "$namespace" || return
  # A relative disk path that is baked into a snapshot has folders in here.
  effect "$namespace/del-files" clear_folder "$dir" "$kept"
}

# clear_folder DIR KEPT: removes all but what KEPT names, with a blank around each.
clear_folder() {
  local entry
  local -a entries=()
  for entry in "$1"/* "$1"/.[!.]* "$1"/..?*; do
    [[ $2 == *" ${entry##*/} "* || ! -e $entry && ! -L $entry ]] || entries+=("$entry")
  done
  ((${#entries[@]} == 0)) || rm -rf -- "${entries[@]}"
}

# write_record DIR TEXT: another record for a VMM that runs; it goes on from the snapshot that it was started from. Whoever
# reads it sees the old one or the new one.
write_record() {
  local origin
  origin=$(grep '^\(digest\|key\|vmm\|jail\)=' "$1/record") || { fail "the launch record $1/record is missing"; return 1; }
  printf '%s\n' "$origin" "$2" >"$1/record.draft" && mv "$1/record.draft" "$1/record"
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

# @call note_told(runtime_dir namespace owner told) effects
note_told() {
  require_ours || return
  effect "$namespace/told" put_line "$runtime_dir/$namespace/told" "$told"
}
