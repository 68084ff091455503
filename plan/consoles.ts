import type { Observed } from "../model/observed";

/** Bytes in a MiB, the unit of the config. */
export const MIB = 2 ** 20;

/**
 * Drift of the process that limits the clones' consoles (droplet/keepers/console.sh).
 *
 * @param limit declared size of each console, MiB
 */
export function consoleDrift(limit: number, { consoleLimit }: Pick<Observed, "consoleLimit">): string[] {
  if (consoleLimit === undefined) return ["the console keeper does not run"];
  if (consoleLimit === limit * MIB) return [];
  return [`the console keeper limits consoles to ${consoleLimit} bytes, not to ${limit} MiB`];
}
