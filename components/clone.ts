import * as pulumi from "@pulumi/pulumi";
import { clonePacks } from "../providers/clone";
import { unpack } from "../providers/packed";
import type { CloneNamespaceArgs } from "./cloneNamespace";
import { vmOutputNames, withSecretEnv, withSecrets, type FirecrackerVMArgs } from "./firecrackerVM";
import type { NatRuleSetArgs } from "./natRuleSet";
import { HornetResource } from "./resource";

/**
 * What a {@link Clone} takes: what its namespace, its packet rules and its VM take. Of the address the form with prefix:
 * `10.0.0.9/24`.
 */
export interface CloneArgs
  extends
    CloneNamespaceArgs,
    Omit<NatRuleSetArgs, "address">,
    Omit<FirecrackerVMArgs, "name" | "address" | "tapAddress"> {
  /**
   * The clone's name: its hostname and its agent's id.
   * @default the name of its namespace
   */
  name?: pulumi.Input<string>;
}

/**
 * One clone: its namespace, its packet rules, its VM. One resource in place of the three that it is made of, because the
 * engine's cost, and the state's size, go by the resource.
 *
 * @example new Clone("vm7", { droplet, namespace: "vm7", bridge: "br0", hostVeth: "veth7h",
 *   address: "10.0.0.9/24", gateway: "10.0.0.1", tapMac: "02:fc:00:00:00:01", tapAddress: "192.168.241.1/29",
 *   guestAddress: "192.168.241.2", artifact: template.artifact })
 */
export class Clone extends HornetResource {
  declare private readonly network: pulumi.Output<string>;
  declare private readonly vm: pulumi.Output<string>;
  /** The host key that the clone answers ssh with. */
  declare readonly sshHostKey: pulumi.Output<string>;
  /** Another one each time that it was told who it is: what follows a clone's changes is triggered by it. */
  declare readonly generation: pulumi.Output<string>;
  declare readonly pid: pulumi.Output<number>;
  /** How its disk was copied: `reflink` or `sparse`. */
  declare readonly disk: pulumi.Output<string>;
  /** The Firecracker that runs it, in words. */
  declare readonly vmm: pulumi.Output<string>;
  /** How it was told who it is: `service`, `ssh` or `cloud-init`. */
  declare readonly identityWay: pulumi.Output<string>;
  /** It answered as itself. */
  declare readonly ready: pulumi.Output<boolean>;
  /** ms spent on network, disk, launch, load, identity, resume, ready. */
  declare readonly timings: pulumi.Output<Record<string, number>>;

  constructor(name: string, args: CloneArgs, opts?: pulumi.CustomResourceOptions) {
    super("Clone", name, withSecretEnv(args), [...vmOutputNames, "rules"], withSecrets(opts), clonePacks);
  }

  get name(): pulumi.Output<string> {
    return pulumi
      .all([this.vm, this.namespace])
      .apply(([vm, namespace]) => (unpack(clonePacks, { vm }) as { name?: string }).name ?? namespace);
  }

  get namespace(): pulumi.Output<string> {
    return this.network.apply((network) => (unpack(clonePacks, { network }) as { namespace: string }).namespace);
  }

  /** With prefix. */
  get address(): pulumi.Output<string> {
    return this.network.apply((network) => (unpack(clonePacks, { network }) as { address: string }).address);
  }
}
