import { artifacts, dir, type Drift } from "./kind";

const keeper = "/opt/swarm/runtime/.consoles-*";
const curl = `curl -s --unix-socket ${dir}/firecracker.sock -H 'Content-Type: application/json'`;

/** Drift of a clone's VMM, VM and disk. */
export const vmDrifts: readonly Drift[] = [
  {
    kind: "VMM killed",
    make: `read -r p _ <${dir}/vmm.pid; kill -9 $p; while kill -0 $p 2>/dev/null; do sleep 0.01; done`,
    says: { "FirecrackerVM vm0": "VMM exited with 137 at …" },
    restarts: true,
  },
  {
    kind: "VMM killed after its waiting process",
    make: `read -r p _ <${dir}/vmm.pid; kill -9 $(cut -d' ' -f4 /proc/$p/stat)
      kill -9 $p; while kill -0 $p 2>/dev/null; do sleep 0.01; done`,
    says: { "FirecrackerVM vm0": "VMM exited (pid …" },
    restarts: true,
  },
  {
    kind: "all VMMs killed",
    make: `for f in /opt/swarm/runtime/*/vmm.pid; do read -r p _ <$f; kill -9 $p; done
      while kill -0 $p 2>/dev/null; do sleep 0.01; done`,
    says: { "FirecrackerVM vm0": "VMM exited with 137 at …", "FirecrackerVM vm1": "VMM exited with 137 at …" },
    restarts: true,
    everyClone: true,
  },
  {
    kind: "VM paused",
    make: `${curl} -X PATCH -d '{"state":"Paused"}' http://localhost/vm`,
    says: { "FirecrackerVM vm0": "VM paused" },
    check: `${curl} http://localhost/ | grep -q Running`,
  },
  {
    kind: "changed, and not ready since",
    make: `echo yes >${dir}/unsettled`,
    says: { "FirecrackerVM vm0": "the clone was not verified since its last change" },
    check: `test ! -s ${dir}/unsettled`,
  },
  {
    kind: "guest given another identity",
    make: `echo 0123456789abcdef >${dir}/told`,
    says: { "FirecrackerVM vm0": "guest identity differs from the declared one" },
    check: `! grep -q 0123456789abcdef ${dir}/told && test -s ${dir}/told`,
  },
  {
    kind: "VMM hung",
    make: `read -r p _ <${dir}/vmm.pid; kill -STOP $p`,
    says: { "FirecrackerVM vm0": "VMM does not answer on its API socket" },
    restarts: true,
  },
  {
    kind: "API socket deleted",
    make: `rm ${dir}/firecracker.sock`,
    says: { "FirecrackerVM vm0": `jail of vm0: its API socket ${dir}/firecracker.sock is missing` },
    check: `${curl} http://localhost/ | grep -q Running`,
  },
  {
    kind: "pid file deleted",
    make: `rm ${dir}/vmm.pid`,
    says: { "FirecrackerVM vm0": "…the pid file of vm0 does not name its VMM" },
  },
  {
    kind: "pid file of another process",
    make: `echo "1 1 $(</proc/sys/kernel/random/boot_id)" >${dir}/vmm.pid`,
    says: { "FirecrackerVM vm0": "…the pid file of vm0 does not name its VMM" },
  },
  {
    kind: "used-disk marker deleted",
    make: `rm ${dir}/disk-used`,
    says: { "FirecrackerVM vm0": "the used-disk marker of vm0 is missing" },
    check: `[[ -e ${dir}/disk-used ]]`,
  },
  {
    kind: "launch record deleted",
    make: `rm ${dir}/record`,
    says: { "FirecrackerVM vm0": "the launch record of vm0 is missing" },
    restarts: true,
  },
  {
    kind: "disk deleted",
    make: `rm ${dir}/rootfs.ext4`,
    says: { "FirecrackerVM vm0": "private disk missing" },
    restarts: true,
    losesDisk: true,
  },
  {
    kind: "disk replaced by another file",
    make: `cp ${dir}/rootfs.ext4 ${dir}/copy; mv ${dir}/copy ${dir}/rootfs.ext4`,
    says: { "FirecrackerVM vm0": "the VMM's disk is not the private one" },
    restarts: true,
  },
  {
    kind: "disk unlinked in the jail",
    make: `rm ${dir}/jail/root${artifacts}/hornet-guest/rootfs.ext4`,
    check: `[[ ${dir}/jail/root${artifacts}/hornet-guest/rootfs.ext4 -ef ${dir}/rootfs.ext4 ]]`,
    says: { "FirecrackerVM vm0": "the private disk is not mounted at its path" },
  },
  {
    kind: "disk cut short",
    make: `truncate -s 4096 ${dir}/rootfs.ext4`,
    says: { "FirecrackerVM vm0": "private disk was cut from 65536 to 4096 bytes" },
    restarts: true,
    losesDisk: true,
  },
  {
    kind: "disk grown",
    make: `truncate -s +4096 ${dir}/rootfs.ext4`,
    says: { "FirecrackerVM vm0": "as declared" },
  },
  {
    kind: "clone folder open to others",
    make: `chmod 755 ${dir}`,
    says: { "FirecrackerVM vm0": "the folder of vm0 has the mode 755, not 700" },
    check: `[[ $(stat -c %a ${dir}) == 700 ]]`,
  },
  {
    kind: "VMM started by hand from another binary",
    make: `read -r p _ <${dir}/vmm.pid; kill -9 $p; while kill -0 $p 2>/dev/null; do sleep 0.01; done
      rm ${dir}/firecracker.sock; cp /opt/vmm/firecracker-stub /tmp/other
      setsid nsenter --net=/run/netns/vm0 /tmp/other --api-sock ${dir}/firecracker.sock --id vm0 </dev/null >/dev/null 2>&1 &
      until [[ -S ${dir}/firecracker.sock ]]; do sleep 0.01; done; rm /tmp/other`,
    says: { "FirecrackerVM vm0": "VMM exited with 137 at …" },
    restarts: true,
  },
  {
    kind: "VMM of another binary",
    make: `read -r p _ <${dir}/vmm.pid; kill -9 $p; while kill -0 $p 2>/dev/null; do sleep 0.01; done
      rm ${dir}/firecracker.sock
      setsid nsenter --net=/run/netns/vm0 sleep 1000 </dev/null >/dev/null 2>&1 &
      p=$!; s=$(cut -d' ' -f22 /proc/$p/stat); echo "$p $s $(</proc/sys/kernel/random/boot_id)" >${dir}/vmm.pid`,
    says: {
      "FirecrackerVM vm0":
        "VMM runs another program than it was started from; VMM does not answer on its API socket; …",
    },
    restarts: true,
  },
  {
    kind: "console keeper killed",
    make: `read -r p _ <$(echo ${keeper}/pid); kill -9 $p; while kill -0 $p 2>/dev/null; do sleep 0.01; done`,
    says: { "ConsoleKeeper consoles": "the console keeper does not run" },
    check: `read -r p _ <$(echo ${keeper}/pid); kill -0 $p`,
  },
  {
    kind: "console keeper stopped",
    make: `read -r p _ <$(echo ${keeper}/pid); kill -STOP $p`,
    says: { "ConsoleKeeper consoles": "the console keeper does not run" },
  },
  {
    kind: "console keeper's folder deleted",
    make: `rm -r ${keeper}`,
    says: { "ConsoleKeeper consoles": "the console keeper does not run" },
  },
  {
    kind: "console limit changed",
    make: `echo 1 >$(echo ${keeper}/limit)`,
    says: { "ConsoleKeeper consoles": "the console keeper limits consoles to 1 bytes, not to 4 MiB" },
  },
];
