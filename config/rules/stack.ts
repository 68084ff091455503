/** Rules about the droplets of a stack together. They read the config as it is written, since defaults say nothing here. */
import { dropletConfigs, hasDroplets, idsOf, isDroplet } from "../droplets";
import { exampleLine, pathText, type Fault } from "../faults";
import { mappingOf, type Mapping } from "../mapping";
import type { KeyPath } from "../schema/walk";

interface Ids {
  /** `hornet:droplet`, or the entry's name. */
  readonly droplet: string;
  readonly at: KeyPath;
  readonly first: number;
  /** -1 below `first` if there is no clone. */
  readonly last: number;
}

/** Names that mean something else: the fleet without a name, the alias of the droplet of `hornet:droplet`, and clones. */
const RESERVED = /^(fleet|droplet|clones|droplets|vm[0-9]+)$/;
/** The settings of hornet:fleet that a droplet cannot have otherwise. */
const OF_THE_STACK = ["maxUnavailable", "knownAs"] as const;

/**
 * The faults that the droplets of a config have together.
 *
 * @param secretKeys top-level keys whose values no fault may show
 */
export function stackFaults(config: Mapping, secretKeys: readonly string[]): readonly Fault[] {
  if (!hasDroplets(config)) return [];
  const entries = Object.entries(mappingOf(config.droplets)).map(([name, entry]) => [name, mappingOf(entry)] as const);
  const ids = idsOfAll(config);
  return [
    ...entries.flatMap(([name, entry]) => [...nameFaults(name), ...ownFaults(name, entry)]),
    ...sharedFaults(config),
    ...hostFaults(config, entries, secretKeys),
    ...overlapFaults(ids),
    ...strayFaults(config, entries, ids),
  ];
}

function nameFaults(name: string): Fault[] {
  if (!RESERVED.test(name)) return [];
  return [
    fault(["droplets", name], `no droplet may be named ${name}, which names something else in a stack`, {
      at: ["droplets"],
      value: { east: { host: "203.0.113.10" } },
    }),
  ];
}

function ownFaults(name: string, entry: Mapping): Fault[] {
  const fleet = mappingOf(entry.fleet);
  const at = ["droplets", name];
  return [
    ...OF_THE_STACK.filter((key) => fleet[key] !== undefined).map((key) =>
      fault([...at, "fleet", key], `is the whole stack's: set hornet:fleet.${key}`, {
        at: ["fleet", key],
        value: key === "maxUnavailable" ? 1 : "organization/hornet/dev",
      }),
    ),
    ...(["count", "startId"] as const)
      .filter((key) => entry[key] !== undefined && fleet[key] !== undefined)
      .map((key) =>
        fault([...at, "fleet", key], `is set twice: keep ${pathText([...at, key])}`, { at: [...at, key], value: 3 }),
      ),
  ];
}

/** What `hornet:droplet` and `hornet:fleet` say of no droplet. */
function sharedFaults(config: Mapping): Fault[] {
  if (isDroplet(config.droplet)) return [];
  const at = { at: ["droplets", "east"], value: { host: "203.0.113.10", startId: 0 } };
  return [
    ...(mappingOf(config.droplet).hostKey === undefined
      ? []
      : [fault(["droplet", "hostKey"], "is the key of one host: set it in hornet:droplets, with the host", at)]),
    ...(mappingOf(config.fleet).startId === undefined
      ? []
      : [fault(["fleet", "startId"], "is for hornet:droplet: set the startId of each droplet in hornet:droplets", at)]),
  ];
}

/** Two fleets on one host would each want the bridge and the names of the other. */
function hostFaults(
  config: Mapping,
  entries: readonly (readonly [string, Mapping])[],
  secretKeys: readonly string[],
): Fault[] {
  const own = isDroplet(config.droplet) ? [["", mappingOf(config.droplet)] as const] : [];
  const known = new Map<string, string>();
  return [...own, ...entries].flatMap(([name, entry]) => {
    const host = hostOf(entry, mappingOf(config.droplet));
    const first = known.get(host);
    if (host === "" || first === undefined) {
      known.set(host, name);
      return [];
    }
    const shown = secretKeys.includes("droplets") ? "the host" : host;
    const other = first === "" ? "hornet:droplet" : pathText(["droplets", first]);
    const problem = `is ${shown}, as ${other} is: a stack has one fleet on a droplet`;
    return [fault(["droplets", name], problem, { at: ["droplets", name], value: { host: "203.0.113.20" } })];
  });
}

function hostOf({ host, port, local, simulated }: Mapping, shared: Mapping): string {
  if (typeof host === "string") return `${host}:${Number(port ?? shared.port ?? 22)}`;
  if (typeof simulated === "string") return `the simulated droplet ${simulated}`;
  return local === true ? "this machine" : "";
}

function idsOfAll(config: Mapping): Ids[] {
  return dropletConfigs(config).map(({ name, config: own }) => ({
    droplet: name ?? "hornet:droplet",
    at: name === undefined ? ["fleet", "startId"] : ["droplets", name, "startId"],
    ...idsOf(own),
  }));
}

function overlapFaults(ids: readonly Ids[]): Fault[] {
  const free = Math.max(...ids.map(({ last }) => last)) + 1;
  return ids.flatMap((one, at) => {
    const other = ids.slice(0, at).find(({ first, last }) => one.first <= last && first <= one.last);
    if (other === undefined) return [];
    const problem =
      `the ids of ${one.droplet}, ${one.first} to ${one.last}, and of ${other.droplet}, ${other.first} to ${other.last}, ` +
      "overlap: set the startId of the one that has no clones yet";
    return [fault(one.at, problem, { at: one.at, value: Math.ceil(free / 1000) * 1000 })];
  });
}

/** Settings and steps of clones that no droplet has. */
function strayFaults(config: Mapping, entries: readonly (readonly [string, Mapping])[], ids: readonly Ids[]): Fault[] {
  const stray = (section: Mapping, at: KeyPath, own: readonly Ids[]): Fault[] => {
    const isOwn = (id: unknown): boolean => own.some(({ first, last }) => Number(id) >= first && Number(id) <= last);
    const [known] = own;
    const value = known === undefined ? {} : { [String(known.first)]: { publish: [] } };
    const steps = Array.isArray(section.steps) ? section.steps.map(mappingOf) : [];
    const where = at.length > 0 ? "this droplet" : "any droplet of the stack";
    return [
      ...Object.keys(mappingOf(section.clones))
        .filter((id) => /^\d+$/.test(id) && !isOwn(id))
        .map((id) => fault([...at, "clones", id], `is no clone of ${where}`, { at: [...at, "clones"], value })),
      ...steps.flatMap(({ name, clones }) =>
        (Array.isArray(clones) ? clones : [])
          .filter((id) => !isOwn(id))
          .map((id) =>
            fault([...at, "steps"], `step ${String(name)} is for clone ${String(id)}, which is no clone of ${where}`, {
              at: [...at, "steps"],
              value: [{ name: "register", on: "operator", create: "./register $CLONE" }],
            }),
          ),
      ),
    ];
  };
  return [
    ...stray(config, [], ids),
    ...entries.flatMap(([name, entry]) =>
      stray(
        entry,
        ["droplets", name],
        ids.filter(({ droplet }) => droplet === name),
      ),
    ),
  ];
}

function fault(at: KeyPath, problem: string, example: { at: KeyPath; value: unknown }): Fault {
  return { path: pathText(at), problem, example: exampleLine(example.at, example.value) };
}
