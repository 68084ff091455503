import * as pulumi from "@pulumi/pulumi";
import type { FleetSpec, SnapshotSource } from "../config/spec";
import { identityOf } from "../config/spec";
import { planFleet } from "../plan/names";
import { Bridge } from "./bridge";
import { Clone, given, type CloneSummary } from "./clone";
import type { DropletArgs } from "./resource";
import { DropletClaim, type DropletNeeds } from "./dropletClaim";
import { SnapshotArtifact, type SnapshotArtifactArgs } from "./snapshotArtifact";
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
    const template = new SnapshotArtifact(
      "snapshot",
      { ...common, ...snapshotArgs(spec) },
      { ...inner, dependsOn: [claim] },
    );
    const clones = plans.map((plan) => {
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
          env: { ...identity.env },
          firecracker,
          kernel,
          readyTimeout: spec.fleet.readyTimeout,
          shutdownTimeout,
          ...given({
            publish: own?.publish.map((port) => ({ ...port })),
            egress: own?.egress && [...own.egress.allow],
          }),
        },
        inner,
      );
    });
    this.clones = pulumi.all(clones.map(({ summary }) => summary));
    this.snapshotDigest = template.artifactDigest;
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

function snapshotArgs(spec: FleetSpec): Omit<SnapshotArtifactArgs, "droplet"> {
  const { digest, dir, keepGenerations, source } = spec.snapshot;
  return {
    source: sourceArgs(source),
    dir,
    keepGenerations,
    firecracker: spec.vmm.firecracker,
    guestAddress: spec.guest.address,
    guestMac: spec.guest.mac,
    tap: spec.guest.tapName,
    tapMac: spec.guest.tapMac,
    tapAddress: spec.guest.tap,
    ...given({ digest }),
  };
}

/** What can be said of a snapshot's needs before it is looked at. */
function needsOf(source: SnapshotSource): DropletNeeds {
  if (source.kind === "boot") {
    const { kernel, rootfs, memory } = source.boot;
    const files = [
      { path: kernel, key: "hornet:snapshot.boot.kernel" },
      { path: rootfs, key: "hornet:snapshot.boot.rootfs" },
    ];
    return { memory, files, disk: rootfs, snapshot: "" };
  }
  if (source.kind !== "path") return { memory: 0, files: [], disk: "", snapshot: "" };
  const files = ["vm.snapshot", "vm.mem"].map((file) => ({
    path: `${source.path}/${file}`,
    key: "hornet:snapshot.path",
  }));
  return { memory: 0, files, disk: "", snapshot: source.path };
}

function sourceArgs(source: SnapshotSource): SnapshotArtifactArgs["source"] {
  switch (source.kind) {
    case "path":
      return { path: source.path };
    case "boot":
      return { boot: { ...given(source.boot) } };
    default:
      throw new pulumi.RunError(
        "hornet:snapshot.from is not there yet: copy the artifact's folder to the droplet and name it in hornet:snapshot.path",
      );
  }
}
