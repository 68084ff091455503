import * as pulumi from "@pulumi/pulumi";
import type { Artifact } from "../firecracker/manifest";
import type { ClonePlan } from "../plan/names";
import { CloneNamespace } from "./cloneNamespace";
import { FirecrackerVM, type IdentityArgs, type SmokeTestArgs } from "./firecrackerVM";
import { NatRuleSet, type PublishedPortArgs } from "./natRuleSet";
import type { CommonArgs } from "./resource";

/** What a {@link Clone} takes. */
export interface CloneArgs extends CommonArgs, IdentityArgs {
  /** Its names and addresses; see plan/names.ts. */
  plan: ClonePlan;
  bridge: pulumi.Input<string>;
  /** @default false */
  adopt?: pulumi.Input<boolean>;
  /** @default true */
  isolated?: pulumi.Input<boolean>;
  artifact: pulumi.Input<Artifact>;
  publish?: pulumi.Input<pulumi.Input<PublishedPortArgs>[]>;
  egress?: pulumi.Input<pulumi.Input<string>[]>;
  firecracker?: pulumi.Input<string>;
  kernel?: pulumi.Input<string>;
  readyTimeout?: pulumi.Input<number>;
  shutdownTimeout?: pulumi.Input<number>;
  /** What must succeed after every change of the clone. */
  smokeTests?: pulumi.Input<pulumi.Input<SmokeTestArgs>[]>;
  /** @default 1 */
  maxUnavailable?: pulumi.Input<number>;
}

/** What a stack tells of one clone. */
export interface CloneSummary {
  name: string;
  id: number;
  address: string;
  namespace: string;
  sshHostKey: string;
  ready: boolean;
  /** How its disk was copied: `reflink` or `sparse`. */
  disk: string;
  /** How it was told who it is: `service`, `ssh` or `cloud-init`. */
  identity: string;
  /** Another one each time that it was told; the trigger for steps of one's own. */
  generation: string;
}

/** One clone: its namespace, its packet rules, its VM, in this order. */
export class Clone extends pulumi.ComponentResource {
  readonly summary: pulumi.Output<CloneSummary>;
  /** ms spent on disk, launch, restore, ready. */
  readonly timings: pulumi.Output<Record<string, number>>;

  constructor(name: string, args: CloneArgs, opts?: pulumi.ComponentResourceOptions) {
    super("hornet:index:Clone", name, {}, opts);
    const { plan, artifact } = args;
    const common = given({
      droplet: args.droplet,
      owner: args.owner,
      runtimeDir: args.runtimeDir,
      vmmTimeout: args.vmmTimeout,
    });
    const inner = { parent: this };
    const net = new CloneNamespace(
      name,
      {
        ...common,
        namespace: plan.namespace,
        bridge: args.bridge,
        hostVeth: plan.hostVeth,
        nsVeth: plan.nsVeth,
        address: `${plan.address}/${plan.prefix}`,
        gateway: plan.gateway,
        tap: plan.tap,
        tapMac: plan.tapMac,
        tapAddress: plan.tapAddress,
        ...given({ isolated: args.isolated, adopt: args.adopt }),
      },
      inner,
    );
    const nat = new NatRuleSet(
      name,
      {
        ...common,
        namespace: net.namespace,
        address: plan.address,
        guestAddress: plan.guestAddress,
        nsVeth: plan.nsVeth,
        tap: plan.tap,
        ...given({ publish: args.publish, egress: args.egress }),
      },
      // The rules die with the namespace, so destroying a clone need not take them away first.
      { ...inner, deletedWith: net },
    );
    const vm = new FirecrackerVM(
      name,
      {
        ...common,
        name: plan.name,
        namespace: net.namespace,
        address: plan.address,
        artifact,
        guestAddress: plan.guestAddress,
        tap: plan.tap,
        tapAddress: plan.tapAddress,
        ...given({
          user: args.user,
          authorizedKeys: args.authorizedKeys,
          env: args.env,
          identity: args.identity,
          loginKeyPath: args.loginKeyPath,
          agent: args.agent,
          agentService: args.agentService,
          firecracker: args.firecracker,
          kernel: args.kernel,
          readyTimeout: args.readyTimeout,
          shutdownTimeout: args.shutdownTimeout,
          smokeTests: args.smokeTests,
          maxUnavailable: args.maxUnavailable,
        }),
      },
      { ...inner, dependsOn: [nat] },
    );
    const seen = pulumi.all([vm.sshHostKey, vm.ready, vm.disk, vm.identityWay, vm.generation]);
    this.summary = seen.apply(([sshHostKey, ready, disk, identity, generation]) => ({
      name: plan.name,
      id: plan.id,
      address: plan.address,
      namespace: plan.namespace,
      sshHostKey,
      ready,
      disk,
      identity,
      generation,
    }));
    this.timings = vm.timings;
    this.registerOutputs({});
  }
}

/** Only what is given: an input that is `undefined` on purpose is not the same as one that is left out. */
export function given<T extends object>(args: T): { [K in keyof T]: Exclude<T[K], undefined> } {
  const entries = Object.entries(args).filter(([, value]) => value !== undefined);
  return Object.fromEntries(entries) as { [K in keyof T]: Exclude<T[K], undefined> };
}
