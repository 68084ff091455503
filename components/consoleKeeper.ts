import type * as pulumi from "@pulumi/pulumi";
import type { consoleInputs } from "../providers/droplet/consoles";
import type { ResourceArgs } from "./args";
import { HornetResource } from "./resource";

/** The arguments of a resource of this kind; the schema documents each. */
export type ConsoleKeeperArgs = ResourceArgs<typeof consoleInputs>;

/** Keeps the consoles of a stack's clones short: a guest that floods its own fills no disk. */
export class ConsoleKeeper extends HornetResource {
  constructor(name: string, args: ConsoleKeeperArgs, opts?: pulumi.CustomResourceOptions) {
    super("ConsoleKeeper", name, args, [], opts);
  }
}
