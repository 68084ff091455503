import type * as pulumi from "@pulumi/pulumi";
import type { claimInputs } from "../providers/droplet/claim";
import type { ResourceArgs } from "./args";
import { HornetResource } from "./resource";

/** The arguments of a resource of this kind; the schema documents each. */
export type DropletClaimArgs = ResourceArgs<typeof claimInputs>;

/**
 * A stack's claim to a droplet, the fleet's first resource to change something there and the last to go. It removes things with
 * the stack's owner label that no state knows, because a run was cut off or a state was lost.
 */
export class DropletClaim extends HornetResource {
  constructor(name: string, args: DropletClaimArgs, opts?: pulumi.CustomResourceOptions) {
    super("DropletClaim", name, args, [], opts);
  }
}
