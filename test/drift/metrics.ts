import type { Drift } from "./kind";

/** The folder into which the metrics of the fleet that drifts are collected. */
export const metricsFolder = "/opt/swarm/textfile";

const home = "/opt/swarm/runtime/.metrics-*";
const nothing = { "MetricsCollector metrics": "nothing collects the clones' metrics" };
/** It writes at once when it starts, so what is there is new. */
const collects = `read -r p _ <$(echo ${home}/pid); kill -0 $p; grep -q 'hornet_clone_up{clone="vm0",' ${metricsFolder}/*.prom`;

/** What can happen to what collects metrics. */
export const metricsDrifts: readonly Drift[] = [
  {
    kind: "collector of the metrics killed",
    make: `read -r p _ <$(echo ${home}/pid); kill -9 $p; while kill -0 $p 2>/dev/null; do sleep 0.01; done
      rm ${metricsFolder}/*.prom`,
    says: nothing,
    check: collects,
  },
  {
    kind: "collector of the metrics stopped",
    make: `read -r p _ <$(echo ${home}/pid); kill -STOP $p`,
    says: nothing,
    check: collects,
  },
  {
    kind: "folder of the metrics' collector deleted",
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
    kind: "place of the metrics changed",
    make: `echo /opt/swarm/elsewhere >$(echo ${home}/folder)`,
    says: { "MetricsCollector metrics": `the clones' metrics go to /opt/swarm/elsewhere, not to ${metricsFolder}` },
    check: `${collects}; [[ ! -e /opt/swarm/elsewhere ]]`,
  },
];
