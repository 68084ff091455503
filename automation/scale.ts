/** The changes of a stack's config by which it gets another number of clones, or a clone starts again. Pure. */
import { hasDroplets, originOf } from "../config/droplets";
import { mappingOf, type Mapping } from "../config/mapping";
import { decodedConfig } from "../config/parse";
import { HornetError } from "../host/errors";
import { DROPLET_ALIAS } from "../model/names";
import type { ConfigChanges } from "./config";
import { clonesOf, declaredFleets, type DeclaredFleet } from "./size";

/**
 * How many clones a stack is to have: all its droplets together, or those of some droplets by their keys in `hornet:droplets`
 * (`{east: 10}`; the droplet of `hornet:droplet` is `droplet`). A number for all takes clones from the droplets that have most,
 * and adds them where fewest are, so that no clone moves.
 */
export type Size = number | Readonly<Record<string, number>>;

/** The settings of a clone by which it starts again. */
const AGAIN = ["restart", "renewDisk"] as const;
export type StartAgain = (typeof AGAIN)[number];

/**
 * The config of a stack of another size. A clone that goes may have been restarted once, which its settings still say; the
 * config accepts no settings of a clone that is not declared.
 *
 * @param raw top-level keys without their namespace
 * @throws HornetError if the stack has no droplet of a name
 */
export function scaledConfig(raw: Readonly<Record<string, unknown>>, size: Size): ConfigChanges {
  const config = decodedConfig(raw);
  const fleets = declaredFleets(raw);
  const counts = countsOf(fleets, size);
  const changed = fleets.filter((fleet) => counts.get(aliasOf(fleet)) !== fleet.count);
  const changes: Record<string, undefined | number> = {};
  const common = changed.some(({ name }) => name === undefined);
  for (const fleet of fleets) {
    const to = counts.get(aliasOf(fleet)) ?? fleet.count;
    const at = countPath(config, fleet.name);
    // A droplet whose entry has no count takes that of hornet:fleet.
    const follows = fleet.name !== undefined && mappingOf(mappingOf(config.droplets)[fleet.name]).count === undefined;
    if (changed.includes(fleet) || (common && follows && !at.includes(".fleet."))) changes[at] = to;
    for (const path of staleSettings(config, fleet, to)) changes[path] = undefined;
  }
  // A count that is written stays explicit, though it is the one that the stack has.
  if (fleets.length === 1 && typeof size === "number") changes[countPath(config, fleets[0]?.name)] = size;
  return changes;
}

/** Where the config of a stack says that one of its clones starts again. */
export function settingOf(raw: Readonly<Record<string, unknown>>, id: number, key: StartAgain): string {
  const config = decodedConfig(raw);
  const fleet = declaredFleets(raw).find(({ startId, count }) => id >= startId && id < startId + count);
  return (hasDroplets(config) ? originOf(config, fleet?.name, ["clones", String(id), key]) : ["clones", id, key]).join(
    ".",
  );
}

function aliasOf({ name }: DeclaredFleet): string {
  return name ?? DROPLET_ALIAS;
}

function countsOf(fleets: readonly DeclaredFleet[], size: Size): Map<string, number> {
  const counts = new Map(fleets.map((fleet) => [aliasOf(fleet), fleet.count]));
  if (typeof size === "number") return spread(fleets, counts, size);
  for (const [name, count] of Object.entries(size)) {
    if (!counts.has(name)) {
      throw new HornetError(`the stack has no droplet ${name}`, { next: `it has ${[...counts.keys()].join(", ")}` });
    }
    counts.set(name, count);
  }
  return counts;
}

/** One clone after the other, so that the droplets become equal without a clone that moves. */
function spread(fleets: readonly DeclaredFleet[], counts: Map<string, number>, total: number): Map<string, number> {
  const countOf = (fleet: DeclaredFleet): number => counts.get(aliasOf(fleet)) ?? 0;
  for (let left = total - clonesOf(fleets); left !== 0; left -= Math.sign(left)) {
    const able = fleets.filter((fleet) => (left > 0 ? countOf(fleet) < roomOf(fleet, fleets) : countOf(fleet) > 0));
    const [first, ...others] = able;
    if (first === undefined) break;
    const chosen = others.reduce((best, fleet) => {
      const [has, most] = [countOf(fleet), countOf(best)];
      return (left > 0 ? has < most : has > most) ? fleet : best;
    }, first);
    counts.set(aliasOf(chosen), countOf(chosen) + Math.sign(left));
  }
  return counts;
}

/** How many ids a droplet has before those of the next one. */
function roomOf({ startId }: DeclaredFleet, fleets: readonly DeclaredFleet[]): number {
  return Math.min(...fleets.map((other) => (other.startId > startId ? other.startId - startId : Infinity)));
}

function countPath(config: Mapping, name: string | undefined): string {
  if (name === undefined) return "fleet.count";
  const { fleet } = mappingOf(mappingOf(config.droplets)[name]);
  return mappingOf(fleet).count === undefined ? `droplets.${name}.count` : `droplets.${name}.fleet.count`;
}

function staleSettings(config: Mapping, { name, startId }: DeclaredFleet, count: number): string[] {
  const entry = name === undefined ? {} : mappingOf(mappingOf(config.droplets)[name]);
  const end = startId + roomOf({ name, startId, count, simulated: undefined }, declaredFleets(config));
  return [
    { at: "clones", settings: mappingOf(config.clones) },
    { at: `droplets.${String(name)}.clones`, settings: mappingOf(entry.clones) },
  ].flatMap(({ at, settings }) =>
    Object.entries(settings)
      .filter(([id, own]) => {
        const isGone = Number(id) >= startId + count && Number(id) < end;
        return isGone && Object.keys(mappingOf(own)).every((key) => (AGAIN as readonly string[]).includes(key));
      })
      .map(([id]) => `${at}.${id}`),
  );
}
