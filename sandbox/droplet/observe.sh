#!/usr/bin/env bash
# Lists the contents of a droplet in sections; runs inside it. A line "== name" begins each section. The caller drops whatever
# differs from one moment to the next. Arguments: folders of the machine, whose files do not count.
set -euo pipefail
section() { printf '\n== %s\n' "$1"; }
section links
ip -d -j link show
section addresses
ip -j address show
section routes
ip -j route show table all
section routes6
ip -6 -j route show table all
section rules
ip -j rule show
section neighbours
ip -j neigh show nud permanent
section namespaces
ip -j netns list
section nft
nft -s list ruleset
section sysctls
{ sysctl -a 2>/dev/null || true; } | grep -E '^net\.(ipv4\.(ip_forward|conf\..*\.(forwarding|proxy_arp|rp_filter|route_localnet|arp_[a-z]+)|neigh\..*gc_thresh)|ipv6\.conf\..*\.(forwarding|disable_ipv6|proxy_ndp|accept_ra)|bridge\.|netfilter\.nf_conntrack_max|core\.somaxconn)'
section processes
ps -eo pid=,ppid=,comm=,args= --no-headers
section mounts
cut -d' ' -f4- /proc/1/mountinfo
section cgroups
find /sys/fs/cgroup -type d -name 'hornet-*' -exec find {} -type d \;
# Version 2: the controllers that cgroups below have.
[[ ! -w /sys/fs/cgroup/cgroup.subtree_control ]] || cat /sys/fs/cgroup/cgroup.subtree_control
section files
# The lock of a running operation.
skip=(-path /run/hornet)
for path; do skip+=(-o -path "$path"); done
for root in /opt/swarm /run /tmp /etc /var/log /root; do
  # A file may vanish while find lists it.
  find "$root" -xdev \( "${skip[@]}" \) -prune -o -printf '%y %m %s %p -> %l\n' 2>/dev/null || true
done
