/** The spec of a fleet: a config that has been checked, defaults filled in, variants told apart by `kind`. */
import { HARDEN_POINTS } from "../model/arguments/droplet";
import type { Limits, Rates } from "../model/arguments/limits";
import type { Recovery } from "../model/arguments/recovery";
import type { ConfigShape } from "./schema";
import { DEFAULT_SNAPSHOT_PATH } from "./schema/guest";

type DeepReadonly<T> = T extends (infer Item)[]
  ? readonly DeepReadonly<Item>[]
  : T extends object
    ? { readonly [Key in keyof T]: DeepReadonly<T[Key]> }
    : T;

/** The keys of a droplet as written in a config. */
export type DropletFields = DeepReadonly<NonNullable<ConfigShape["droplet"]>>;

/** A droplet reached over ssh. `privateKeyPath` may start with "~/": the operator's home, not the droplet's. */
export type SshDroplet = { readonly kind: "ssh"; readonly host: string } & Pick<
  DropletFields,
  "user" | "port" | "privateKeyPath" | "hostKey" | "timeout" | "harden"
>;

export type DropletSpec =
  | SshDroplet
  | ({ readonly kind: "local"; readonly timeout: number } & Hardened)
  | ({ readonly kind: "simulated"; readonly name: string; readonly timeout: number } & Hardened);

/** What Hornet sets on the droplet, where the config says so. */
type Hardened = Pick<DropletFields, "harden">;

/** How a snapshot is made by booting a kernel and a root filesystem. */
export type BootSpec = DeepReadonly<NonNullable<ConfigShape["snapshot"]["boot"]>>;

export type SnapshotSource =
  | { readonly kind: "path"; readonly path: string }
  | { readonly kind: "boot"; readonly boot: BootSpec }
  | { readonly kind: "stack"; readonly stack: string }
  | { readonly kind: "droplet"; readonly droplet: DropletSpec; readonly path: string };

/** What the clones are restored from. */
export type SnapshotSpec = { readonly source: SnapshotSource } & DeepReadonly<
  Pick<
    ConfigShape["snapshot"],
    "digest" | "dir" | "disks" | "keepGenerations" | "requireCpuFeatures" | "requireProof" | "signers"
  >
>;

/** Who may log in, and what the agent is told. Values of `env` may be secret. */
export type IdentitySpec = DeepReadonly<ConfigShape["identity"]>;

/** The agent. `run` is there where its command is given. */
export type AgentSpec = DeepReadonly<Pick<ConfigShape["agent"], "source" | "service" | "env">> & {
  readonly run?: { readonly command: string } & DeepReadonly<Pick<ConfigShape["agent"], "user" | "restart">>;
};

/** A port of the clone's address that leads to a port of the guest. */
export interface PublishedPort {
  readonly port: number;
  readonly guestPort: number;
  readonly protocol: "tcp" | "udp";
  /** On the droplet's own addresses as well. */
  readonly on: "clone" | "uplink";
}

/** One clone's settings. Without `egress` it has the fleet's. */
export interface CloneSpec {
  readonly identity: IdentitySpec;
  readonly publish: readonly PublishedPort[];
  readonly egress?: { readonly allow: readonly string[] };
  readonly limits?: DeepReadonly<NonNullable<ConfigShape["clones"][string]["limits"]>>;
  readonly recovery?: DeepReadonly<NonNullable<ConfigShape["clones"][string]["recovery"]>>;
  /** Another text than before restarts its VMM. */
  readonly restart?: string;
  /** Another text than before gives it a new disk. */
  readonly renewDisk?: string;
  readonly rates?: DeepReadonly<NonNullable<ConfigShape["clones"][string]["rates"]>>;
}

/** The user's own commands that follow each clone, in order. Values of `env` and `stdin` may be secret. */
export type StepSpec = DeepReadonly<ConfigShape["steps"][number]>;

