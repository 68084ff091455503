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

/** The view's name for what is not one clone's. */
const METRICS = "the metrics";

async function keep(droplet: Droplet, wanted: Inputs): Promise<object> {
  await droplet.change(METRICS, {
    what: "collect the clones' metrics",
    run: "keep_metrics",
    vars: { ...commonVars(wanted), metrics_folder: wanted.folder },
    hint: "without hornet:vmm.metrics nothing is collected",
  });
  return {};
}

/** The process on a droplet that collects what a stack's VMMs count into a file for node_exporter. */
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
  update: (droplet, _state, wanted) => keep(droplet, wanted),
  delete: async (droplet, state) => {
    await droplet.change(METRICS, {
      what: "end what collects the clones' metrics",
      run: "release_metrics",
      vars: { ...commonVars(state), known_folder: state.folder },
    });
  },
});
