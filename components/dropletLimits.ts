import type * as pulumi from "@pulumi/pulumi";
import type { limitsInputs } from "../providers/droplet/limits";
import type { ResourceArgs } from "./args";
import { HornetResource } from "./resource";

/** The arguments of a resource of this kind; the schema documents each. */
export type DropletLimitsArgs = ResourceArgs<typeof limitsInputs>;

/** Raises the kernel's limits on a droplet for the fleet's clones, and restores them when it is deleted. */
export class DropletLimits extends HornetResource {
  /** The limits that were raised, as lines "KEY BEFORE TO". */
  declare readonly raised: pulumi.Output<string>;

  constructor(name: string, args: DropletLimitsArgs, opts?: pulumi.CustomResourceOptions) {
    super("DropletLimits", name, args, ["raised"], opts);
  }
}
