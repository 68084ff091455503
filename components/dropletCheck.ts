import type * as pulumi from "@pulumi/pulumi";
import type { checkInputs } from "../providers/droplet/check";
import type { ResourceArgs } from "./args";
import type { z } from "zod";
import { HornetResource } from "./resource";

/** The arguments of a resource of this kind; the schema documents each. */
export type DropletCheckArgs = ResourceArgs<typeof checkInputs>;

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

/** What a fleet's snapshot needs of its droplet, and where it comes from, if from another one. */
export type DropletNeeds = z.input<typeof checkInputs>["needs"];
