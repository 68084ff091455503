import * as pulumi from "@pulumi/pulumi";
import { judgedSpec } from "../../config/parse";
import type { FleetSpec } from "../../config/spec";
import { planFleet } from "../../model/names";
import { Bridge } from "../bridge";
import { fleetClone, summaryOf, type CloneSummary } from "./fleetClone";
import { omitUndefined } from "../omitUndefined";
import { thisStack, type DropletArgs } from "../resource";
import { SnapshotArtifact, type SnapshotArtifactArgs } from "../snapshotArtifact";
import { SnapshotProof } from "../snapshotProof";
import { announce, dropletNeeds, sourceArgs, type SnapshotSummary } from "./snapshotSource";
import { SshConfig } from "../sshConfig";
import { declareSteps } from "./steps";
import { standingParts } from "./dropletSetup";
import { withoutStackTraces } from "../withoutStackTraces";

/** What a {@link CloneFleet} takes. */
export interface CloneFleetArgs {
  /** The whole declaration; `loadConfig()` reads it from the stack's config. */
  spec: FleetSpec;
  /** The droplet, resolved: a simulated one stands here with its port and keys. */
  droplet: DropletArgs;
  /** Public keys that may log in to every clone beside those of the spec. */
  operatorKeys?: readonly string[];
  /**
   * The folder on the operator's machine for the ssh_config.
   * @default .hornet/STACK, or STACK in the folder that HORNET_STATE names; STACK-NAME for a fleet that is not named `fleet`
   */
  sshFolder?: string;
}

/**
 * A fleet: the bridge, the snapshot, the clones, and the ssh_config that leads to them. A stack may have several, on one
 * droplet or on many: each has a mark of its own there, by its name, and its resources carry that name. Those of the fleet
 * named `fleet` go without, and its mark is the stack's.
 */
export class CloneFleet extends pulumi.ComponentResource {
  readonly clones: pulumi.Output<CloneSummary[]>;
  readonly snapshotDigest: pulumi.Output<string>;
  /** What other stacks need to take it from here. */
  readonly snapshot: pulumi.Output<SnapshotSummary>;
  /** Bytes that went over the wire for the snapshot when it came. */
  readonly transferred: pulumi.Output<number>;
  /** ms by clone and phase; `snapshot` holds the artifact's own. */
  readonly timings: pulumi.Output<Record<string, Record<string, number>>>;
  /** The ssh_config's path, from the program's folder. */
  readonly sshConfig: pulumi.Output<string>;

  constructor(name: string, args: CloneFleetArgs, opts?: pulumi.ComponentResourceOptions) {
    super("hornet:index:CloneFleet", name, {}, opts);
    const own = name === ONLY ? undefined : name;
    const { droplet, operatorKeys = [], sshFolder = sshFolderOf(own) } = args;
    const spec = judgedSpec(args.spec, pulumi.getStack());
    const { runtimeDir, timeout: vmmTimeout } = spec.vmm;
    const common = { droplet, owner: thisStack(own, spec.fleet.knownAs), runtimeDir, vmmTimeout };
    const inner = { parent: this };
    const named = (part: string): string => (own === undefined ? part : `${own}-${part}`);
    const plans = planFleet(spec);
    const source = sourceArgs(spec, droplet);
    const standing = standingParts({ spec, common, needs: dropletNeeds(spec, source), named }, inner);
    const { name: bridgeName, address, uplink } = spec.bridge;
    const bridge = new Bridge(
      named(bridgeName),
      { ...common, name: bridgeName, address, uplink },
      { ...inner, dependsOn: standing },
    );
    // After the bridge only so that clones need to name one resource that they depend on, not two; it takes no time.
    const template = new SnapshotArtifact(
      named("snapshot"),
      { ...common, ...snapshotArgs(spec), source },
      { ...inner, dependsOn: [bridge] },
    );
    announce(source, droplet, spec.snapshot, template);
    const shared = { ...common, spec, named, operatorKeys, artifact: template.artifact };
    const clones = withoutStackTraces(() =>
      plans.map((plan) => ({ plan, clone: fleetClone(plan, shared, { ...inner, dependsOn: [template] }) })),
    );
    withoutStackTraces(() => declareSteps(clones, { spec, droplet, named }));
    this.clones = pulumi.all(clones.map(({ clone, plan }) => summaryOf(clone, plan)));
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
    const names = plans.map((plan) => plan.name);
    this.timings = pulumi.all([template.timings, phases]).apply(([snapshot, each]) => {
      const byName: Record<string, Record<string, number>> = { snapshot };
      for (const [at, name] of names.entries()) byName[name] = each[at] ?? {};
      return byName;
    });
    const ssh = new SshConfig(
      named("ssh"),
      {
        ...common,
        folder: sshFolder,
        user: spec.guest.user,
        readyTimeout: spec.fleet.readyTimeout,
        clones: this.clones.apply((all) =>
          all.map(({ name, address, sshHostKey: hostKey }) => ({ name, address, hostKey })),
        ),
      },
      inner,
    );
    this.sshConfig = ssh.file;
    this.registerOutputs({});
  }
}

function snapshotArgs(spec: FleetSpec): Omit<SnapshotArtifactArgs, "droplet" | "source"> {
  const { digest, dir, keepGenerations, signers } = spec.snapshot;
  return {
    dir,
    keepGenerations,
    firecracker: spec.vmm.firecracker,
    guestAddress: spec.guest.address,
    guestMac: spec.guest.mac,
    tap: spec.guest.tapName,
    tapMac: spec.guest.tapMac,
    tapAddress: spec.guest.tap,
    ...(spec.fleet.readyTimeout > spec.vmm.timeout && { readyTimeout: spec.fleet.readyTimeout }),
    ...omitUndefined({ digest, signers: signers && [...signers], guestInterface: spec.guest.interface }),
  };
}

/** The name of the fleet whose resources have no other name in theirs: most stacks have this one alone. */
const ONLY = "fleet";

function sshFolderOf(fleet: string | undefined): string {
  const stack = pulumi.getStack();
  return `${process.env.HORNET_STATE ?? ".hornet"}/${fleet === undefined ? stack : `${stack}-${fleet}`}`;
}
