import type * as pulumi from "@pulumi/pulumi";
import type { proofInputs } from "../providers/artifact/proof";
import type { ResourceArgs } from "./args";
import { HornetResource } from "./resource";

/** The arguments of a resource of this kind; the schema documents each. */
export type SnapshotProofArgs = ResourceArgs<typeof proofInputs>;

/** A record on the droplet that its fleet passed with a snapshot; by default other stacks accept only proved snapshots. */
export class SnapshotProof extends HornetResource {
  /** The digest that is proved. */
  declare readonly proved: pulumi.Output<string>;

  constructor(name: string, args: SnapshotProofArgs, opts?: pulumi.CustomResourceOptions) {
    super("SnapshotProof", name, args, ["proved"], opts);
  }
}
