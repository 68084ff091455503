import type * as pulumi from "@pulumi/pulumi";
import type { recoveryInputs } from "../providers/droplet/recovery";
import type { ResourceArgs } from "./args";
import { HornetResource } from "./resource";

/** The arguments of a resource of this kind; the schema documents each. */
export type RecoveryKeeperArgs = ResourceArgs<typeof recoveryInputs>;

/** Restarts the VMMs of clones that declare a recovery, between two operations. Clones must depend on it. */
export class RecoveryKeeper extends HornetResource {
  constructor(name: string, args: RecoveryKeeperArgs, opts?: pulumi.CustomResourceOptions) {
    super("RecoveryKeeper", name, args, [], opts);
  }
}
