import { z } from "zod";
import { metricsDrift } from "../../plan/metrics";
import { commonInputs } from "../kit/definition";
import { owned } from "../kit/owned";
import { commonVars } from "../operation/common";
import type { Droplet } from "../operation/droplet";
import { absolutePath } from "../../model/values";

/** The arguments of a MetricsCollector. */
export const metricsInputs = commonInputs.extend({
  /** The folder on the droplet from which node_exporter takes files. */
  folder: absolutePath,
});

const outputs = z.object({});

type Inputs = z.infer<typeof metricsInputs>;

/** The view's name for this resource. */
const METRICS = "the metrics";

async function keep(droplet: Droplet, desired: Inputs): Promise<object> {
  await droplet.change(METRICS, {
    what: "collect the clones' metrics",
    run: "keep_metrics",
    vars: { ...commonVars(desired), metrics_folder: desired.folder },
    hint: "unset hornet:vmm.metrics to collect nothing",
  });
  return {};
}

/** The process on a droplet that collects the metrics of a stack's VMMs into a file for node_exporter. */
export const definition = owned<Inputs, object>({
  kind: "MetricsCollector",
  inputs: metricsInputs,
  outputs,
  replaceOn: ["droplet", "owner", "runtimeDir"],
  id: ({ owner }) => owner,
  create: keep,
  read: async (droplet, state) => {
    const observed = await droplet.observe(state, METRICS);
    return { outputs: {}, drift: metricsDrift(state.folder, observed) };
  },
  update: (droplet, _state, desired) => keep(droplet, desired),
  delete: async (droplet, state) => {
    await droplet.change(METRICS, {
      what: "end the collector of the clones' metrics",
      run: "release_metrics",
      vars: { ...commonVars(state), known_folder: state.folder },
    });
  },
});
