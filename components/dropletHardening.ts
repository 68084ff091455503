import type * as pulumi from "@pulumi/pulumi";
import type { hardeningInputs } from "../providers/droplet/hardening";
import type { ResourceArgs } from "./args";
import { HornetResource } from "./resource";

/** The arguments of a resource of this kind; the schema documents each. */
export type DropletHardeningArgs = ResourceArgs<typeof hardeningInputs>;

/** Sets on a droplet what makes the walls around VMMs stronger, and gives it back when it is deleted. */
export class DropletHardening extends HornetResource {
  /** What was changed, as lines "KEY BEFORE TO". */
  declare readonly changed: pulumi.Output<string>;

  constructor(name: string, args: DropletHardeningArgs, opts?: pulumi.CustomResourceOptions) {
    super("DropletHardening", name, args, ["changed"], opts);
  }
}
