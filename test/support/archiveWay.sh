#!/bin/bash
# Brings one clone up on the droplet in the order of the archive's script (swarm-spawn-hornetos-v3): network, restore with
# resume, two seconds, then the environment and a restart of the agent over ssh. It leaves out the script's work on other
# clones, and gives the clone a copy of the disk, so that the artifact stays intact.
#
#   archiveWay.sh up SNAPSHOT-FOLDER BAKED-DISK CLONE-ADDRESS NAMESPACE      (ANTHROPIC_API_KEY, API_URL: environment)
#   archiveWay.sh down NAMESPACE
set -e
if [ "$1" = down ]; then
  kill "$(cat "/run/$2.pid")" || :
  ip netns del "$2"
  ip link del "$2h" 2>/dev/null || :
  rm -rf "/run/$2" "/run/$2.pid"
  exit
fi
SNAPSHOT_DIR=$2 BAKED_DISK=$3 CLONE_IP=$4 NS=$5
VM_DIR=/run/$NS
mkdir -p "$VM_DIR"
ip netns add "$NS"
ip link add "${NS}h" type veth peer name veth0 netns "$NS"
ip link set "${NS}h" master br0
ip link set "${NS}h" up
ip netns exec "$NS" ip addr add "$CLONE_IP/24" dev veth0
ip netns exec "$NS" ip link set veth0 up
ip netns exec "$NS" ip link set lo up
ip netns exec "$NS" ip route add default via 10.0.0.1
ip netns exec "$NS" ip tuntap add dev tap0 mode tap
# Without the address in the guest's neighbour table the guest would not answer for a while, as in the archive.
ip netns exec "$NS" ip link set tap0 address 02:fc:00:00:00:01
ip netns exec "$NS" ip addr add 192.168.241.1/29 dev tap0
ip netns exec "$NS" ip link set tap0 up
ip netns exec "$NS" iptables -t nat -A POSTROUTING -o veth0 -s 192.168.241.2 -j SNAT --to "$CLONE_IP"
ip netns exec "$NS" iptables -t nat -A PREROUTING -i veth0 -d "$CLONE_IP" -j DNAT --to 192.168.241.2
ip netns exec "$NS" iptables -A FORWARD -i tap0 -o veth0 -j ACCEPT
ip netns exec "$NS" iptables -A FORWARD -i veth0 -o tap0 -j ACCEPT
ip netns exec "$NS" sysctl -w net.ipv4.ip_forward=1 >/dev/null

cp "$SNAPSHOT_DIR/vm.snapshot" "$SNAPSHOT_DIR/vm.mem" "$SNAPSHOT_DIR/rootfs.ext4" "$VM_DIR/"
chmod u+w "$VM_DIR"/*
# shellcheck disable=SC2016
ip netns exec "$NS" unshare --mount --propagation private bash -c '
  mount --bind "$1/rootfs.ext4" "$2"
  echo $$ >"$3"
  exec firecracker --api-sock "$1/firecracker.sock"' vmm "$VM_DIR" "$BAKED_DISK" "/run/$NS.pid" \
  >"$VM_DIR/console.log" 2>&1 </dev/null &
sleep 0.5
curl -sf --unix-socket "$VM_DIR/firecracker.sock" -X PUT http://localhost/snapshot/load \
  -H 'Content-Type: application/json' -d "{
    \"snapshot_path\": \"$VM_DIR/vm.snapshot\",
    \"mem_backend\": {\"backend_path\": \"$VM_DIR/vm.mem\", \"backend_type\": \"File\"},
    \"resume_vm\": true
  }"

sleep 2
options="-o BatchMode=yes -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o LogLevel=ERROR -o ConnectTimeout=30"
# shellcheck disable=SC2086,SC2029
ssh $options "root@$CLONE_IP" "cat > /etc/swarm-env << 'ENVEOF'
export ANTHROPIC_API_KEY='$ANTHROPIC_API_KEY'
export API_URL='$API_URL'
export AGENT_ID='$NS'
export POLL_INTERVAL=10
ENVEOF"
# shellcheck disable=SC2086
ssh $options "root@$CLONE_IP" 'rc-service swarm-agent restart' >/dev/null 2>&1
