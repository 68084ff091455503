import type * as pulumi from "@pulumi/pulumi";
import { HornetResource, type CommonArgs } from "./resource";

/** What a {@link Bridge} takes. */
export interface BridgeArgs extends CommonArgs {
  /**
   * The bridge's name, at most 15 characters.
   * @default br0
   */
  name?: pulumi.Input<string>;
  /**
   * Its address with the prefix of the clones' network.
   * @default 10.0.0.1/24
   */
  address?: pulumi.Input<string>;
  /**
   * The interface whose outgoing traffic is masqueraded; `auto` is any but the bridge itself.
   * @default auto
   */
  uplink?: pulumi.Input<string>;
}

/**
 * The droplet's bridge with its address, IPv4 forwarding and masquerade. A bridge of that name that was there before is
 * adopted: completed, and never deleted.
 *
 * @example new Bridge("br0", { droplet: { host: "203.0.113.10" }, address: "10.0.0.1/24" })
 */
export class Bridge extends HornetResource {
  declare readonly name: pulumi.Output<string>;
  declare readonly address: pulumi.Output<string>;
  declare readonly uplink: pulumi.Output<string>;
  /** True where the bridge was there before Hornet. */
  declare readonly adopted: pulumi.Output<boolean>;

  constructor(name: string, args: BridgeArgs, opts?: pulumi.CustomResourceOptions) {
    super(
      "Bridge",
      name,
      { name: undefined, address: undefined, uplink: undefined, ...args },
      ["adopted", "rules", "before"],
      opts,
    );
  }
}
