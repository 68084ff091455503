import { dirname } from "node:path";
import * as pulumi from "@pulumi/pulumi";
import type { FleetSpec } from "../config/spec";
import { identityOf } from "../config/spec";
import { planFleet } from "../plan/names";
import { Bridge } from "./bridge";
import { Clone, given, type CloneSummary } from "./clone";
import { withoutStacks } from "./quiet";
import type { SmokeTestArgs } from "./firecrackerVM";
import type { DropletArgs } from "./resource";
import { DropletClaim } from "./dropletClaim";
import { SnapshotArtifact, type SnapshotArtifactArgs } from "./snapshotArtifact";
import { SnapshotProof } from "./snapshotProof";
import { announce, needsOf, sourceArgs, type SnapshotSummary } from "./snapshotSource";
import { SshConfig } from "./sshConfig";

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
   * @default .hornet/STACK, or STACK in the folder that HORNET_STATE names
   */
  sshFolder?: string;
}

/** A fleet: the bridge, the snapshot, the clones, and the ssh_config that leads to them. */
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
    const {
      spec,
      droplet,
      operatorKeys = [],
      sshFolder = `${process.env.HORNET_STATE ?? ".hornet"}/${pulumi.getStack()}`,
    } = args;
    const { runtimeDir, firecracker, kernel } = spec.vmm;
    const { timeout: vmmTimeout, shutdownTimeout } = spec.vmm;
    const common = { droplet, runtimeDir, vmmTimeout };
    const inner = { parent: this };
    const plans = planFleet(spec);
    const claim = new DropletClaim(
      "droplet",
      {
        ...common,
        namespaces: plans.map(({ namespace }) => namespace),
        dir: spec.snapshot.dir,
        firecracker,
        needs: needsOf(spec.snapshot.source),
      },
      inner,
    );
    const { name: bridgeName, address, uplink } = spec.bridge;
    const bridge = new Bridge(
      bridgeName,
      { ...common, name: bridgeName, address, uplink },
      { ...inner, dependsOn: [claim] },
    );
    const source = sourceArgs(spec);
    const template = new SnapshotArtifact(
      "snapshot",
      { ...common, ...snapshotArgs(spec), source },
      { ...inner, dependsOn: [claim] },
    );
    announce(source, droplet, spec.snapshot, template);
    const clones = withoutStacks(() =>
      plans.map((plan) => {
        const identity = identityOf(spec, plan.id);
        const own = spec.clones[String(plan.id)];
        return new Clone(
          plan.name,
          {
            ...common,
            plan,
            bridge: bridge.name,
            isolated: spec.bridge.isolateClones,
            adopt: spec.fleet.adopt,
            artifact: template.artifact,
            user: spec.guest.user,
            authorizedKeys: [...operatorKeys, ...identity.authorizedKeys.filter((key) => !operatorKeys.includes(key))],
            identity: spec.guest.identity,
            firecracker,
            kernel,
            readyTimeout: spec.fleet.readyTimeout,
            shutdownTimeout,
            maxUnavailable: spec.fleet.maxUnavailable,
            smokeTests: smokeTestsOf(spec, plan.name, operatorKeys),
            ...given({
              // A secret, and an empty one takes as much room in the state.
              env: Object.keys(identity.env).length === 0 ? undefined : { ...identity.env },
              loginKeyPath: spec.guest.privateKeyPath,
              agent: spec.agent.run,
              agentService: spec.agent.service,
              publish: own?.publish.map((port) => ({ ...port })),
              egress: own?.egress && [...own.egress.allow],
            }),
          },
          inner,
        );
      }),
    );
    this.clones = pulumi.all(clones.map(({ summary }) => summary));
    this.snapshotDigest = template.artifactDigest;
    this.transferred = template.transferred;
    const { digest, snapshotPath } = { digest: template.artifactDigest, snapshotPath: template.artifact.snapshotPath };
    const proof =
      spec.fleet.readyTimeout === 0 || clones.length === 0
        ? undefined
        : new SnapshotProof(
            "proof",
            {
              ...common,
              digest,
              generations: template.generations,
              clones: this.clones.apply((all) => all.filter(({ ready }) => ready).map((clone) => clone.name)),
            },
            inner,
          );
    this.snapshot = pulumi
      .all([digest, snapshotPath, proof?.proved])
      .apply(([is, file, proved = ""]) => ({ digest: is, path: dirname(file), droplet, runtimeDir, proved }));
    const phases = pulumi.all(clones.map(({ timings }) => timings));
    const names = plans.map((plan) => plan.name);
    this.timings = pulumi.all([template.timings, phases]).apply(([snapshot, each]) => {
      const byName: Record<string, Record<string, number>> = { snapshot };
      for (const [at, name] of names.entries()) byName[name] = each[at] ?? {};
      return byName;
    });
    const ssh = new SshConfig(
      "ssh",
      {
        ...common,
        folder: sshFolder,
        clones: this.clones.apply((all) =>
          all.map((clone) => ({
            name: clone.name,
            address: clone.address,
            user: spec.guest.user,
            hostKey: clone.sshHostKey,
          })),
        ),
      },
      inner,
    );
    this.sshConfig = ssh.file;
    this.registerOutputs({});
  }
}

/** Left out, what a person would try first: the clone says its name over ssh, where the operator can log in. */
function smokeTestsOf({ fleet }: FleetSpec, name: string, operatorKeys: readonly string[]): SmokeTestArgs[] {
  if (fleet.smokeTests !== undefined) return fleet.smokeTests.map((test) => given(test));
  if (operatorKeys.length === 0 || fleet.readyTimeout === 0) return [];
  return [{ on: "clone", command: "hostname", expect: name, timeout: fleet.readyTimeout }];
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
    ...given({ digest, signers: signers && [...signers] }),
  };
}
