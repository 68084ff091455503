import * as pulumi from "@pulumi/pulumi";
import type { FleetSpec } from "../config/spec";
import { planFleet } from "../plan/names";
import { Bridge } from "./bridge";
import { fleetClone, given, summaryOf, type CloneSummary } from "./fleetClone";
import { withoutOrigin, withoutStacks } from "./quiet";
import type { DropletArgs } from "./resource";
import { ConsoleKeeper } from "./consoleKeeper";
import { DropletCheck } from "./dropletCheck";
import { DropletClaim } from "./dropletClaim";
import { DropletLimits } from "./dropletLimits";
import { MetricsCollector } from "./metricsCollector";
import { SnapshotArtifact, type SnapshotArtifactArgs } from "./snapshotArtifact";
import { SnapshotProof } from "./snapshotProof";
import { announce, dropletNeeds, sourceArgs, type SnapshotSummary } from "./snapshotSource";
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
    const { runtimeDir, firecracker, timeout: vmmTimeout } = spec.vmm;
    const common = { droplet, runtimeDir, vmmTimeout };
    const inner = { parent: this };
    const plans = planFleet(spec);
    const source = sourceArgs(spec, droplet);
    const place = { ...common, namespaces: plans.map(({ namespace }) => namespace), dir: spec.snapshot.dir };
    const check = new DropletCheck(
      "preflight",
      { ...place, firecracker, bridge: spec.bridge.name, needs: dropletNeeds(spec, source) },
      inner,
    );
    const claim = new DropletClaim("droplet", place, { ...inner, dependsOn: [check] });
    const limits = new DropletLimits("limits", { ...common, clones: plans.length }, { ...inner, dependsOn: [claim] });
    const consoles = new ConsoleKeeper(
      "consoles",
      { ...common, limit: spec.vmm.consoleLimit },
      { ...inner, dependsOn: [claim] },
    );
    if (spec.vmm.metrics !== undefined) {
      const folder = spec.vmm.metrics;
      new MetricsCollector("metrics", { ...common, folder }, { ...inner, dependsOn: [claim] });
    }
    const { name: bridgeName, address, uplink } = spec.bridge;
    const bridge = new Bridge(
      bridgeName,
      { ...common, name: bridgeName, address, uplink },
      { ...inner, dependsOn: [claim, limits, consoles] },
    );
    // After the bridge only so that clones need to name one resource that they depend on, not two; it takes no time.
    const template = new SnapshotArtifact(
      "snapshot",
      { ...common, ...snapshotArgs(spec), source },
      { ...inner, dependsOn: [bridge] },
    );
    announce(source, droplet, spec.snapshot, template);
    const shared = { ...common, spec, operatorKeys, artifact: withoutOrigin(template.artifact) };
    const clones = withoutStacks(() =>
      plans.map((plan) => ({ plan, clone: fleetClone(plan, shared, { ...inner, dependsOn: [template] }) })),
    );
    this.clones = pulumi.all(clones.map(({ clone, plan }) => summaryOf(clone, plan)));
    this.snapshotDigest = template.artifactDigest;
    this.transferred = template.transferred;
    const digest = template.artifactDigest;
    const proof =
      spec.fleet.readyTimeout === 0 || clones.length === 0
        ? undefined
        : new SnapshotProof(
            "proof",
            {
              ...common,
              digest,
              generations: template.generations,
              clones: withoutOrigin(
                this.clones.apply((all) => all.filter(({ ready }) => ready).map((clone) => clone.name)),
              ),
            },
            inner,
          );
    this.snapshot = pulumi
      .all([digest, template.artifact.folder, proof?.proved])
      .apply(([is, path, proved = ""]) => ({ digest: is, path, droplet, runtimeDir, proved }));
    const phases = pulumi.all(clones.map(({ clone }) => clone.timings));
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
        user: spec.guest.user,
        clones: withoutOrigin(
          this.clones.apply((all) => all.map(({ name, address, sshHostKey }) => `${name} ${address} ${sshHostKey}`)),
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
    ...given({ digest, signers: signers && [...signers] }),
  };
}
