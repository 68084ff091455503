import type * as pulumi from "@pulumi/pulumi";
import type { DeclaredNeeds } from "../plan/needs";
import { HornetResource, type CommonArgs, type DropletArgs } from "./resource";

/** What a {@link DropletClaim} takes. */
export interface DropletClaimArgs extends CommonArgs {
  /** The namespaces that the program declares; others that carry the stack's mark are taken away. */
  namespaces: pulumi.Input<pulumi.Input<string>[]>;
  /**
   * The folder of the artifacts that Hornet makes.
   * @default /opt/swarm/snapshots
   */
  dir?: pulumi.Input<string>;
  /** @default /usr/bin/firecracker */
  firecracker?: pulumi.Input<string>;
  /**
   * The bridge that the clones will be ports of.
   * @default br0
   */
  bridge?: pulumi.Input<string>;
  /** What the fleet will need, checked before anything on the droplet is changed. */
  needs?: pulumi.Input<DropletNeeds>;
}

/** What a fleet's snapshot needs of its droplet, and which one it comes from, if it does. */
export interface DropletNeeds extends DeclaredNeeds {
  from?: { droplet: DropletArgs; path: string; proofs?: string };
  digest?: string;
}

/**
 * A stack's claim to a droplet, the first of a fleet's resources and the last to go: what carries the stack's mark there
 * and stands in no state, because a run was cut off or a state was lost, is taken away with it.
 */
export class DropletClaim extends HornetResource {
  /** What Preflight warned of. */
  declare readonly warnings: pulumi.Output<string[]>;

  constructor(name: string, args: DropletClaimArgs, opts?: pulumi.CustomResourceOptions) {
    super("DropletClaim", name, args, ["warnings", "token"], { deleteBeforeReplace: false, ...opts });
  }
}
