import type * as pulumi from "@pulumi/pulumi";
import type { Artifact } from "../firecracker/manifest";
import { HornetResource, type CommonArgs } from "./resource";

/** A snapshot made by booting a kernel and a root file system. */
export interface BootArgs {
  /** The guest kernel, an absolute path on the droplet. */
  kernel: pulumi.Input<string>;
  /** The root file system's image, an absolute path on the droplet; it is copied, not changed. */
  rootfs: pulumi.Input<string>;
  /**
   * The guest's memory in MiB.
   * @default 128
   */
  memory?: pulumi.Input<number>;
  /** @default 1 */
  vcpus?: pulumi.Input<number>;
  /** Further arguments on the kernel's command line, after the console and the guest's address. */
  bootArgs?: pulumi.Input<string>;
  /**
   * Seconds until the guest must be up.
   * @default 120
   */
  timeout?: pulumi.Input<number>;
  /**
   * The stable name of the artifact's folder; part of the disk path that is baked into the snapshot.
   * @default hornet-guest
   */
  name?: pulumi.Input<string>;
}

/** What a {@link SnapshotArtifact} takes. */
export interface SnapshotArtifactArgs extends CommonArgs {
  /** A folder on the droplet with `vm.snapshot`, `vm.mem`, `rootfs.ext4`, or how to make one. */
  source: pulumi.Input<{ path: pulumi.Input<string> } | { boot: pulumi.Input<BootArgs> }>;
  /**
   * The folder on the droplet in which artifacts that Hornet makes lie.
   * @default /opt/swarm/snapshots
   */
  dir?: pulumi.Input<string>;
  /** The only digest that will do: `sha256:…`. */
  digest?: pulumi.Input<string>;
  /**
   * How many earlier artifacts stay on the droplet.
   * @default 2
   */
  keepGenerations?: pulumi.Input<number>;
  /**
   * The VMM on the droplet.
   * @default /usr/bin/firecracker
   */
  firecracker?: pulumi.Input<string>;
  /** The address that every guest has. */
  guestAddress: pulumi.Input<string>;
  /**
   * The guest's own MAC address, for a snapshot made by a boot.
   * @default 06:00:c0:a8:f1:02
   */
  guestMac?: pulumi.Input<string>;
  /** @default tap0 */
  tap?: pulumi.Input<string>;
  tapMac: pulumi.Input<string>;
  tapAddress: pulumi.Input<string>;
}

/**
 * A snapshot that clones are restored from, identified by the digest of its manifest.
 *
 * @example new SnapshotArtifact("template", { droplet, source: { boot: { kernel: "/opt/swarm/images/vmlinux.bin",
 *   rootfs: "/opt/swarm/images/rootfs.ext4" } }, guestAddress: "192.168.241.2", tapMac: "02:fc:00:00:00:01",
 *   tapAddress: "192.168.241.1/29" })
 */
export class SnapshotArtifact extends HornetResource {
  /** `sha256:…` of its manifest. */
  declare readonly artifactDigest: pulumi.Output<string>;
  /** What a {@link FirecrackerVM} needs of it. */
  declare readonly artifact: pulumi.Output<Artifact>;
  /** ms spent. */
  declare readonly timings: pulumi.Output<Record<string, number>>;

  constructor(name: string, args: SnapshotArtifactArgs, opts?: pulumi.CustomResourceOptions) {
    const defaults = { dir: "/opt/swarm/snapshots", firecracker: "/usr/bin/firecracker" };
    const outputs = ["artifactDigest", "artifact", "generations", "files", "timings"];
    super("SnapshotArtifact", name, { ...defaults, ...args }, outputs, opts);
  }
}
