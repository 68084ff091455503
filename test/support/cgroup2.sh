#!/bin/bash
# The first process of a machine whose kernel has cgroups of version 2 alone: it runs the droplet's functions for the limits of a clone
# and prints what the kernel then has. Beside it: lib.sh, and limits, other-limits and no-limits for the variable vmm_limits.
export PATH=/bin
mount -t proc p /proc && mount -t sysfs s /sys && mount -t devtmpfs d /dev && mount -t cgroup2 c /sys/fs/cgroup
ln -s /proc/self/fd /dev/fd 2>/dev/null
exec >/dev/console 2>&1 </dev/null
eval "$(cat /lib.sh)"
# shellcheck disable=SC2034 # the library's variables
owner=hornet:p/s:abc namespace=vm7 lock_folder=/run/none
root=/sys/fs/cgroup cgroup=/sys/fs/cgroup/hornet-abc/vm7
mkdir -p /run/vm7

say() { printf 'said %s: %s\n' "$1" "${*:2}"; }
# show NAME: what a look at the droplet finds of the process.
show() { say "$1" "$(gather_limits "$pid" vm7 | grep -v '^rlimit' | tr '\n' ' ')"; }
given() { cat "$root/cgroup.subtree_control"; }
# inside PROGRAM: a perl program in the clone's cgroup.
inside() { (echo "$BASHPID" >$cgroup/cgroup.procs && exec perl -e "$1") 2>/dev/null; }

vmm_limits=$(cat /limits)
say before "$(given)"
make_cgroup vm7
say given "$(given)"
sleep 1000 &
pid=$!
limit_again "$pid" /run/vm7 vm7
show made
echo max >$cgroup/memory.max
echo "$pid" >$root/cgroup.procs
show changed
limit_again "$pid" /run/vm7 vm7
show repaired
vmm_limits=$(cat /other-limits)
limit_again "$pid" /run/vm7 vm7
show other
vmm_limits=$(cat /no-limits)
limit_again "$pid" /run/vm7 vm7
show free
drop_cgroup vm7
say dropped "$(kill -0 "$pid" 2>/dev/null && echo alive) $(ls -d $root/hornet-* /run/hornet-cgroups 2>/dev/null) $(given)"

# Somebody else uses a controller.
echo +memory >$root/cgroup.subtree_control
mkdir $root/other
vmm_limits=$(cat /limits)
make_cgroup vm7
# shellcheck disable=SC2016 # perl's variables
inside 'push @held, "x" x (1 << 20) for 1 .. 200'
say memory "$? $(gather_end vm7)"
# shellcheck disable=SC2016
inside 'for (1 .. 200) { my $child = fork; last unless defined $child; if (!$child) { sleep 100; exit } $n++ } print "said forked: $n\n"'
say pids "$(gather_end vm7 | tr '\n' ' ')"
sweep_cgroups
say swept "$(ls -d $root/hornet-* 2>/dev/null) $(given)"

# A container's root: it has processes, so it can give its children nothing.
mkdir $root/box
echo "+cpu +memory +pids" >$root/cgroup.subtree_control
cgroup_root=$root/box
make_cgroup vm7
say delegated "$(cat $root/box/hornet-abc/vm7/memory.max)"
drop_cgroup vm7
sleep 1000 &
echo $! >$root/box/cgroup.procs
make_cgroup vm7
say busy "$? $(ls -d $root/box/hornet* 2>/dev/null)"
say end
echo o >/proc/sysrq-trigger
sleep 100
