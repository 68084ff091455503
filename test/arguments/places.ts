/** The places for a value of each kind: a key of the config, its path in a spec, and arguments of resources. */
import type { dynamic } from "@pulumi/pulumi";

export type Bag = Readonly<Record<string, unknown>>;

/** The places of one value, as paths with dots. */
export interface Place {
  readonly config: string;
  /** In the spec of a CloneFleet; default: as in the config. Empty: left out, because the fleet would open a file. */
  readonly spec?: string;
  /** `KIND.PATH` of the same argument in resources. */
  readonly resources: readonly string[];
}

const place = (config: string, resources: string, spec?: string): Place => ({
  config,
  resources: resources.split(" "),
  ...(spec !== undefined && { spec }),
});

export const interfaceNames = [
  place("bridge.name", "Bridge.name CloneNamespace.bridge DropletCheck.bridge"),
  place("bridge.uplink", "Bridge.uplink"),
  place("guest.tapName", "CloneNamespace.tap NatRuleSet.tap FirecrackerVM.tap SnapshotArtifact.tap"),
];
export const bridgeAddresses = [place("bridge.address", "Bridge.address")];
export const tapAddresses = [
  place("guest.tap", "CloneNamespace.tapAddress FirecrackerVM.tapAddress SnapshotArtifact.tapAddress"),
];
export const guestAddresses = [place("guest.address", "FirecrackerVM.guestAddress SnapshotArtifact.guestAddress")];
export const macs = [
  place("guest.tapMac", "CloneNamespace.tapMac SnapshotArtifact.tapMac"),
  place("guest.mac", "SnapshotArtifact.guestMac"),
];
export const networks = [place("clones.0.egress.allow.0", "NatRuleSet.egress.0")];

export const paths = [
  place("vmm.kernel", "FirecrackerVM.kernel"),
  place("vmm.firecracker", "FirecrackerVM.firecracker SnapshotArtifact.firecracker DropletCheck.firecracker"),
  place("snapshot.dir", "SnapshotArtifact.dir DropletCheck.dir DropletClaim.dir"),
  place("snapshot.boot.kernel", "SnapshotArtifact.source.boot.kernel", "snapshot.source.boot.kernel"),
  place("snapshot.boot.rootfs", "SnapshotArtifact.source.boot.rootfs", "snapshot.source.boot.rootfs"),
  place("vmm.metrics", "MetricsCollector.folder"),
];
export const socketFolders = [
  place(
    "vmm.runtimeDir",
    "Bridge.runtimeDir CloneNamespace.runtimeDir FirecrackerVM.runtimeDir DropletClaim.runtimeDir",
  ),
];
export const operatorPaths = [
  place("guest.privateKeyPath", "FirecrackerVM.loginKeyPath"),
  place("droplet.privateKeyPath", "Bridge.droplet.privateKeyPath FirecrackerVM.droplet.privateKeyPath"),
  place("agent.source", "SnapshotArtifact.source.boot.agent.path", ""),
];

export const hosts = [place("droplet.host", "Bridge.droplet.host SnapshotArtifact.droplet.host")];
export const users = [
  place("droplet.user", "Bridge.droplet.user"),
  place("guest.user", "FirecrackerVM.user SmokeTest.user SshConfig.user"),
  place("agent.user", "FirecrackerVM.agent.user", "agent.run.user"),
];
export const ports = [
  place("droplet.port", "Bridge.droplet.port CloneNamespace.droplet.port"),
  place("clones.0.publish.0.port", "NatRuleSet.publish.0.port"),
  place("clones.0.publish.0.guestPort", "NatRuleSet.publish.0.guestPort"),
];

/** Seconds that may be 0, and those that may not. */
export const pauses = [
  place("fleet.readyTimeout", "FirecrackerVM.readyTimeout SnapshotArtifact.readyTimeout"),
  place("vmm.shutdownTimeout", "FirecrackerVM.shutdownTimeout"),
];
export const limits = [
  place("vmm.timeout", "Bridge.vmmTimeout FirecrackerVM.vmmTimeout SnapshotArtifact.vmmTimeout"),
  place("droplet.timeout", "Bridge.droplet.timeout"),
  place("snapshot.boot.timeout", "SnapshotArtifact.source.boot.timeout", "snapshot.source.boot.timeout"),
  place("fleet.smokeTests.0.timeout", "FirecrackerVM.smokeTests.0.timeout SmokeTest.tests.0.timeout"),
];

export const networkRates = [place("vmm.rates.network", "FirecrackerVM.rates.network")];
export const diskRates = [place("vmm.rates.disk", "FirecrackerVM.rates.disk")];

export const fleetSizes = [place("fleet.count", "DropletLimits.clones")];
export const shares = [place("fleet.maxUnavailable", "FirecrackerVM.maxUnavailable DropletCheck.needs.maxUnavailable")];
export const memories = [
  place("snapshot.boot.memory", "SnapshotArtifact.source.boot.memory", "snapshot.source.boot.memory"),
];
export const vcpus = [place("snapshot.boot.vcpus", "SnapshotArtifact.source.boot.vcpus", "snapshot.source.boot.vcpus")];
export const consoles = [place("vmm.consoleLimit", "ConsoleKeeper.limit")];
export const generations = [place("snapshot.keepGenerations", "SnapshotArtifact.keepGenerations")];

