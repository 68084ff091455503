import type { Observed } from "../model/observed";

/**
 * Drift of the process that collects the clones' metrics (droplet/keepers/metrics.sh).
 *
 * @param folder declared folder of the metrics; undefined: none are declared
 */
export function metricsDrift(folder: string | undefined, { metrics }: Pick<Observed, "metrics">): string[] {
  if (folder === undefined) {
    return metrics === undefined ? [] : ["a metrics collector runs, but hornet:vmm.metrics is not set"];
  }
  if (metrics === undefined) return ["the metrics collector does not run"];
  if (metrics.folder !== folder) return [`the clones' metrics go to ${metrics.folder}, not to ${folder}`];
  return metrics.written ? [] : [`the clones' metrics are missing in ${folder}`];
}
