import type { Observed } from "../model/observed";

/** Bytes in a MiB, the unit of the config. */
export const MIB = 2 ** 20;

/**
 * What is not as declared about the process that keeps the clones' consoles short (droplet/keepers/console.sh).
 *
 * @param limit MiB that each console may have
 */
export function consoleDrift(limit: number, { consoleLimit }: Pick<Observed, "consoleLimit">): string[] {
  if (consoleLimit === undefined) return ["nothing keeps the clones' consoles short"];
  if (consoleLimit === limit * MIB) return [];
  return [`the clones' consoles are kept to ${consoleLimit} bytes, not to ${limit} MiB`];
}
