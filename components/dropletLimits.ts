import type * as pulumi from "@pulumi/pulumi";
import { HornetResource, type CommonArgs } from "./resource";

/** What a {@link DropletLimits} takes. */
export interface DropletLimitsArgs extends CommonArgs {
  /** How many clones the stack declares. */
  clones: pulumi.Input<number>;
}

/** Raises the kernel's limits on a droplet for so many clones, and gives them back when it goes. */
export class DropletLimits extends HornetResource {
  /** The limits that were raised, as lines "KEY BEFORE TO". */
  declare readonly raised: pulumi.Output<string>;

  constructor(name: string, args: DropletLimitsArgs, opts?: pulumi.CustomResourceOptions) {
    super("DropletLimits", name, args, ["raised"], opts);
  }
}
