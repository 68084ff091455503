import { dir, type Drift } from "./kind";

/** Bash: the files of that name in the cgroup of vm0, with either version of cgroups; the pid of its VMM. */
const cgroup = (file: string): string => `$(find /sys/fs/cgroup -path '*/hornet-*/vm0/${file}')`;
const pid = `read -r p _ <${dir}/vmm.pid`;
const leave = `${pid}; for f in ${cgroup("cgroup.procs")}; do echo $p >\${f%/*/*/*}/cgroup.procs; done`;
const curl = `curl -s --unix-socket ${dir}/firecracker.sock -H 'Content-Type: application/json'`;
const outside = { "FirecrackerVM vm0": "the VMM is not in its cgroup" };
const back = `${pid}; for f in ${cgroup("cgroup.procs")}; do grep -qx $p $f || exit 1; done; [[ $(cat ${cgroup("pids.max")}) == 256 ]]`;

/** What can happen to the limits of a VMM. */
export const limitDrifts: readonly Drift[] = [
  {
    kind: "limit of processes raised",
    make: `echo 1000 >${cgroup("pids.max")}`,
    says: { "FirecrackerVM vm0": "the limit of processes is 1000, not 256" },
    check: back,
  },
  {
    kind: "limit of CPU time removed",
    make: `for f in ${cgroup("cpu.max")}; do echo max >$f; done; for f in ${cgroup("cpu.cfs_quota_us")}; do echo -1 >$f; done`,
    says: { "FirecrackerVM vm0": "the limit of CPU time is none, not 2 cores" },
    check: `grep -q '^200000' ${cgroup("cpu.max")} ${cgroup("cpu.cfs_quota_us")}`,
  },
  {
    kind: "rates changed through the API",
    make: `${curl} -X PATCH -d '{"drive_id":"rootfs","rate_limiter":{"bandwidth":{"size":0,"refill_time":0}}}' http://localhost/drives/rootfs
      ${curl} -X PATCH -d '{"iface_id":"eth0","rx_rate_limiter":{"bandwidth":{"size":1000,"refill_time":1000}}}' http://localhost/network-interfaces/eth0`,
    says: {
      "FirecrackerVM vm0":
        "the network rate to the guest is 1000 bytes per second, not 12500000 bytes per second; the disk rate is no limit of bytes, not 52428800 bytes per second",
    },
    check: `${curl} http://localhost/vm/config | grep -q '"size":12500000'`,
  },
  { kind: "VMM moved out of its cgroup", make: leave, says: outside, check: back },
  {
    kind: "cgroup of a VMM removed",
    make: `${leave}; find /sys/fs/cgroup -depth -type d -path '*/hornet-*/vm0' -exec rmdir {} +`,
    says: outside,
    check: back,
  },
];
