#!/usr/bin/env bash
# Runs inside the bench's droplet: the unchanged script of the archive, with the bridge that it expects; then removes what
# it made, because the script cannot. Prints the script's last output, and the KiB of its clones' files.
#   script.sh SCRIPT COUNT
set -euo pipefail

script=$1 count=$2
log=/run/bench-script.log

# end_clones: ends the VMMs that the script started, and waits until the kernel has deleted their links.
end_clones() {
  local process words space link
  for process in /proc/[0-9]*; do
    mapfile -d '' -t words 2>/dev/null <"$process/cmdline" || continue
    [[ ${words[2]:-} != /tmp/fc-alpine-* ]] || kill -9 "${process#/proc/}" 2>/dev/null || :
  done
  for link in /sys/class/net/veth*h; do
    [[ ! -e $link ]] || ip link del "${link##*/}" || :
  done
  for space in /run/netns/vm*; do
    [[ ! -e $space ]] || ip netns del "${space##*/}" || :
  done
  ip link del br0 2>/dev/null || :
  rm -f /tmp/alpine-* /tmp/fc-alpine-* "$log"
  if mountpoint -q /tmp/. && [[ -n ${moved:-} ]]; then umount /tmp; fi
}

# The script copies memory and disk to /tmp. If they do not fit into the droplet's /tmp, which is in memory, it
# gets a folder on disk there, like the /tmp of most servers.
moved=""
need=$((count * 2 * $(stat -c %s /opt/swarm/snapshots/alpine3.19-hornetos-v2/vm.mem) / 1024))
if (($(stat -f -c '%a * %S / 1024' /tmp) < need)); then
  mkdir -p /opt/bench-tmp
  mount --bind /opt/bench-tmp /tmp
  moved=1
fi
trap end_clones EXIT

ip link add br0 type bridge
ip addr add 10.0.0.1/24 dev br0
ip link set br0 up
# Into a file, because the VMMs that it leaves behind would keep a pipe open.
bash "$script" "$count" 0 </dev/null >"$log" 2>&1 || :
tail -n 1 "$log"
du -skc /tmp/alpine-* | tail -n 1
