import type * as pulumi from "@pulumi/pulumi";
import { HornetResource, type CommonArgs } from "./resource";

/** What a {@link CloneNamespace} takes. */
export interface CloneNamespaceArgs extends CommonArgs {
  /** The network namespace's name; letters, digits and hyphens. */
  namespace: pulumi.Input<string>;
  /** The bridge that the clone's veth is a port of. */
  bridge: pulumi.Input<string>;
  /** The name of the veth's end on the droplet, at most 15 characters: `veth7h`. */
  hostVeth: pulumi.Input<string>;
  /**
   * The name of its end in the namespace.
   * @default veth0
   */
  nsVeth?: pulumi.Input<string>;
  /** The clone's own address with the bridge network's prefix: `10.0.0.9/24`. */
  address: pulumi.Input<string>;
  /** The clone's default route: the bridge's address. */
  gateway: pulumi.Input<string>;
  /**
   * Clones that are isolated reach the droplet, but not each other.
   * @default true
   */
  isolated?: pulumi.Input<boolean>;
  /**
   * The tap that the guest's network card is connected to.
   * @default tap0
   */
  tap?: pulumi.Input<string>;
  /**
   * The tap's MAC address, the same for all clones of a snapshot: it stands in the guest's ARP cache.
   * @default 02:fc:00:00:00:01
   */
  tapMac?: pulumi.Input<string>;
  /**
   * The tap's address with prefix: `192.168.241.1/29`.
   * @default 192.168.241.1/29
   */
  tapAddress?: pulumi.Input<string>;
  /**
   * Take over a namespace and a link of these names that carry no mark of Hornet. Taken over, they are ours: destroying
   * takes them away.
   * @default false
   */
  adopt?: pulumi.Input<boolean>;
}

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

  constructor(name: string, args: CloneNamespaceArgs, opts?: pulumi.CustomResourceOptions) {
    super("CloneNamespace", name, { nsVeth: undefined, isolated: undefined, tap: undefined, ...args }, [], opts);
  }
}
