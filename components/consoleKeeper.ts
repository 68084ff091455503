import type * as pulumi from "@pulumi/pulumi";
import { HornetResource, type CommonArgs } from "./resource";

/** What a {@link ConsoleKeeper} takes. */
export interface ConsoleKeeperArgs extends CommonArgs {
  /**
   * MiB that a clone's console may have.
   * @default 4
   */
  limit?: pulumi.Input<number>;
}

/** Keeps the consoles of a stack's clones short: a guest that floods its own fills no disk. */
export class ConsoleKeeper extends HornetResource {
  constructor(name: string, args: ConsoleKeeperArgs, opts?: pulumi.CustomResourceOptions) {
    super("ConsoleKeeper", name, args, [], opts);
  }
}
