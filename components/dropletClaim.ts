import type * as pulumi from "@pulumi/pulumi";
import type { claimInputs } from "../providers/droplet/claim";
import type { ResourceArgs } from "./args";
import { HornetResource } from "./resource";

/** The arguments of a resource of this kind; the schema documents each. */
export type DropletClaimArgs = ResourceArgs<typeof claimInputs>;

/**
 * A stack's claim to a droplet, the first of a fleet's resources to change something there and the last to go: what carries
 * the stack's mark there and stands in no state, because a run was cut off or a state was lost, is taken away with it.
 */
export class DropletClaim extends HornetResource {
  constructor(name: string, args: DropletClaimArgs, opts?: pulumi.CustomResourceOptions) {
    super("DropletClaim", name, args, [], opts);
  }
}
