import type * as pulumi from "@pulumi/pulumi";
import type { LeanArtifact } from "../firecracker/manifest";
import { HornetResource, type CommonArgs, type DropletArgs } from "./resource";

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
   * The image's own cloud-init makes guests of it what they are: it finds a metadata service here already, and the snapshot
   * is taken once it is done.
   * @default false
   */
  cloudInit?: pulumi.Input<boolean>;
  /** Put into the guest's disk at /opt/hornet-agent: a folder or archive on the operator's machine, and its sha256. */
  agent?: pulumi.Input<{ path: pulumi.Input<string>; digest: pulumi.Input<string> }>;
  /**
   * The stable name of the artifact's folder; part of the disk path that is baked into the snapshot.
   * @default hornet-guest
   */
  name?: pulumi.Input<string>;
}

/** A snapshot of another droplet. */
export interface FromArgs {
  /** The droplet that has it. */
  droplet: pulumi.Input<DropletArgs>;
  /** Its folder there; with a digest that it does not have, the folder of that digest beside it is meant. */
  path: pulumi.Input<string>;
  /** The runtime folder of the fleet there that must have proved it; left out, none must. */
  proofs?: pulumi.Input<string>;
}

/** What a {@link SnapshotArtifact} takes. */
export interface SnapshotArtifactArgs extends CommonArgs {
  /** A folder on the droplet with `vm.snapshot`, `vm.mem`, `rootfs.ext4`, how to make one, or where to bring it from. */
  source: pulumi.Input<
    { path: pulumi.Input<string> } | { boot: pulumi.Input<BootArgs> } | { from: pulumi.Input<FromArgs> }
  >;
  /**
   * The folder on the droplet in which artifacts that Hornet makes lie.
   * @default /opt/swarm/snapshots
   */
  dir?: pulumi.Input<string>;
  /** The only digest that will do: `sha256:…`. */
  digest?: pulumi.Input<string>;
  /** Who may sign the manifest, as lines of an allowed-signers list (ssh-keygen(1)); left out, nobody need. */
  signers?: pulumi.Input<pulumi.Input<string>[]>;
  /**
   * How many earlier artifacts stay on the droplet.
   * @default 2
   */
  keepGenerations?: pulumi.Input<number>;
  /**
   * The VMM on the droplet.
   * @default /usr/bin/firecracker
   */
  firecracker?: pulumi.Input<string | readonly string[]>;
  /**
   * The address that every guest has.
   * @default 192.168.241.2
   */
  guestAddress?: pulumi.Input<string>;
  /**
   * The guest's own MAC address, for a snapshot made by a boot.
   * @default 06:00:c0:a8:f1:02
   */
  guestMac?: pulumi.Input<string>;
  /** @default tap0 */
  tap?: pulumi.Input<string>;
  /** The id of the clones' own network interface, in a snapshot that has several and no manifest. */
  guestInterface?: pulumi.Input<string>;
  /** @default 02:fc:00:00:00:01 */
  tapMac?: pulumi.Input<string>;
  /** @default 192.168.241.1/29 */
  tapAddress?: pulumi.Input<string>;
  /**
   * Seconds that a guest which is woken for a trial gets to show how it can be told who it is; left out, vmmTimeout.
   */
  readyTimeout?: pulumi.Input<number>;
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
  declare readonly artifact: pulumi.Output<LeanArtifact>;
  /** The digests of the artifacts that the stack keeps on the droplet, the newest first. */
  declare readonly generations: pulumi.Output<string[]>;
  /** Bytes that went over the wire for it. */
  declare readonly transferred: pulumi.Output<number>;
  /** ms spent. */
  declare readonly timings: pulumi.Output<Record<string, number>>;

  constructor(name: string, args: SnapshotArtifactArgs, opts?: pulumi.CustomResourceOptions) {
    const outputs = ["artifactDigest", "artifact", "generations", "files", "timings", "transferred"];
    super("SnapshotArtifact", name, args, outputs, opts);
  }
}
