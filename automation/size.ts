/** What a stack's config says of its size, read without the engine. */
import { z } from "zod";
import { dropletConfigs } from "../config/droplets";
import { decodedConfig } from "../config/parse";
import { defaults } from "../model/defaults";

/** A fleet of a config. */
export interface DeclaredFleet {
  /** Its droplet's key in `hornet:droplets`; undefined for the fleet of `hornet:droplet`. */
  readonly name: string | undefined;
  readonly count: number;
  readonly startId: number;
  /** The simulated droplet that carries it; undefined for any other. */
  readonly simulated: string | undefined;
}

const NO_SIZE = { count: defaults.count, startId: 0 };
const declared = z.object({
  droplet: z.object({ simulated: z.string().optional() }).catch({}).default({}),
  fleet: z
    .object({ count: z.number().default(NO_SIZE.count), startId: z.number().default(NO_SIZE.startId) })
    .catch(NO_SIZE)
    .default(NO_SIZE),
});

/**
 * The fleets of a stack's config, which need not be valid.
 *
 * @param raw top-level keys without their namespace
 */
export function declaredFleets(raw: Readonly<Record<string, unknown>>): readonly DeclaredFleet[] {
  const config = decodedConfig(raw);
  const configs = dropletConfigs(config);
  const all = configs.length > 0 ? configs : [{ name: undefined, config }];
  return all.map(({ name, config: own }) => {
    const { droplet, fleet } = declared.parse(own);
    return { name, ...fleet, simulated: droplet.simulated };
  });
}

/** The fleets of a stack's config; none if it names no droplet: such a program declares its components itself. */
export function placedFleets(raw: Readonly<Record<string, unknown>>): readonly DeclaredFleet[] {
  return dropletConfigs(decodedConfig(raw)).length > 0 ? declaredFleets(raw) : [];
}

/** Whether a config has `hornet:droplets`: then one droplet that fails does not end the operation on the others. */
export function hasSeveral(fleets: readonly DeclaredFleet[]): boolean {
  return fleets.some(({ name }) => name !== undefined);
}

/** How many clones the fleets have together. */
export function clonesOf(fleets: readonly DeclaredFleet[]): number {
  return fleets.reduce((sum, { count }) => sum + count, 0);
}
