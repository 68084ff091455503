import type * as pulumi from "@pulumi/pulumi";
import type { natInputs } from "../providers/network/nat";
import type { ResourceArgs } from "./args";
import { HornetResource } from "./resource";

/** The arguments of a resource of this kind; the schema documents each. */
export type NatRuleSetArgs = ResourceArgs<typeof natInputs>;

/**
 * A clone's packet rules, one nft table in its namespace: SNAT out, DNAT in, forwarding only for the guest's address.
 *
 * @example new NatRuleSet("vm7", { droplet, namespace: "vm7", address: "10.0.0.9", guestAddress: "192.168.241.2" })
 */
export class NatRuleSet extends HornetResource {
  declare readonly namespace: pulumi.Output<string>;
  declare readonly address: pulumi.Output<string>;
  /** Name and digest of each chain and rule, as the kernel listed it right after the write. */
  declare readonly rules: pulumi.Output<string[]>;
  /** When the rules were last written, an ISO time. */
  declare readonly changedAt: pulumi.Output<string>;

  constructor(name: string, args: NatRuleSetArgs, opts?: pulumi.CustomResourceOptions) {
    super("NatRuleSet", name, args, ["rules", "changedAt"], opts);
  }
}
