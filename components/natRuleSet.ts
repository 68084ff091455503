import type * as pulumi from "@pulumi/pulumi";
import { HornetResource, type CommonArgs } from "./resource";

/** A port of the clone's address that leads to another port of the guest. */
export interface PublishedPortArgs {
  port: pulumi.Input<number>;
  guestPort: pulumi.Input<number>;
  /** @default tcp */
  protocol?: pulumi.Input<"tcp" | "udp">;
}

/** What a {@link NatRuleSet} takes. */
export interface NatRuleSetArgs extends CommonArgs {
  /** The clone's namespace; it must be a {@link CloneNamespace} of the same stack. */
  namespace: pulumi.Input<string>;
  /** The clone's own address, without prefix: `10.0.0.9`. */
  address: pulumi.Input<string>;
  /**
   * The address that every guest of the snapshot has: `192.168.241.2`.
   * @default 192.168.241.2
   */
  guestAddress?: pulumi.Input<string>;
  /** @default veth0 */
  nsVeth?: pulumi.Input<string>;
  /** @default tap0 */
  tap?: pulumi.Input<string>;
  /**
   * Ports of the clone's address that lead to other ports of the guest; all others lead to the same port.
   * @default []
   */
  publish?: pulumi.Input<pulumi.Input<PublishedPortArgs>[]>;
  /** The networks that the guest may open connections to; left out: all. */
  egress?: pulumi.Input<pulumi.Input<string>[]>;
}

/**
 * A clone's packet rules, one nft table in its namespace: SNAT out, DNAT in, forwarding for the guest's own address only.
 *
 * @example new NatRuleSet("vm7", { droplet, namespace: "vm7", address: "10.0.0.9", guestAddress: "192.168.241.2" })
 */
export class NatRuleSet extends HornetResource {
  declare readonly namespace: pulumi.Output<string>;
  declare readonly address: pulumi.Output<string>;
  /** Digests of what the kernel listed right after the rules were written. */
  declare readonly rules: pulumi.Output<string>;

  constructor(name: string, args: NatRuleSetArgs, opts?: pulumi.CustomResourceOptions) {
    super("NatRuleSet", name, { nsVeth: undefined, tap: undefined, publish: undefined, ...args }, ["rules"], opts);
  }
}
