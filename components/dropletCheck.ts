import type * as pulumi from "@pulumi/pulumi";
import type { DeclaredNeeds } from "../plan/needs";
import { HornetResource, type CommonArgs, type DropletArgs } from "./resource";

/** What a {@link DropletCheck} takes. */
export interface DropletCheckArgs extends CommonArgs {
  /** The namespaces that the program declares. */
  namespaces: pulumi.Input<pulumi.Input<string>[]>;
  /**
   * The folder of the artifacts that Hornet makes.
   * @default /opt/swarm/snapshots
   */
  dir?: pulumi.Input<string>;
  /** @default /usr/bin/firecracker */
  firecracker?: pulumi.Input<string | readonly string[]>;
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
  signers?: readonly string[];
}

/** Preflight: holds a droplet against what a fleet needs of it, before anything there is changed. */
export class DropletCheck extends HornetResource {
  /** What Preflight warned of. */
  declare readonly warnings: pulumi.Output<string[]>;
  /** The Firecracker versions on the droplet, and which of the fleet's snapshots runs on which. */
  declare readonly versions: pulumi.Output<string[]>;

  constructor(name: string, args: DropletCheckArgs, opts?: pulumi.CustomResourceOptions) {
    super("DropletCheck", name, args, ["warnings", "versions"], opts);
  }
}
