import type * as pulumi from "@pulumi/pulumi";
import type { FleetSpec } from "../../config/spec";
import { planFleet } from "../../model/names";
import { ConsoleKeeper } from "../consoleKeeper";
import { DropletCheck, type DropletNeeds } from "../dropletCheck";
import { DropletClaim } from "../dropletClaim";
import { DropletLimits } from "../dropletLimits";
import { MetricsCollector } from "../metricsCollector";
import type { CommonArgs } from "../resource";

/** What {@link standingParts} takes. */
export interface StandingArgs {
  readonly spec: FleetSpec;
  readonly common: CommonArgs;
  readonly needs: pulumi.Input<DropletNeeds>;
  /** The names of resources, by what they are in a fleet. */
  readonly named: (part: string) => string;
}

/**
 * Declares what a droplet has of a fleet once, whatever the number of clones: the look before anything, the claim, the
 * limits, the processes that stand by.
 *
 * @returns what must be there before the bridge
 */
export function standingParts(
  { spec, common, needs, named }: StandingArgs,
  inner: pulumi.CustomResourceOptions,
): pulumi.Resource[] {
  const namespaces = planFleet(spec).map(({ namespace }) => namespace);
  const place = { ...common, namespaces, dir: spec.snapshot.dir };
  const { firecracker, consoleLimit, metrics } = spec.vmm;
  const check = new DropletCheck(named("preflight"), { ...place, firecracker, bridge: spec.bridge.name, needs }, inner);
  const claim = new DropletClaim(named("droplet"), place, { ...inner, dependsOn: [check] });
  const claimed = { ...inner, dependsOn: [claim] };
  const limits = new DropletLimits(named("limits"), { ...common, clones: namespaces.length }, claimed);
  const consoles = new ConsoleKeeper(named("consoles"), { ...common, limit: consoleLimit }, claimed);
  if (metrics !== undefined) new MetricsCollector(named("metrics"), { ...common, folder: metrics }, claimed);
  return [claim, limits, consoles];
}
