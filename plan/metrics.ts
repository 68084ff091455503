import type { Observed } from "../model/observed";

/**
 * What is not as declared about the process that collects the clones' metrics (droplet/keepers/metrics.sh).
 *
 * @param folder where they are to go; undefined: nobody asks for them
 */
export function metricsDrift(folder: string | undefined, { metrics }: Pick<Observed, "metrics">): string[] {
  if (folder === undefined) return metrics === undefined ? [] : ["the clones' metrics are collected, unasked"];
  if (metrics === undefined) return ["nothing collects the clones' metrics"];
  if (metrics.folder !== folder) return [`the clones' metrics go to ${metrics.folder}, not to ${folder}`];
  return metrics.written ? [] : [`the clones' metrics are missing in ${folder}`];
}
