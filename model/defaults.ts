/** Each default of a config key and of a resource's argument, once. */
export const defaults = {
  /** Where Hornet keeps what it runs. */
  runtimeDir: "/opt/swarm/runtime",
  /** The folder of the artifacts that Hornet makes. */
  artifacts: "/opt/swarm/snapshots",
  firecracker: "/usr/bin/firecracker",
  /** No user of Debian's or Ubuntu's, and no container's, has one of these (adduser(8), subuid(5)). */
  uids: { first: 70_000, count: 10_000 },
  /** Clones of a fleet. */
  count: 3,
  kernel: "/opt/swarm/images/vmlinux.bin",
  rootfs: "/opt/swarm/images/rootfs.ext4",
  bridge: "br0",
  bridgeAddress: "10.0.0.1/24",
  uplink: "auto",
  /** The end of every clone's veth pair in its namespace. */
  nsVeth: "veth0",
  tap: "tap0",
  /** The address that every guest has. */
  guestAddress: "192.168.241.2",
  tapAddress: "192.168.241.1/29",
  /** The same for every clone: the guest keeps it in its ARP cache. */
  tapMac: "02:fc:00:00:00:01",
  guestMac: "02:fc:00:00:00:02",
  /** The login user, of a droplet and of a guest. */
  user: "root",
  /** Seconds that connecting to a droplet, or one command there, may take. */
  connectionTimeout: 60,
} as const;
