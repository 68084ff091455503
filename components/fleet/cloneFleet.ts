import * as pulumi from "@pulumi/pulumi";
import { judgedSpec } from "../../config/parse";
import type { FleetSpec } from "../../config/spec";
import { ONLY_FLEET, planFleet, resourceName } from "../../model/names";
import { Bridge } from "../bridge";
import { NameServer } from "../nameServer";
import { fleetClone, summaryOf, type CloneSummary } from "./fleetClone";
import { forwardsOf, namePoliciesOf } from "./network";
import { omitUndefined } from "../omitUndefined";
import { thisStack, type DropletArgs } from "../resource";
import { SnapshotArtifact, type SnapshotArtifactArgs } from "../snapshotArtifact";
import { SnapshotProof } from "../snapshotProof";
import { OtherStacks, announce, dropletNeeds, sourceArgs, type SnapshotSummary } from "./snapshotSource";
import { SshConfig, type SshConfigArgs } from "../sshConfig";
import { declareSteps } from "./steps";
import { dropletSetup } from "./dropletSetup";
import { withoutStackTraces } from "../withoutStackTraces";
import { filesFolder } from "../../operator/simulatedDroplet";

/** The arguments of a {@link CloneFleet}. */
export interface CloneFleetArgs {
  /** The whole declaration; `loadConfig()` reads it from the stack's config. */
  spec: FleetSpec;
  /** The droplet, resolved: a simulated one with its port and keys. */
  droplet: DropletArgs;
  /** Public keys that may log in to every clone, besides those of the spec. */
  operatorKeys?: readonly string[];
  /**
   * The folder on the operator's machine for the ssh_config.
   * @default .hornet/STACK, or STACK in the folder that HORNET_STATE names; STACK-NAME for a fleet that is not named `fleet`
   */
  sshFolder?: string;
  /** The other fleets of a stack with several droplets; `declareStack` sets it. */
  share?: FleetShare;
}

/** What a fleet shares with the other fleets of its stack. */
export interface FleetShare {
  /** Its droplet's key in `hornet:droplets`; undefined for the fleet of `hornet:droplet`. */
  readonly droplet: string | undefined;
  /** The folder on the operator's machine with the ssh_config that leads to the clones of all fleets. */
  readonly folder: string;
  /** That ssh_config, where no fleet of `hornet:droplet` writes it. */
  readonly index: string | undefined;
  /** The stacks that their snapshots come from. */
  readonly stacks: OtherStacks;
  /** The other droplets that have the same source of the snapshot. */
  readonly peers: readonly { readonly droplet: DropletArgs; readonly dir: string }[];
}

/**
 * A fleet: the bridge, the snapshot, the clones, and the ssh_config that leads to them. A stack may have several, on one droplet
 * or on many: each has its own owner label there, and the names of its resources begin with its name. The fleet named `fleet`
 * has no such prefix, and its owner label is the stack's.
 */
export class CloneFleet extends pulumi.ComponentResource {
  readonly clones: pulumi.Output<CloneSummary[]>;
  /** What is unknown after an `up` if a resource of the fleet failed: each clone, and what the fleet consists of. */
  readonly converged: { readonly clones: readonly pulumi.Output<CloneSummary>[]; all: pulumi.Output<unknown>[] };
  readonly snapshotDigest: pulumi.Output<string>;
  /** The facts that other stacks need to transfer the snapshot. */
  readonly snapshot: pulumi.Output<SnapshotSummary>;
  /** Bytes that were transferred for the snapshot. */
  readonly transferred: pulumi.Output<number>;
  /** ms by clone and phase; the key `snapshot` has the artifact's. */
  readonly timings: pulumi.Output<Record<string, Record<string, number>>>;
  /** The ssh_config's path, from the program's folder. */
  readonly sshConfig: pulumi.Output<string>;

