import type { Drift } from "./kind";

/** The folder of the fleet's metrics. */
export const metricsFolder = "/opt/swarm/textfile";

const home = "/opt/swarm/runtime/.metrics-*";
const nothing = { "MetricsCollector metrics": "the metrics collector does not run" };
/** The collector writes at its start, so an existing file is new. */
const collects = `read -r p _ <$(echo ${home}/pid); kill -0 $p; grep -q 'hornet_clone_up{clone="vm0",' ${metricsFolder}/*.prom`;

/** Drift of the metrics collector. */
export const metricsDrifts: readonly Drift[] = [
  {
    kind: "metrics collector killed",
    make: `read -r p _ <$(echo ${home}/pid); kill -9 $p; while kill -0 $p 2>/dev/null; do sleep 0.01; done
      rm ${metricsFolder}/*.prom`,
    says: nothing,
    check: collects,
  },
  {
    kind: "metrics collector stopped",
    make: `read -r p _ <$(echo ${home}/pid); kill -STOP $p`,
    says: nothing,
    check: collects,
  },
  {
    kind: "metrics collector's folder deleted",
    make: `rm -r ${home}`,
    says: nothing,
    check: collects,
  },
  {
    kind: "folder of the metrics deleted",
    make: `rm -r ${metricsFolder}`,
    says: { "MetricsCollector metrics": `the clones' metrics are missing in ${metricsFolder}` },
    check: collects,
  },
  {
    kind: "metrics folder changed",
    make: `echo /opt/swarm/elsewhere >$(echo ${home}/folder)`,
    says: { "MetricsCollector metrics": `the clones' metrics go to /opt/swarm/elsewhere, not to ${metricsFolder}` },
    check: `${collects}; [[ ! -e /opt/swarm/elsewhere ]]`,
  },
];
