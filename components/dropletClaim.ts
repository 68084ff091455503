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
  /** @default /usr/bin/firecracker */
  firecracker?: pulumi.Input<string>;
  /** What the fleet will need, checked before anything on the droplet is changed. */
  needs?: pulumi.Input<DropletNeeds>;
}

/** What a fleet needs of its droplet beside tools and a Firecracker. */
export interface DropletNeeds {
  /** A guest's memory in MiB; 0 where the snapshot alone knows it. */
  memory: number;
  /** Files that must be there, each with the config key that names it. */
  files: { path: string; key: string }[];
  /** The file that every clone gets a copy of; empty where the snapshot alone knows it. */
  disk: string;
  /** The folder of a snapshot that is there already; empty where it will be made. */
  snapshot: string;
  /** The snapshot is to be brought from another droplet. */
  transfer?: boolean;
}

/**
 * A stack's claim to a droplet, the first of a fleet's resources and the last to go: what carries the stack's mark there
 * and stands in no state, because a run was cut off or a state was lost, is taken away with it.
 */
export class DropletClaim extends HornetResource {
  /** What Preflight warned of. */
  declare readonly warnings: pulumi.Output<string[]>;

  constructor(name: string, args: DropletClaimArgs, opts?: pulumi.CustomResourceOptions) {
    super("DropletClaim", name, args, ["warnings"], opts);
  }
}
