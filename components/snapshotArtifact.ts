import type * as pulumi from "@pulumi/pulumi";
import type { LeanArtifact } from "../firecracker/manifest";
import type { artifactInputs } from "../providers/artifact/inputs";
import type { ResourceArgs } from "./args";
import { HornetResource } from "./resource";

/** The arguments of a resource of this kind; the schema documents each. */
export type SnapshotArtifactArgs = ResourceArgs<typeof artifactInputs>;

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
  /** The facts that a {@link FirecrackerVM} needs. */
  declare readonly artifact: pulumi.Output<LeanArtifact>;
  /** The digests of the artifacts that the stack keeps on the droplet, the newest first. */
  declare readonly generations: pulumi.Output<string[]>;
  /** Bytes that were transferred for it. */
  declare readonly transferred: pulumi.Output<number>;
  /** ms spent. */
  declare readonly timings: pulumi.Output<Record<string, number>>;

  constructor(name: string, args: SnapshotArtifactArgs, opts?: pulumi.CustomResourceOptions) {
    const outputs = ["artifactDigest", "artifact", "generations", "files", "timings", "transferred"];
    super("SnapshotArtifact", name, args, outputs, opts);
  }
}
