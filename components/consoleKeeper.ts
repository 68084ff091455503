import type * as pulumi from "@pulumi/pulumi";
import type { consoleInputs } from "../providers/droplet/consoles";
import type { ResourceArgs } from "./args";
import { HornetResource } from "./resource";

/** The arguments of a resource of this kind; the schema documents each. */
export type ConsoleKeeperArgs = ResourceArgs<typeof consoleInputs>;

/** Limits the size of the clones' consoles, so that no guest fills the disk. */
export class ConsoleKeeper extends HornetResource {
  constructor(name: string, args: ConsoleKeeperArgs, opts?: pulumi.CustomResourceOptions) {
    super("ConsoleKeeper", name, args, [], opts);
  }
}
