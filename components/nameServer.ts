import type * as pulumi from "@pulumi/pulumi";
import type { namesInputs } from "../providers/network/names";
import type { ResourceArgs } from "./args";
import { HornetResource } from "./resource";

/** The arguments of a resource of this kind; the schema documents each. */
export type NameServerArgs = ResourceArgs<typeof namesInputs>;

/** The guests' name server on a droplet, for a fleet whose egress names hosts. */
export class NameServer extends HornetResource {
  constructor(name: string, args: NameServerArgs, opts?: pulumi.CustomResourceOptions) {
    super("NameServer", name, args, ["rules"], opts);
  }
}
