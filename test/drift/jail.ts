import { artifacts, dir, type Drift } from "./kind";

const root = `${dir}/jail/root`;
const pid = `read -r p _ <${dir}/vmm.pid`;
/** Bash: a file of the snapshot in the jail, with the path that it has outside too; a VMM that booted from its disk has the kernel. */
const shared = `m=$(cd ${root}/.; find .${artifacts}/[0-9a-f]* -type f | head -n 1); m=\${m#.}`;
const says = (words: string): Drift["says"] => ({ "FirecrackerVM vm0": `jail of vm0: ${words}` });
/** Bash: the kind and the number of a device node, its mode and its owner's difference from the uid of the clone. */
const node = (name: string, number: string): string =>
  `[[ $(stat -c '%F %t:%T %a %u %g' ${root}${name}) == "character special file ${number} 600 $(<${dir}/uid) $(<${dir}/uid)" ]]`;

/** Drift in the jail of a VMM that runs. */
export const jailDrifts: readonly Drift[] = [
  {
    kind: "devices in the jail deleted",
    make: `rm -r ${root}/dev`,
    says: says("/dev is missing"),
    check: `${node("/dev/kvm", "a:e8")} && ${node("/dev/net/tun", "a:c8")} && ${node("/dev/urandom", "1:9")}
      [[ $(stat -c '%a %u' ${root}/dev ${root}/dev/net | sort -u) == "700 $(<${dir}/uid)" ]]`,
  },
  {
    kind: "device node in the jail of another device",
    make: `rm ${root}/dev/urandom; mknod -m 600 ${root}/dev/urandom c 1 1; chown $(<${dir}/uid):$(<${dir}/uid) ${root}/dev/urandom`,
    says: says("/dev/urandom was replaced"),
    check: node("/dev/urandom", "1:9"),
  },
  {
    kind: "device and setuid file added to the jail",
    make: `mknod -m 666 ${root}${dir}/null c 1 3; cp /bin/true ${root}${dir}/true; chmod 4755 ${root}${dir}/true`,
    says: says(`${dir}/null was added; jail of vm0: ${dir}/true was added`),
    check: `[[ ! -e ${root}${dir}/null && ! -e ${root}${dir}/true ]]`,
  },
  {
    kind: "folder added to the jail",
    make: `mkdir -p ${root}/etc/x; echo x >${root}/etc/x/y; ln -s / ${root}/etc/x/z`,
    says: says("/etc was added"),
    check: `[[ ! -e ${root}/etc && -e /etc/passwd ]]`,
  },
  {
    kind: "snapshot's file in the jail deleted",
    make: `${shared}; rm ${root}$m`,
    says: says(`${artifacts}/… is missing`),
    check: `${shared}; [[ ${root}$m -ef $m ]]`,
  },
  {
    kind: "snapshot's file in the jail writable",
    make: `${shared}; chmod 666 ${root}$m`,
    says: says(`${artifacts}/… has the mode 666, not 444`),
    check: `${shared}; [[ $(stat -c %a $m) == 444 ]]`,
  },
  {
    kind: "snapshot's folder in the jail deleted",
    make: `${shared}; rm -r ${root}\${m%/*}`,
    says: says(`${artifacts}/… is missing`),
    check: `${shared}; [[ ${root}$m -ef $m ]]`,
  },
  {
    kind: "disk open to others",
    make: `chmod 666 ${dir}/rootfs.ext4`,
    says: says(`${artifacts}/hornet-guest/rootfs.ext4 has the mode 666, not 600`),
    check: `[[ $(stat -c %a ${dir}/rootfs.ext4) == 600 ]]`,
  },
  {
    kind: "folders of the jail open to the VMM",
    make: `chown $(<${dir}/uid) ${root}/.; chmod 777 ${root}/opt`,
    says: says("/ belongs to …:0, not to 0:0; jail of vm0: /opt has the mode 777, not 755"),
    check: `[[ $(stat -c '%a %u' ${root}/. ${root}/opt | sort -u) == "755 0" ]]`,
  },
  {
    kind: "VMM's program in the jail replaced",
    make: `rm ${root}/firecracker; cp /bin/true ${root}/firecracker`,
    says: says("/firecracker was replaced"),
    check: `cmp ${root}/firecracker /usr/bin/firecracker; [[ $(stat -c '%a %u' ${root}/firecracker) == "755 $(<${dir}/uid)" ]]`,
  },
  {
    kind: "API socket in the jail deleted",
    make: `rm ${root}${dir}/firecracker.sock`,
    says: says(`${dir}/firecracker.sock is missing`),
    check: `[[ ${root}${dir}/firecracker.sock -ef ${dir}/firecracker.sock ]]`,
  },
  {
    kind: "link to the jail deleted",
    make: `rm ${root}`,
    says: says(`the link ${root} is missing`),
    check: `[[ -d ${root}/dev ]]`,
  },
  {
    kind: "list of the jail cut short",
    make: `sed -i '$d' ${dir}/jail/entries`,
    says: says("the list of what is in it is missing or damaged"),
    restarts: true,
  },
  {
    kind: "jail deleted",
    make: `rm -r ${dir}/jail`,
    says: { "FirecrackerVM vm0": "jail of vm0: the list of what is in it is missing or damaged; …" },
    restarts: true,
  },
  {
    kind: "VMM of another user",
    make: `${pid}; c=${root}; kill -9 $p; while kill -0 $p 2>/dev/null; do sleep 0.01; done
      rm -r $c/dev $c${dir}/firecracker.sock ${dir}/firecracker.sock $c/firecracker $c/firecracker.pid
      chown 71000:71000 $c${dir}
      setsid nsenter --net=/run/netns/vm0 /usr/bin/jailer --id vm0 --exec-file /usr/bin/firecracker --uid 71000 --gid 71000 \\
        --chroot-base-dir ${dir}/jail -- --api-sock ${dir}/firecracker.sock </dev/null >/tmp/other 2>&1 &
      p=$!; for i in $(seq 500); do [[ -S $c${dir}/firecracker.sock ]] && break; sleep 0.01; done
      ln $c${dir}/firecracker.sock ${dir}/firecracker.sock || { cat /tmp/other >&2; exit 1; }
      echo "$p $(cut -d' ' -f22 /proc/$p/stat) $(</proc/sys/kernel/random/boot_id)" >${dir}/vmm.pid; rm /tmp/other`,
    says: {
      "FirecrackerVM vm0":
        "…the VMM is not the process that was started in it; jail of vm0: the VMM runs as user 71000, not …",
    },
    restarts: true,
  },
];
