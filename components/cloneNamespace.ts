import type * as pulumi from "@pulumi/pulumi";
import { defaults } from "../model/defaults";
import type { namespaceInputs } from "../providers/network/namespace";
import type { ResourceArgs } from "./args";
import { omitUndefined } from "./omitUndefined";
import { HornetResource } from "./resource";

/** The arguments of a resource of this kind; the schema documents each. */
export type CloneNamespaceArgs = ResourceArgs<typeof namespaceInputs>;

/**
 * A clone's network namespace: the veth pair into the bridge, the address, the default route, the tap.
 *
 * @example new CloneNamespace("vm7", { droplet, namespace: "vm7", bridge: "br0", hostVeth: "veth7h",
 *   address: "10.0.0.9/24", gateway: "10.0.0.1", tapMac: "02:fc:00:00:00:01", tapAddress: "192.168.241.1/29" })
 */
export class CloneNamespace extends HornetResource {
  declare readonly namespace: pulumi.Output<string>;
  declare readonly bridge: pulumi.Output<string>;
  declare readonly hostVeth: pulumi.Output<string>;
  declare readonly nsVeth: pulumi.Output<string>;
  declare readonly address: pulumi.Output<string>;
  declare readonly tap: pulumi.Output<string>;
  declare readonly tapAddress: pulumi.Output<string>;
  /** When the namespace was last set up or repaired, an ISO time. */
  declare readonly changedAt: pulumi.Output<string>;

  constructor(name: string, args: CloneNamespaceArgs, opts?: pulumi.CustomResourceOptions) {
    super(
      "CloneNamespace",
      name,
      { nsVeth: defaults.nsVeth, tap: defaults.tap, tapAddress: defaults.tapAddress, ...omitUndefined(args) },
      ["changedAt"],
      opts,
    );
  }
}
