import type * as pulumi from "@pulumi/pulumi";
import { defaults } from "../model/defaults";
import type { bridgeInputs } from "../providers/network/bridge";
import type { ResourceArgs } from "./args";
import { omitUndefined } from "./omitUndefined";
import { HornetResource } from "./resource";

/** The arguments of a resource of this kind; the schema documents each. */
export type BridgeArgs = ResourceArgs<typeof bridgeInputs>;

/**
 * The droplet's bridge with its address, IPv4 forwarding and masquerade. Hornet adopts an existing bridge of that name: it
 * completes it and never deletes it.
 *
 * @example new Bridge("br0", { droplet: { host: "203.0.113.10" }, address: "10.0.0.1/24" })
 */
export class Bridge extends HornetResource {
  declare readonly name: pulumi.Output<string>;
  declare readonly address: pulumi.Output<string>;
  declare readonly uplink: pulumi.Output<string>;
  /** True if the bridge existed before Hornet. */
  declare readonly adopted: pulumi.Output<boolean>;

  constructor(name: string, args: BridgeArgs, opts?: pulumi.CustomResourceOptions) {
    super(
      "Bridge",
      name,
      { name: defaults.bridge, address: defaults.bridgeAddress, uplink: defaults.uplink, ...omitUndefined(args) },
      ["adopted", "rules", "before"],
      opts,
    );
  }
}