/** A whole fleet on one droplet. */
export interface FleetSpec {
  readonly droplet: DropletSpec;
  readonly bridge: DeepReadonly<ConfigShape["bridge"]>;
  readonly guest: DeepReadonly<ConfigShape["guest"]>;
  readonly snapshot: SnapshotSpec;
  readonly fleet: DeepReadonly<ConfigShape["fleet"]>;
  readonly identity: IdentitySpec;
  readonly agent: AgentSpec;
  readonly vmm: DeepReadonly<ConfigShape["vmm"]>;
  /** By id, in decimal; only clones with settings of their own are in it. */
  readonly clones: Readonly<Record<string, CloneSpec>>;
  readonly steps: readonly StepSpec[];
}

/** The spec of a config that the cross checks found nothing wrong with. */
export function specOf(shape: ConfigShape & { readonly droplet: DropletFields }): FleetSpec {
  const { bridge, guest, fleet, identity, vmm, steps } = shape;
  return {
    droplet: dropletOf(shape.droplet),
    bridge,
    guest,
    snapshot: snapshotOf(shape.snapshot),
    fleet,
    identity,
    agent: agentOf(shape.agent),
    vmm,
    clones: Object.fromEntries(Object.entries(shape.clones).map(([id, clone]) => [id, cloneOf(clone)])),
    steps,
  };
}

/** The config that means a spec: {@link specOf} the other way round. */
export function configOf(spec: FleetSpec): Readonly<Record<string, unknown>> {
  const { source, ...snapshot } = spec.snapshot;
  const { run, ...agent } = spec.agent;
  return {
    ...spec,
    droplet: configDroplet(spec.droplet),
    snapshot: { ...snapshot, ...sourceFields(source) },
    agent: { ...agent, ...run },
  };
}

function configDroplet({ kind, ...droplet }: DropletSpec): object {
  if (kind === "local") return { ...droplet, local: true };
  if (!("name" in droplet)) return droplet;
  const { name, ...rest } = droplet;
  return { ...rest, simulated: name };
}

function sourceFields(source: SnapshotSource): object {
  switch (source.kind) {
    case "path":
      return { path: source.path };
    case "boot":
      return { boot: source.boot };
    case "stack":
      return { from: { stack: source.stack } };
    case "droplet":
      return { from: { droplet: configDroplet(source.droplet), path: source.path } };
  }
}

/** A clone's identity: the fleet's keys and its own; the agent's environment, the fleet's over it, its own over both. */
export function identityOf(
  spec: Pick<FleetSpec, "identity"> & {
    readonly agent: Pick<AgentSpec, "env">;
    readonly clones: Readonly<Record<string, Pick<CloneSpec, "identity">>>;
  },
  id: number,
): IdentitySpec {
  const own = spec.clones[String(id)]?.identity;
  return {
    authorizedKeys: [...new Set([...spec.identity.authorizedKeys, ...(own?.authorizedKeys ?? [])])],
    env: { ...spec.agent.env, ...spec.identity.env, ...own?.env },
  };
}

/** What a clone may open connections to: its own list, or the fleet's, or what a fleet that declares none has. */
export function egressOf({ clones, fleet, bridge }: FleetSpec, id: number): readonly string[] {
  const declared = clones[String(id)]?.egress ?? fleet.egress;
  return declared?.allow ?? [bridge.closed ? "internet" : "everything"];
}

/** The points that `hornet:droplet.harden` names. */
export function hardenOf({ droplet: { harden } }: Pick<FleetSpec, "droplet">): (typeof HARDEN_POINTS)[number][] {
  if (typeof harden === "object") return [...harden];
  return harden === true ? [...HARDEN_POINTS] : [];
}

/** The limits of a clone's VMM: the fleet's, and over them those that the clone has itself. */
export function limitsOf(spec: Pick<FleetSpec, "vmm" | "clones" | "droplet">, id: number): Limits {
  const { vmm, clones } = spec;
  const noSwap = hardenOf(spec).includes("swap") ? { swap: false } : {};
  return { ...noSwap, ...defined(vmm.limits), ...defined(clones[String(id)]?.limits) } as Limits;
}