  constructor(name: string, args: CloneFleetArgs, opts?: pulumi.ComponentResourceOptions) {
    super("hornet:index:CloneFleet", name, {}, opts);
    const own = name === ONLY_FLEET ? undefined : name;
    const { droplet, operatorKeys = [], sshFolder, share } = args;
    const sshName = own === undefined ? pulumi.getStack() : `${pulumi.getStack()}-${own}`;
    const spec = judgedSpec(args.spec, pulumi.getStack());
    const { runtimeDir, timeout: vmmTimeout } = spec.vmm;
    const common = { droplet, owner: thisStack(own, spec.fleet.knownAs), runtimeDir, vmmTimeout };
    const inner = { parent: this };
    const named = (part: string): string => resourceName(own, part);
    const plans = planFleet(spec);
    const source = sourceArgs(spec, droplet, share?.stacks ?? new OtherStacks(own));
    const setup = dropletSetup(
      { spec, common, needs: dropletNeeds(spec, source, (share?.peers ?? []).length > 0), named },
      inner,
    );
    const { name: bridgeName, address, uplink, closed } = spec.bridge;
    const bridge = new Bridge(
      named(bridgeName),
      { ...common, name: bridgeName, address, uplink, closed, forwards: forwardsOf(spec, plans) },
      { ...inner, dependsOn: setup.all },
    );
    const policies = namePoliciesOf(spec, plans);
    const names =
      policies.length === 0
        ? []
        : [
            new NameServer(
              named("names"),
              { ...common, bridge: bridgeName, address: address.replace(/\/.*/, ""), policies },
              { ...inner, dependsOn: [bridge] },
            ),
          ];
    // Beside the keepers and the bridge, which take as long as the files of a small snapshot.
    const template = new SnapshotArtifact(
      named("snapshot"),
      { ...common, ...snapshotArgs(spec), source, ...peersOf(share) },
      { ...inner, dependsOn: setup.claimed },
    );
    announce(source, droplet, spec.snapshot, template);
    const shared = {
      ...common,
      spec,
      named,
      operatorKeys,
      artifact: template.artifact,
      sshFolder: share?.droplet ?? sshFolder ?? sshName,
      alias: share?.droplet,
    };
    // The name server follows the bridge, and the bridge the keepers: each clone's entry in the state lists two resources.
    const needed = { ...inner, dependsOn: [template, ...(names.length > 0 ? names : [bridge])] };
    const clones = withoutStackTraces(() => plans.map((plan) => ({ plan, clone: fleetClone(plan, shared, needed) })));
    withoutStackTraces(() => declareSteps(clones, { spec, droplet, named }));
    const summaries = clones.map(({ clone, plan }) => summaryOf(clone, plan, share?.droplet));
    this.clones = pulumi.all(summaries);
    this.converged = { clones: summaries, all: [this.clones, template.artifactDigest] };
    this.snapshotDigest = template.artifactDigest;
    this.transferred = template.transferred;
    const digest = template.artifactDigest;
    const proof =
      spec.fleet.readyTimeout === 0 || clones.length === 0
        ? undefined
        : new SnapshotProof(
            named("proof"),
            {
              ...common,
              digest,
              generations: template.generations,
              clones: this.clones.apply((all) => all.filter(({ ready }) => ready).map((clone) => clone.name)),
            },
            inner,
          );
    this.snapshot = pulumi
      .all([digest, template.artifact.folder, proof?.proved])
      .apply(([is, path, proved = ""]) => ({ digest: is, path, droplet, runtimeDir, proved }));
    const phases = pulumi.all(clones.map(({ clone }) => clone.vm.timings));
    const cloneNames = plans.map((plan) => plan.name);
    this.timings = pulumi.all([template.timings, phases]).apply(([snapshot, each]) => {
      const byName: Record<string, Record<string, number>> = { snapshot };
      for (const [at, name] of cloneNames.entries()) byName[name] = each[at] ?? {};
      return byName;
    });
    const ssh = new SshConfig(
      named("ssh"),
      {
        ...common,
        folder: sshFolder ?? sshFolderOf(sshName),
        ...sharedSsh(share),
        user: spec.guest.user,
        readyTimeout: spec.fleet.readyTimeout,
        clones: this.clones.apply((all) =>
          all.map(({ name, address, sshHostKey: hostKey }) => ({ name, address, hostKey })),
        ),
      },
      inner,
    );
    this.sshConfig = ssh.file;
    this.converged.all.push(ssh.file);
    this.registerOutputs({});
  }
}

function snapshotArgs(spec: FleetSpec): Omit<SnapshotArtifactArgs, "droplet" | "source"> {
  const { digest, dir, disks, keepGenerations, signers } = spec.snapshot;
  return {
    dir,
    keepGenerations,
    firecracker: spec.vmm.firecracker,
    jailer: spec.vmm.jailer,
    uids: { ...spec.vmm.uids },
    guestAddress: spec.guest.address,
    guestMac: spec.guest.mac,
    tap: spec.guest.tapName,
    tapMac: spec.guest.tapMac,
    tapAddress: spec.guest.tap,
    ...trialArgs(spec),
    ...omitUndefined({
      digest,
      disks: disks && [...disks],
      signers: signers && [...signers],
      guestInterface: spec.guest.interface,
    }),
  };
}

/** What spares or limits the trial of a guest, which only a folder without a manifest needs. */
function trialArgs({
  fleet,
  guest,
  snapshot,
  vmm,
}: FleetSpec): Partial<Pick<SnapshotArtifactArgs, "identity" | "readyTimeout">> {
  const { identity } = guest;
  const { readyTimeout } = fleet;
  const declared = snapshot.source.kind === "path" && identity !== "auto" ? { identity } : {};
  const nobodyWaits = declared.identity === "service" && readyTimeout === 0;
  return { ...declared, ...((readyTimeout > vmm.timeout || nobodyWaits) && { readyTimeout }) };
}

function peersOf(share: FleetShare | undefined): Pick<SnapshotArtifactArgs, "peers"> {
  return share === undefined || share.peers.length === 0 ? {} : { peers: share.peers.map((peer) => ({ ...peer })) };
}

/** One file leads to the clones of all fleets: that of the fleet of `hornet:droplet`, or one that includes the others. */
function sharedSsh(share: FleetShare | undefined): Pick<SshConfigArgs, "alias" | "index" | "includes"> {
  if (share === undefined) return {};
  if (share.droplet === undefined) return { includes: share.folder };
  return { alias: share.droplet, ...omitUndefined({ index: share.index }) };
}

/** A folder on the operator's machine, from the program's folder, for an ssh_config. */
export function sshFolderOf(name: string): string {
  return `${filesFolder()}/${name}`;
}