export const authorizedKeys = [place("identity.authorizedKeys.0", "FirecrackerVM.authorizedKeys.0")];
export const hostKeys = [place("droplet.hostKey", "Bridge.droplet.hostKey")];
export const signers = [place("snapshot.signers.0", "SnapshotArtifact.signers.0 DropletCheck.needs.signers.0")];
export const digests = [place("snapshot.digest", "SnapshotArtifact.digest DropletCheck.needs.digest")];

export const commands = [
  place("agent.command", "FirecrackerVM.agent.command", "agent.run.command"),
  place("fleet.smokeTests.0.command", "FirecrackerVM.smokeTests.0.command SmokeTest.tests.0.command"),
];
export const services = [place("agent.service", "FirecrackerVM.agentService")];
export const labels = [place("snapshot.boot.name", "SnapshotArtifact.source.boot.name", "snapshot.source.boot.name")];
export const deviceIds = [place("guest.interface", "SnapshotArtifact.guestInterface")];
export const bootArguments = [
  place("snapshot.boot.bootArgs", "SnapshotArtifact.source.boot.bootArgs", "snapshot.source.boot.bootArgs"),
];
export const outputs = [
  place("fleet.smokeTests.0.expect", "FirecrackerVM.smokeTests.0.expect SmokeTest.tests.0.expect"),
];
export const switches = [
  place("bridge.isolateClones", "CloneNamespace.isolated"),
  place("fleet.adopt", "CloneNamespace.adopt"),
  place("snapshot.requireCpuFeatures", "DropletCheck.needs.requireCpuFeatures"),
];
export const restarts = [place("agent.restart", "FirecrackerVM.agent.restart", "agent.run.restart")];
export const protocols = [place("clones.0.publish.0.protocol", "NatRuleSet.publish.0.protocol")];
export const environments = [place("identity.env", "FirecrackerVM.env"), place("agent.env", "FirecrackerVM.env")];

const KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f";
const common = { droplet: { host: "192.0.2.1" }, owner: "hornet:p/s:1" };
const artifact = { digest: "x", folder: "/a", diskPath: "/d", guestMac: "02:fc:00:00:00:02", memory: 128 };
const clone = { namespace: "vm0", name: "vm0", address: "10.0.0.2" };
const agent = { command: "./agent" };
const smokeTest = { command: "hostname" };

/** Valid arguments of each kind, into which a test puts a value. */
export const resources: Readonly<Record<string, Bag>> = {
  Bridge: common,
  CloneNamespace: {
    ...common,
    ...{ namespace: "vm0", bridge: "br0", hostVeth: "veth0h", address: "10.0.0.2/24", gateway: "10.0.0.1" },
  },
  NatRuleSet: { ...common, namespace: "vm0", address: "10.0.0.2", publish: [{ port: 80 }], egress: [], services: [] },
  FirecrackerVM: { ...common, ...clone, artifact, agent, smokeTests: [smokeTest] },
  SnapshotArtifact: { ...common, source: { boot: { agent: { path: "/agent", digest: "x" } } } },
  SmokeTest: { ...common, ...clone, hostKey: KEY, tests: [smokeTest] },
  SshConfig: { ...common, stack: "dev", folder: ".hornet/dev", clones: [] },
  DropletCheck: { ...common, namespaces: ["vm0"], needs: {} },
  DropletClaim: { ...common, namespaces: ["vm0"] },
  DropletLimits: { ...common, clones: 1 },
  DropletHardening: { ...common, harden: ["ksm"] },
  ConsoleKeeper: common,
  RecoveryKeeper: common,
  NameServer: { ...common, bridge: "br0", address: "10.0.0.1", policies: [] },
  MetricsCollector: { ...common, folder: "/var/lib/metrics" },
};

/** A valid config, into which a test puts a value. */
export function configAround({ config }: Place): Bag {
  const withAgent = config.startsWith("agent.") && !config.endsWith("service") && !config.endsWith("env");
  return {
    droplet: { host: "192.0.2.1" },
    fleet: { count: 1, ...(config.startsWith("fleet.smokeTests") && { smokeTests: [smokeTest] }) },
    ...(config.startsWith("clones") && { clones: { "0": { publish: [{ port: 80 }], egress: { allow: [] } } } }),
    ...((config.startsWith("snapshot.boot") || config === "agent.source") && { snapshot: { boot: {} } }),
    ...(withAgent && { agent }),
  };
}

/** The providers of each kind, as the engine finds them. */
// eslint-disable-next-line @typescript-eslint/no-require-imports
export const providers = require("../../providers.cjs") as Readonly<Record<string, dynamic.ResourceProvider>>;

/** A copy of a value with another one at a path; the path "" stands for the value itself. */
export function put(around: unknown, path: readonly string[], value: unknown): unknown {
  const [key, ...rest] = path;
  if (key === undefined) return value;
  const holder = (around ?? (/^\d+$/.test(key) ? [] : {})) as Record<string, unknown>;
  const inner = put(Object.hasOwn(holder, key) ? holder[key] : undefined, rest, value);
  if (Array.isArray(holder)) return Object.assign([...(holder as unknown[])], { [key]: inner });
  return Object.fromEntries([...Object.entries(holder).filter(([other]) => other !== key), [key, inner]]);
}
