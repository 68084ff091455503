import { egressOf, limitsOf, nameserversOf, ratesOf, recoveryOf, type FleetSpec } from "../../config/spec";
import { memoryOf, ratedDevices } from "../../firecracker/devices";
import type { Manifest } from "../../firecracker/manifest";
import { networkText, cidrOf } from "../../model/addresses";
import { namePoliciesOf } from "../../components/fleet/network";
import { bridgeMac, bridgeTableName, planBridge } from "../../plan/network/bridge";
import { consoleDrift } from "../../plan/consoles";
import { recoveryKeeperDrift } from "../../plan/recovery";
import { vethMacs } from "../../model/macs";
import { namesDrift } from "../../plan/network/names";
import { metricsDrift } from "../../plan/metrics";
import { planFleet, type ClonePlan } from "../../model/names";
import { planNamespace } from "../../plan/network/namespace";
import { NAT_TABLE, natTable } from "../../plan/network/nat";
import type { Observed } from "../../model/observed";
import { ownerName } from "../../model/owner";
import { recoveryWords } from "../../plan/vm/ended";
import { vmDrift, type VmSpec } from "../../plan/vm/repair";

/** The report on one stack of a droplet. */
export interface Inspection {
  /** The stack's things there. */
  readonly owned: readonly string[];
  /** Drift from the config. */
  readonly drift: readonly string[];
  /** Things with the stack's owner label that the config does not declare. */
  readonly orphans: readonly string[];
  /** Names that the config declares and another owner has. */
  readonly taken: readonly string[];
}

/** Stands for the owner label of a stack that has nothing on the droplet. */
export const NOBODY = "nobody";

/**
 * Compares a droplet with a config, without the state: so it also finds things that the engine does not know.
 *
 * @param owner the stack's owner label; {@link NOBODY} if it has nothing there
 * @param scripts the digest of this Hornet's scripts for droplets
 * @param manifests of the snapshots that its VMs run, by digest
 */
export function inspect(
  spec: FleetSpec,
  owner: string,
  observed: Observed,
  scripts: string,
  manifests: ReadonlyMap<string, Manifest> = new Map(),
): Inspection {
  const plans = planFleet(spec);
  const recovers = plans.some(({ id }) => recoveryOf(spec, id) !== undefined);
  const mine = observed.claims.filter((claim) => claim.owner === owner).map(({ name }) => name);
  const declared = new Set(plans.map(({ namespace }) => namespace));
  const taken = plans.flatMap(({ namespace }) => {
    const holder = observed.claims.find(({ name }) => name === namespace)?.owner;
    if (holder !== undefined) return holder === owner ? [] : [`${namespace} belongs to the stack ${ownerName(holder)}`];
    return observed.namespaces.includes(namespace) ? [`${namespace} is a namespace without an owner label`] : [];
  });
  const bridges = Object.entries(observed.bridges).map(([name, origin]) => `bridge ${name} (${origin})`);
  const there = plans.filter(({ namespace }) => mine.includes(namespace));
  return {
    owned: [...bridges, ...mine.map((name) => `${name}: ${vmWords(name, observed)}`)],
    drift: [
      ...bridgeDrift(spec, owner, observed),
      ...(mine.length === 0 ? [] : consoleDrift(spec.vmm.consoleLimit, observed)),
      ...(mine.length === 0 ? [] : recoveryKeeperDrift(recovers ? scripts : undefined, observed)),
      ...(mine.length === 0 ? [] : metricsDrift(spec.vmm.metrics, observed)),
      ...(mine.length === 0 ? [] : namesInspection(spec, plans, owner, observed)),
      ...plans.filter(({ namespace }) => !mine.includes(namespace)).map(({ name }) => `${name} is not there`),
      ...there.flatMap((plan) =>
        cloneDrift(spec, plan, { owner, observed, manifests }).map((words) => `${plan.name}: ${words}`),
      ),
    ],
    orphans: mine.filter((name) => !declared.has(name)),
    taken,
  };
}

/** The guests' name server, where a clone's egress names hosts: whether it runs as declared, and what it cannot resolve. */
function namesInspection(
  spec: FleetSpec,
  plans: readonly ClonePlan[],
  owner: string,
  observed: Observed,
): readonly string[] {
  const policies = namePoliciesOf(spec, plans);
  if (policies.length === 0) return [];
  const address = spec.bridge.address.replace(/\/.*/, "");
  const unresolved = observed.names?.unresolved ?? [];
  return [
    ...namesDrift({ owner, bridge: spec.bridge.name, address, policies }, observed),
    ...unresolved.map((line) => `the name ${line}; guests cannot reach it`),
  ];
}

