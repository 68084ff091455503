#!/usr/bin/env bash
# Runs inside the bench's droplet: the kernel's time for the network of clones alone. For each clone, one
# `ip -batch` outside, one inside its namespace, one nft transaction. Prints the µs of each clone.
#   floor.sh COUNT; stdin: the address of the bridge, then for each clone its namespace and the three texts, each
#   of them ended by a NUL
set -euo pipefail

count=$1
trap 'for ((id = 0; id < count; id++)); do ip link del "veth${id}h"; ip netns del "vm$id"; done 2>/dev/null; ip link del br0' EXIT

IFS= read -r -d '' bridge
ip link add br0 type bridge
ip addr add "$bridge" dev br0
ip link set br0 up
for ((id = 0; id < count; id++)); do
  for part in space outside inside rules; do IFS= read -r -d '' "$part"; done
  # shellcheck disable=SC2154
  {
    begun=$EPOCHREALTIME
    ip -batch - <<<"$outside"
    ip -n "$space" -batch - <<<"$inside"
    nsenter --net="/run/netns/$space" nft -f - <<<"$rules"
    ended=$EPOCHREALTIME
  }
  printf '%d\n' $((${ended/./} - ${begun/./}))
done
