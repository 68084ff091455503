/**
 * The configs of a stack's droplets: for each entry of `hornet:droplets` the config of a stack with this one droplet. Pure.
 */
import { defaults } from "../model/defaults";
import { ownStartId } from "../model/names";
import { isMapping, mappingOf, type Mapping } from "./mapping";
import { OWN_SECTIONS } from "./schema/droplets";
import { fieldsOf, type KeyPath } from "./schema/walk";
import { dropletFields } from "./schema/droplet";

/** One droplet of a stack. */
export interface DropletConfig {
  /** Its key in `hornet:droplets`; undefined for `hornet:droplet`. */
  readonly name: string | undefined;
  /** The config of a stack with this droplet alone. */
  readonly config: Mapping;
}

const KINDS = ["host", "local", "simulated"] as const;
const CONNECTION: readonly string[] = Object.keys(fieldsOf(dropletFields));
/** The keys of `hornet:droplet` that say nothing about one host, so that all entries have them. */
const SHARED: readonly string[] = ["user", "port", "privateKeyPath", "timeout"];
const SIZE: readonly string[] = ["count", "startId"];

/** Keys of which a section has one: a droplet's own replaces the stack's. */
const ALTERNATIVES: Readonly<Record<string, readonly string[]>> = {
  snapshot: ["path", "boot", "from"],
  agent: ["command", "service"],
};

/** Whether a config declares several droplets. */
export function hasDroplets(config: Mapping): boolean {
  return Object.keys(mappingOf(config.droplets)).length > 0;
}

/** Whether `hornet:droplet` is a droplet; beside `hornet:droplets` it may hold what all of them share. */
export function isDroplet(droplet: unknown): boolean {
  return KINDS.some((kind) => mappingOf(droplet)[kind] !== undefined);
}

/**
 * The config of each droplet of a well-formed config that has several, sorted by name. The settings of single clones and the
 * clones of steps are divided among the droplets by their ids.
 */
export function dropletConfigs(config: Mapping): readonly DropletConfig[] {
  const { droplets, ...common } = config;
  const own = isDroplet(config.droplet) ? [{ name: undefined, config: divided(common) }] : [];
  const entries = Object.entries(mappingOf(droplets)).sort(([one], [other]) => (one < other ? -1 : 1));
  return [...own, ...entries.map(([name, entry]) => ({ name, config: merged(common, name, mappingOf(entry)) }))];
}

/**
 * Where the value at a path of a droplet's config is written: in its entry, or in the section of all droplets.
 *
 * @param config the whole stack's config
 */
export function originOf(config: Mapping, name: string | undefined, path: KeyPath): KeyPath {
  if (name === undefined) return path;
  const [top = "", ...rest] = path;
  const entry = mappingOf(mappingOf(config.droplets)[name]);
  const at = ["droplets", name];
  if (top === "droplet") {
    const shared = rest.length > 0 && entry[rest[0] ?? ""] === undefined && SHARED.includes(String(rest[0]));
    return shared && isWritten(config.droplet, rest) ? path : [...at, ...rest];
  }
  const [key = ""] = rest;
  if (top === "fleet" && SIZE.includes(String(key)) && !isWritten(entry.fleet, rest)) {
    return entry[key] !== undefined || key === "startId" ? [...at, key] : path;
  }
  return isWritten(entry[top], rest) || !isWritten(config[top], rest) ? [...at, ...path] : path;
}

function merged(common: Mapping, name: string, entry: Mapping): Mapping {
  const shared = pick(mappingOf(common.droplet), SHARED);
  const { privateKeyPath, ...simple } = shared;
  const written = pick(entry, CONNECTION);
  // A key goes with a host only: a local or simulated droplet has no host.
  const inherited = written.host === undefined || privateKeyPath === undefined ? simple : { ...simple, privateKeyPath };
  const sections = Object.fromEntries(
    [...new Set([...Object.keys(common), ...OWN_SECTIONS])].map((key) => [key, over(key, common[key], entry[key])]),
  );
  const fleet = mappingOf(sections.fleet);
  const rest = Object.fromEntries(Object.entries(fleet).filter(([key]) => key !== "startId"));
  const { startId = mappingOf(entry.fleet).startId ?? ownStartId(name), count = fleet.count } = entry;
  const size = { startId, ...(count !== undefined && { count }) };
  const bridge = { ...mappingOf(sections.bridge), firstId: mappingOf(entry.bridge).firstId ?? startId };
  return divided({ ...defined(sections), droplet: { ...inherited, ...written }, fleet: { ...rest, ...size }, bridge });
}

/** Leaves out the settings and steps of clones that other droplets have. */
function divided(config: Mapping): Mapping {
  const { clones, steps, ...rest } = config;
  const { first, last } = idsOf(config);
  const isOwn = (id: unknown): boolean => Number(id) >= first && Number(id) <= last;
  return {
    ...rest,
    ...(clones !== undefined && {
      clones: Object.fromEntries(Object.entries(mappingOf(clones)).filter(([id]) => isOwn(Number(id)))),
    }),
    ...(Array.isArray(steps) && { steps: steps.flatMap((step: unknown) => ownStep(mappingOf(step), isOwn)) }),
  };
}

function ownStep(step: Mapping, isOwn: (id: unknown) => boolean): Mapping[] {
  if (!Array.isArray(step.clones)) return [step];
  const clones = step.clones.filter(isOwn);
  return clones.length === 0 ? [] : [{ ...step, clones }];
}

/** The ids of the clones of a droplet's config; `last` is below `first` if there is none. */
export function idsOf(config: Mapping): { readonly first: number; readonly last: number } {
  const { startId = 0, count = defaults.count } = mappingOf(config.fleet);
  const first = Number(startId);
  return { first, last: first + Number(count) - 1 };
}

/** A droplet's own value over the stack's: mappings key by key, everything else as a whole. */
function over(key: string, common: unknown, own: unknown): unknown {
  if (own === undefined) return common;
  if (!isMapping(common) || !isMapping(own)) return own;
  const alternatives = ALTERNATIVES[key] ?? [];
  const replaced = alternatives.some((one) => own[one] !== undefined);
  const kept = Object.entries(common).filter(
    ([one]) => !(replaced && alternatives.includes(one) && own[one] === undefined),
  );
  const base = Object.fromEntries(kept);
  const both = Object.entries(own).map(([one, value]) => {
    // A list of egress in its older form, and a source, are one value each.
    const whole = one === "egress" || one === "from";
    return [one, whole ? value : over("", base[one], value)] as const;
  });
  return { ...base, ...Object.fromEntries(both) };
}

function pick(mapping: Mapping, keys: readonly string[]): Mapping {
  return Object.fromEntries(Object.entries(mapping).filter(([key]) => keys.includes(key)));
}

function defined(mapping: Mapping): Mapping {
  return Object.fromEntries(Object.entries(mapping).filter(([, value]) => value !== undefined));
}

function isWritten(value: unknown, path: KeyPath): boolean {
  if (path.length === 0) return value !== undefined;
  const [head = "", ...rest] = path;
  return (
    typeof value === "object" && value !== null && isWritten((value as Record<string | number, unknown>)[head], rest)
  );
}