function vmWords(name: string, observed: Observed): string {
  const vm = observed.vms[name];
  if (vm === undefined) return "no VM";
  const recoveries = recoveryWords(name, vm.recoveries, observed);
  const words = vm.alive
    ? `VMM ${vm.pid}, Firecracker ${vm.version || "silent"}, ${vm.state || "no answer"}`
    : `VMM ${vm.pid} exited`;
  return recoveries === "" ? words : `${words}; ${recoveries}`;
}

function bridgeDrift(spec: FleetSpec, owner: string, observed: Observed): string[] {
  const { name, address, uplink, closed } = spec.bridge;
  const bridge = { name, address, network: networkText(cidrOf(address)), uplink, closed, forwards: [], owner };
  const table = observed.tables.find((one) => one.name === bridgeTableName(owner, spec.bridge.name));
  const masquerade = table?.rules.some(({ comment }) => comment === "masquerade") === true;
  const unlabelled =
    owner === NOBODY || observed.bridges[name] !== undefined ? [] : [`the folder of ${name} lost its owner label`];
  return [
    ...unlabelled,
    ...planBridge(bridge, observed, isAdopted(name, owner, observed)).drift,
    ...(masquerade ? [] : ["nft rule masquerade missing"]),
  ];
}

/**
 * Whether a bridge is somebody else's, which `up` adopts. Where no folder of the stack records that, an owner label says so; a
 * bridge without one that has the address that Hornet gives is the stack's, if the stack has anything there.
 */
function isAdopted(name: string, owner: string, { bridges, links }: Observed): boolean {
  const recorded = bridges[name];
  if (recorded !== undefined) return recorded === "adopted";
  const seen = links.find((link) => link.name === name);
  if (seen === undefined || seen.alias === owner) return false;
  return owner === NOBODY || seen.alias !== "" || seen.mac !== bridgeMac(name);
}

interface Seen {
  readonly owner: string;
  readonly observed: Observed;
  readonly manifests: ReadonlyMap<string, Manifest>;
}

function cloneDrift(spec: FleetSpec, plan: ClonePlan, { owner, observed, manifests }: Seen): string[] {
  const address = `${plan.address}/${plan.prefix}`;
  const macs = vethMacs(address);
  const network = planNamespace(
    {
      ...plan,
      address,
      owner,
      bridge: spec.bridge.name,
      isolated: spec.bridge.isolateClones,
      hostMac: macs.host,
      nsMac: macs.inside,
    },
    observed,
  ).drift;
  const own = spec.clones[String(plan.id)];
  const { services, isolateClones: isolated } = spec.bridge;
  const { connections, newConnections } = spec.fleet;
  const wanted = natTable({
    ...{ ...plan, owner, isolated, services, connections, newConnections },
    publish: own?.publish ?? [],
    egress: egressOf(spec, plan.id),
    nameservers: nameserversOf(spec),
    bridgeAddress: `${plan.gateway}/${plan.prefix}`,
  });
  const seen = observed.inside[plan.namespace]?.tables.find(({ name }) => name === NAT_TABLE);
  const labels = new Set(seen?.rules.map(({ comment }) => comment));
  const missing = wanted.chains.flatMap(({ rules }) => rules).filter(({ label }) => !labels.has(label));
  // Only the state knows which snapshot it should run.
  const { digest = "", key = "" } = observed.vms[plan.namespace]?.record ?? {};
  const declared = declaredLimits(spec, plan, manifests.get(digest));
  const drift = vmDrift({ namespace: plan.namespace, tap: plan.tap, digest, key, ...declared }, observed);
  return [...network, ...missing.map(({ label }) => `nft rule ${label} missing`), ...drift];
}

/** @param manifest of the snapshot that the clone runs; undefined if it is not on the droplet any more */
function declaredLimits(
  spec: FleetSpec,
  { id }: ClonePlan,
  manifest: Manifest | undefined,
): Pick<VmSpec, "limits" | "rates"> {
  return {
    limits: { declared: limitsOf(spec, id), memory: manifest && memoryOf(manifest) },
    ...(manifest && { rates: { declared: ratesOf(spec, id), devices: ratedDevices(manifest) } }),
  };
}
