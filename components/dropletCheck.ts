import type * as pulumi from "@pulumi/pulumi";
import type { checkInputs } from "../providers/droplet/check";
import type { ResourceArgs } from "./args";
import type { z } from "zod";
import { HornetResource } from "./resource";

/** The arguments of a resource of this kind; the schema documents each. */
export type DropletCheckArgs = ResourceArgs<typeof checkInputs>;

/** Preflight: compares a droplet with a fleet's needs before anything changes there. */
export class DropletCheck extends HornetResource {
  /** Preflight's warnings. */
  declare readonly warnings: pulumi.Output<string[]>;
  /** The Firecracker versions on the droplet, and which of the fleet's snapshots runs on which. */
  declare readonly versions: pulumi.Output<string[]>;
  /** Those of the warnings that say who cannot reach what. */
  declare readonly lost: pulumi.Output<string[]>;

  constructor(name: string, args: DropletCheckArgs, opts?: pulumi.CustomResourceOptions) {
    super("DropletCheck", name, args, ["warnings", "versions", "lost"], opts);
  }
}

/** A fleet's needs, with the source of its snapshot if that is another droplet. */
export type DropletNeeds = z.input<typeof checkInputs>["needs"];

/** A fleet's network, as it is declared. */
export type DeclaredNetwork = NonNullable<z.output<typeof checkInputs>["network"]>;
