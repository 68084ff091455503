import type * as pulumi from "@pulumi/pulumi";
import { HornetResource, type CommonArgs } from "./resource";

/** What a {@link SnapshotProof} takes. */
export interface SnapshotProofArgs extends CommonArgs {
  /** The artifact that was proved: {@link SnapshotArtifact.artifactDigest}. */
  digest: pulumi.Input<string>;
  /** Artifacts that stay on the droplet; their proofs stay too. */
  generations?: pulumi.Input<pulumi.Input<string>[]>;
  /** The clones that passed. */
  clones: pulumi.Input<pulumi.Input<string>[]>;
}

/** A note on the droplet that its fleet passed with a snapshot; other stacks take only snapshots that have one. */
export class SnapshotProof extends HornetResource {
  /** The digest that is proved. */
  declare readonly proved: pulumi.Output<string>;

  constructor(name: string, args: SnapshotProofArgs, opts?: pulumi.CustomResourceOptions) {
    super("SnapshotProof", name, args, ["proved"], opts);
  }
}
