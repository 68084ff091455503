import type * as pulumi from "@pulumi/pulumi";
import type { metricsInputs } from "../providers/droplet/metrics";
import type { ResourceArgs } from "./args";
import { HornetResource } from "./resource";

/** The arguments of a resource of this kind; the schema documents each. */
export type MetricsCollectorArgs = ResourceArgs<typeof metricsInputs>;

/** Collects the metrics of the clones' VMMs into one file for node_exporter. */
export class MetricsCollector extends HornetResource {
  constructor(name: string, args: MetricsCollectorArgs, opts?: pulumi.CustomResourceOptions) {
    super("MetricsCollector", name, args, [], opts);
  }
}
