import * as pulumi from "@pulumi/pulumi";
import { CloneNamespace, type CloneNamespaceArgs } from "./cloneNamespace";
import { FirecrackerVM, type FirecrackerVMArgs } from "./firecrackerVM";
import { omitUndefined } from "./omitUndefined";
import { NatRuleSet, type NatRuleSetArgs } from "./natRuleSet";

/**
 * The arguments of a {@link Clone}: those of its namespace, its packet rules and its VM. Its address has a prefix, and its name
 * defaults to its namespace's.
 */
export type CloneArgs = CloneNamespaceArgs &
  Omit<NatRuleSetArgs, "address" | "bridgeAddress"> &
  Omit<FirecrackerVMArgs, "name" | "address" | "tapAddress" | "networkChangedAt"> &
  Partial<Pick<FirecrackerVMArgs, "name">>;

/**
 * One clone: a {@link CloneNamespace} with a {@link NatRuleSet} and a {@link FirecrackerVM} as its children. It is no
 * resource itself.
 *
 * @example new Clone("vm7", { droplet, namespace: "vm7", bridge: "br0", hostVeth: "veth7h",
 *   address: "10.0.0.9/24", gateway: "10.0.0.1", artifact: template.artifact })
 */
export class Clone {
  readonly namespace: CloneNamespace;
  readonly rules: NatRuleSet;
  readonly vm: FirecrackerVM;

  /**
   * @param opts the options of the namespace; protect, retainOnDelete and provider apply to all three, and each path of
   *   ignoreChanges and replaceOnChanges to those of the three that have the property
   */
  constructor(name: string, args: CloneArgs, opts: pulumi.CustomResourceOptions = {}) {
    const { droplet, owner, runtimeDir, vmmTimeout, tap, guestAddress, ...rest } = args;
    const { bridge, hostVeth, nsVeth, address, gateway, isolated, tapMac, tapAddress, adopt, ...others } = rest;
    const { publish, egress, services, nameservers, connections, newConnections, ...vm } = others;
    const common = omitUndefined({ droplet, owner, runtimeDir, vmmTimeout, tap });
    this.namespace = new CloneNamespace(
      name,
      {
        ...common,
        ...{ namespace: args.namespace, bridge, hostVeth, address, gateway },
        ...omitUndefined({ nsVeth, isolated, tapMac, tapAddress, adopt }),
      },
      { ...opts, ...pathsFor(opts, (key) => OF_NAMESPACE.includes(key)) },
    );

    const inner = {
      ...common,
      ...omitUndefined({ guestAddress }),
      namespace: args.namespace,
      address: pulumi.output(address).apply((cidr) => cidr.split("/")[0] ?? cidr),
    };
    const { protect, retainOnDelete, provider } = opts;
    const innerOpts = { ...omitUndefined({ protect, retainOnDelete, provider }), parent: this.namespace };
    this.rules = new NatRuleSet(
      name,
      {
        ...inner,
        bridgeAddress: pulumi.all([gateway, address]).apply(([own, cidr]) => `${own}/${cidr.split("/")[1] ?? "24"}`),
        ...omitUndefined({ nsVeth, isolated, publish, egress, services, nameservers, connections, newConnections }),
      },
      {
        ...innerOpts,
        ...pathsFor(opts, (key) => OF_RULES.includes(key)),
        // The kernel removes a namespace's rules with it.
        deletedWith: this.namespace,
      },
    );
    this.vm = new FirecrackerVM(
      name,
      {
        ...inner,
        ...omitUndefined({ ...vm, tapAddress }),
        name: args.name ?? args.namespace,
        networkChangedAt: latest(this.namespace.changedAt, this.rules.changedAt),
      },
      {
        ...innerOpts,
        ...pathsFor(opts, (key) => OF_VM.includes(key) || ![...OF_NAMESPACE, ...OF_RULES].includes(key)),
      },
    );
  }
}

const SHARED = ["droplet", "owner", "runtimeDir", "vmmTimeout", "tap", "namespace", "address", "condition", "*"];
const OF_NAMESPACE = [
  ...SHARED,
  "bridge",
  "hostVeth",
  "nsVeth",
  "gateway",
  "isolated",
  "tapMac",
  "tapAddress",
  "adopt",
];
const OF_RULES = [
  ...SHARED,
  "nsVeth",
  "isolated",
  "publish",
  "egress",
  "services",
  "nameservers",
  "bridgeAddress",
  "connections",
  "newConnections",
  "guestAddress",
];
/** Properties of the namespace or the rules that the VM has too; all others are the VM's. */
const OF_VM = [...SHARED, "tapAddress", "guestAddress"];

/** The options that name properties, with the paths of one resource: the engine refuses a path without a property. */
function pathsFor(
  { ignoreChanges, replaceOnChanges }: pulumi.CustomResourceOptions,
  has: (key: string) => boolean,
): Pick<pulumi.CustomResourceOptions, "ignoreChanges" | "replaceOnChanges"> {
  const own = (paths: string[] | undefined): string[] | undefined =>
    paths?.filter((path) => has(/^(?:\["([^"]*)"\]|([^.[]*))/.exec(path)?.slice(1).find(Boolean) ?? path));
  return omitUndefined({ ignoreChanges: own(ignoreChanges), replaceOnChanges: own(replaceOnChanges) });
}

/** The later of two ISO times. */
function latest(one: pulumi.Output<string>, other: pulumi.Output<string>): pulumi.Output<string> {
  return pulumi.all([one, other]).apply(([first, second]) => (first > second ? first : second));
}
