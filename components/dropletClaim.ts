import type * as pulumi from "@pulumi/pulumi";
import { HornetResource, type CommonArgs } from "./resource";

/** What a {@link DropletClaim} takes. */
export interface DropletClaimArgs extends CommonArgs {
  /** The namespaces that the program declares; others that carry the stack's mark are taken away. */
  namespaces: pulumi.Input<pulumi.Input<string>[]>;
  /**
   * The folder of the artifacts that Hornet makes.
   * @default /opt/swarm/snapshots
   */
  dir?: pulumi.Input<string>;
}

/**
 * A stack's claim to a droplet, the first of a fleet's resources to change something there and the last to go: what carries
 * the stack's mark there and stands in no state, because a run was cut off or a state was lost, is taken away with it.
 */
export class DropletClaim extends HornetResource {
  constructor(name: string, args: DropletClaimArgs, opts?: pulumi.CustomResourceOptions) {
    super("DropletClaim", name, args, [], opts);
  }
}
