import type * as pulumi from "@pulumi/pulumi";
import type { smokeTestInputs } from "../providers/vm/smokeTest";
import type { ResourceArgs } from "./args";
import { HornetResource } from "./resource";

/** The arguments of a resource of this kind; the schema documents each. */
export type SmokeTestResourceArgs = ResourceArgs<typeof smokeTestInputs>;

/**
 * Commands that must succeed on the droplet or in a clone, for other programs. A {@link CloneFleet} runs those of
 * `hornet:fleet.smokeTests` itself, since its roll waits for them.
 */
export class SmokeTest extends HornetResource {
  /** When they last passed. */
  declare readonly passed: pulumi.Output<string>;

  constructor(name: string, args: SmokeTestResourceArgs, opts?: pulumi.CustomResourceOptions) {
    super("SmokeTest", name, args, ["passed"], opts);
  }
}