/** How a clone's VMM is restarted between operations; undefined: it is not. */
export function recoveryOf({ vmm, clones }: Pick<FleetSpec, "vmm" | "clones">, id: number): Recovery | undefined {
  const { restart, ...recovery } = {
    ...vmm.recovery,
    ...defined(clones[String(id)]?.recovery),
  } as FleetSpec["vmm"]["recovery"];
  return restart === "never" ? undefined : recovery;
}

/** The rates of a clone's devices: the fleet's, and over them those that the clone has itself. */
export function ratesOf(
  {
    vmm,
    clones,
  }: Pick<FleetSpec, "vmm"> & {
    readonly clones: Readonly<Record<string, { readonly rates?: CloneSpec["rates"] | undefined }>>;
  },
  id: number,
): Rates {
  const own = clones[String(id)]?.rates;
  const network = { ...defined(vmm.rates.network), ...defined(own?.network) };
  const disk = { ...defined(vmm.rates.disk), ...defined(own?.disk) };
  return {
    serial: own?.serial ?? vmm.rates.serial,
    ...((vmm.rates.network ?? own?.network) && { network }),
    ...((vmm.rates.disk ?? own?.disk) && { disk }),
  };
}

function defined<T extends object>(fields: T | undefined): Partial<T> {
  return Object.fromEntries(Object.entries(fields ?? {}).filter(([, value]) => value !== undefined)) as Partial<T>;
}

/** The name servers that guests may ask for names: the tap's address, and those that the config declares. */
export function nameserversOf({ guest }: FleetSpec): readonly string[] {
  return [...new Set([guest.tap.replace(/\/.*/, ""), ...guest.nameservers])];
}

/** What is declared of the agent. */
export function agentOf({ source, service, env, command, user, restart }: ConfigShape["agent"]): AgentSpec {
  return {
    env,
    ...(source !== undefined && { source }),
    ...(service !== undefined && { service }),
    ...(command !== undefined && { run: { command, user, restart } }),
  };
}

function dropletOf(fields: DropletFields): DropletSpec {
  const { host, user, port, privateKeyPath, hostKey, timeout } = fields;
  const hardened = fields.harden === undefined ? {} : { harden: fields.harden };
  if (fields.simulated !== undefined) return { kind: "simulated", name: fields.simulated, timeout, ...hardened };
  if (host === undefined) return { kind: "local", timeout, ...hardened };
  return {
    kind: "ssh",
    host,
    user,
    port,
    timeout,
    ...hardened,
    ...(privateKeyPath !== undefined && { privateKeyPath }),
    ...(hostKey !== undefined && { hostKey }),
  };
}

function snapshotOf(shape: ConfigShape["snapshot"]): SnapshotSpec {
  const { digest, dir, disks, keepGenerations, requireCpuFeatures, requireProof, signers } = shape;
  return {
    source: sourceOf(shape),
    dir,
    keepGenerations,
    requireCpuFeatures,
    requireProof,
    ...(digest !== undefined && { digest }),
    ...(disks !== undefined && { disks }),
    ...(signers !== undefined && { signers }),
  };
}

function sourceOf({ path, boot, from }: ConfigShape["snapshot"]): SnapshotSource {
  if (boot !== undefined) return { kind: "boot", boot };
  if (from?.stack !== undefined) return { kind: "stack", stack: from.stack };
  if (from?.droplet !== undefined && from.path !== undefined) {
    return { kind: "droplet", droplet: dropletOf(from.droplet), path: from.path };
  }
  return { kind: "path", path: path ?? DEFAULT_SNAPSHOT_PATH };
}

function cloneOf({
  identity,
  publish,
  egress,
  limits,
  recovery,
  restart,
  renewDisk,
  rates,
}: ConfigShape["clones"][string]): CloneSpec {
  return {
    identity,
    publish: publish.map((one) => ({ ...one, guestPort: one.guestPort ?? one.port })),
    ...(egress !== undefined && { egress }),
    ...(limits !== undefined && { limits }),
    ...(recovery !== undefined && { recovery }),
    ...(restart !== undefined && { restart }),
    ...(renewDisk !== undefined && { renewDisk }),
    ...(rates !== undefined && { rates }),
  };
}
