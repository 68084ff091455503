/** What a droplet and a guest of the usual layout have; each is the default of a key, and of a resource's argument. */
export const defaults = {
  /** Where Hornet keeps what it runs. */
  runtimeDir: "/opt/swarm/runtime",
  /** The folder of the artifacts that Hornet makes. */
  artifacts: "/opt/swarm/snapshots",
  firecracker: "/usr/bin/firecracker",
  kernel: "/opt/swarm/images/vmlinux.bin",
  /** The address that every guest has. */
  guestAddress: "192.168.241.2",
  tapAddress: "192.168.241.1/29",
  /** The same for every clone: the guest keeps it in its ARP cache. */
  tapMac: "02:fc:00:00:00:01",
} as const;
