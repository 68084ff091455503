# shellcheck shell=bash
# A VM that runs only while Hornet makes or examines an artifact, in a separate namespace with a tap and no veth, so that only
# Hornet can reach it. Variables: runtime_dir namespace owner.

# @call begin_scratch(runtime_dir namespace owner agent? tap tap_mac? tap_address? disk_copy disk_source firecracker jailer? uids? shown? lent? named? further_taps? vsock? vmm_limits disk_path vmm_timeout_ms) stdin: the requests; effects
# agent is set where stage_agent ran before. With disk_copy the VM gets a copy of the disk, without it the disk itself (a
# paused VM writes nothing). Without a tap the VMM makes what it needs by itself. named, further_taps, vsock: see start_vm.
begin_scratch() {
  local dir=$runtime_dir/$namespace config
  config=$(cat)
  refuse_private "${named:-}" || return
  [[ -n ${agent:-} ]] || effect "scratch/clear" end_scratch || return
  effect "scratch/claim" claim "$dir" || return
  effect "scratch/netns" add_netns "$namespace" || return
  effect "scratch/ipv6" refuse_ipv6_in "$namespace" || return
  if [[ -n $tap ]]; then
    effect "scratch/tap" ip_batch_in "$namespace" "tuntap add dev $tap mode tap
link set $tap address $tap_mac up
addr replace $tap_address dev $tap" || return
  fi
  if [[ -n $disk_copy ]]; then
    effect "scratch/disk" copy_disk "$disk_source" "$dir/rootfs.ext4" "$dir/disk-kind" || return
  elif [[ -n $disk_source ]]; then
    effect "scratch/disk" ln -sf "$disk_source" "$dir/rootfs.ext4" || return
  fi
  if [[ -n ${agent:-} ]]; then
    effect "scratch/agent" put_agent "$dir/rootfs.ext4" "$dir/agent" || return
  fi
  # shellcheck disable=SC2086 # names of links have no blanks
  [[ -z ${further_taps:-} ]] || effect "scratch/taps" add_taps "$namespace" $further_taps || return
  # shellcheck disable=SC2086
  prepare_jail "$dir" "$namespace" "$firecracker" "$namespace" "$disk_path" "${vsock:-}" "$tap" ${further_taps:-} || return
  # As clones have them (see cgroup.sh): what boots here may be hostile too.
  effect "scratch/cgroup" make_cgroup "$namespace" || return
  effect "scratch/launch" launch_vmm "$dir" "$namespace" "$firecracker" "$namespace" "$disk_path" "$tap" || return
  [[ -z $config ]] || effect "scratch/requests" api "$dir" "$config" || {
    printf '%s\n' "the VMM said: $(console_tail "$dir" 1000)" >&2
    return 1
  }
}

# @call access_said(runtime_dir namespace generation) answers: closed, or open REASON, or nothing; reads
# generation is empty for a guest that was booted. "closed": the guest's identity service lets only root use the metadata
# service. "open": everybody may use it, as with older services. Nothing: the service has not reported yet.
access_said() {
  local dir=$runtime_dir/$namespace reason said=waiting
  [[ -z $generation ]] || said="taken $generation"
  if console_says "$dir" "$said closed"; then
    printf closed
  elif console_says "$dir" "$said" || console_says "$dir" "ready ${generation:-none}"; then
    reason=$(grep -aohE 'hornet-identity: waiting open: [ -~]{0,300}' "$dir/console.log" | tail -n 1)
    printf 'open %s' "${reason#*open: }"
  fi
}

# end_scratch: ends the VM and removes its namespace and folder; succeeds if nothing is left.
end_scratch() {
  local dir=$runtime_dir/$namespace
  is_ours "$dir" || return 0
  end_vmm "$dir" && drop_cgroup "$namespace" || return
  [[ ! -e /run/netns/$namespace ]] || ip netns del "$namespace" || return
  drop_uid "$dir" || return
  unclaim "$dir"
}

# @call scratch_done(runtime_dir namespace owner vmm_timeout_ms) removes
# end_scratch as an effect.
scratch_done() { effect "scratch/end" end_scratch; }

# @call try_scratch(runtime_dir namespace owner agent? tap tap_mac? tap_address? disk_copy disk_source firecracker jailer? uids? shown? lent? named? further_taps? vsock? vmm_limits disk_path vmm_timeout_ms missing? seek?) stdin: the requests; answers: what the API said; effects
# As begin_scratch, but succeeds where the VMM refuses the requests. In a jail the VMM finds what Hornet put there alone: missing has
# paths of files, a line each, and seek has kinds of baked.pl. The first file of shown is the snapshot's state.
try_scratch() {
  local dir=$runtime_dir/$namespace config='' stand_ins='' line said
  config=$(cat)
  while IFS= read -r line; do
    [[ -z $line ]] || stand_ins+="blank 1048576 $line"$'\n'
  done <<<"${missing:-}"
  # shellcheck disable=SC2086 # kinds are words
  [[ -z ${seek:-} ]] || stand_ins+=$(perl -e "$baked_program" "${shown%%$'\n'*}" $seek)$'\n' || return
  begin_scratch </dev/null || return
  # A relative path of a socket begins at the root of the jail.
  [[ " ${seek:-} " != *" folders "* ]] || chmod 1777 "$dir/jail/root/." || return
  api "$dir" "$config" 2>&1 || return 0
  printf '%s\n' "$vmm_answer"
  # The error shows whether the devices are on a PCI bus.
  said=$vmm_answer
  api "$dir" "DELETE /drives/hornet_none" 2>/dev/null || :
  printf 'hornet-unplug: %s\n' "${vmm_answer:0:4096}"
  # Without a jail, a snapshot's vsock device has its socket at the baked-in path.
  in_jail "$dir" || [[ ! $said =~ \"uds_path\":\"(/[^\"]+)\" || ! -S ${BASH_REMATCH[1]} ]] ||
    effect "scratch/vsock" rm -f "${BASH_REMATCH[1]}"
}
