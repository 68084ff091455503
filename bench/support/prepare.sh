#!/usr/bin/env bash
# Runs inside the bench's droplet. Makes the folders that the archive's script expects, with a snapshot that the VMM
# there takes of its own boot, and files of equal size and content for both sides.
#   prepare.sh MIB PERCENT NODE REGISTER FILL
set -euo pipefail

mib=$1 percent=$2 node=$3 register=$4 fill=$5
snapshots=/opt/swarm/snapshots
base=$snapshots/alpine3.19-hornetos v2=$snapshots/alpine3.19-hornetos-v2
socket=/opt/swarm/bench.sock space=bench-prepare

fill() { "$node" -r "$register" "$fill" "$1" "$mib" "$percent"; }
put() {
  curl --silent --show-error --fail-with-body --unix-socket "$socket" -X "$1" "http://localhost$2" \
    -H 'Content-Type: application/json' -d "$3"
}

mkdir -p "$base" "$v2"
fill "$base/rootfs.ext4"
# Hornet needs the disk beside the memory file; it is the same file.
ln -f "$base/rootfs.ext4" "$v2/rootfs.ext4"

ip netns add "$space"
ip -n "$space" tuntap add dev tap0 mode tap
ip -n "$space" link set tap0 up
nsenter --net="/run/netns/$space" /usr/bin/firecracker --api-sock "$socket" --id bench >/dev/null 2>&1 &
vmm=$!
trap '{ kill -9 "$vmm" 2>/dev/null || :; wait "$vmm" 2>/dev/null || :; } 2>/dev/null; ip netns del "$space"; rm -f "$socket"' EXIT
for ((tries = 0; tries < 200; tries++)); do
  [[ ! -S $socket ]] || break
  sleep 0.02
done
put PUT /machine-config "{\"vcpu_count\":1,\"mem_size_mib\":$mib}"
put PUT /boot-source "{\"kernel_image_path\":\"/opt/swarm/images/vmlinux.bin\"}"
put PUT /drives/rootfs \
  "{\"drive_id\":\"rootfs\",\"path_on_host\":\"$base/rootfs.ext4\",\"is_root_device\":true,\"is_read_only\":false}"
put PUT /network-interfaces/eth0 \
  '{"iface_id":"eth0","guest_mac":"02:fc:00:00:00:02","host_dev_name":"tap0"}'
put PUT /mmds/config '{"version":"V2","network_interfaces":["eth0"]}'
put PUT /actions '{"action_type":"InstanceStart"}'
put PATCH /vm '{"state":"Paused"}'
put PUT /snapshot/create \
  "{\"snapshot_type\":\"Full\",\"snapshot_path\":\"$v2/vm.snapshot\",\"mem_file_path\":\"$v2/vm.mem\"}"
fill "$v2/vm.mem"
