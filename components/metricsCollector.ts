import type * as pulumi from "@pulumi/pulumi";
import { HornetResource, type CommonArgs } from "./resource";

/** What a {@link MetricsCollector} takes. */
export interface MetricsCollectorArgs extends CommonArgs {
  /** The folder on the droplet from which node_exporter takes files (`--collector.textfile.directory`). */
  folder: pulumi.Input<string>;
}

/** Collects what the VMMs of a stack's clones count into one file for node_exporter. */
export class MetricsCollector extends HornetResource {
  constructor(name: string, args: MetricsCollectorArgs, opts?: pulumi.CustomResourceOptions) {
    super("MetricsCollector", name, args, [], opts);
  }
}
