import type * as pulumi from "@pulumi/pulumi";
import { hardenOf, recoveryOf, type FleetSpec } from "../../config/spec";
import { planFleet } from "../../model/names";
import { ConsoleKeeper } from "../consoleKeeper";
import { DropletCheck, type DropletNeeds } from "../dropletCheck";
import { DropletClaim } from "../dropletClaim";
import { DropletHardening } from "../dropletHardening";
import { DropletLimits } from "../dropletLimits";
import { MetricsCollector } from "../metricsCollector";
import { RecoveryKeeper } from "../recoveryKeeper";
import type { CommonArgs } from "../resource";
import { declaredLimitsOf } from "./declaredLimits";
import { networkOf } from "./network";

/** The arguments of {@link dropletSetup}. */
export interface DropletSetupArgs {
  readonly spec: FleetSpec;
  readonly common: CommonArgs;
  readonly needs: pulumi.Input<DropletNeeds>;
  /** Makes a resource's name from its role in the fleet. */
  readonly named: (part: string) => string;
}

/**
 * Declares the resources that a fleet has once on a droplet, whatever the number of clones: Preflight, the claim, the limits,
 * the keepers of consoles and of recovery, and the collector of metrics.
 *
 * @returns `claimed`, without which nothing of the stack may be on the droplet, and `all`, with what clones need besides
 */
export function dropletSetup(
  { spec, common, needs, named }: DropletSetupArgs,
  inner: pulumi.CustomResourceOptions,
): { claimed: pulumi.Resource[]; all: pulumi.Resource[] } {
  const plans = planFleet(spec);
  const namespaces = plans.map(({ namespace }) => namespace);
  const place = { ...common, namespaces, dir: spec.snapshot.dir };
  const { firecracker, jailer, consoleLimit, metrics } = spec.vmm;
  const harden = hardenOf(spec);
  const looked = {
    ...{ ...place, firecracker, jailer, bridge: spec.bridge.name, network: networkOf(spec, plans), needs },
    limits: declaredLimitsOf(spec),
    harden,
  };
  const check = new DropletCheck(named("preflight"), looked, inner);
  const claim = new DropletClaim(named("droplet"), place, { ...inner, dependsOn: [check] });
  const claimed = { ...inner, dependsOn: [claim] };
  const limits = new DropletLimits(named("limits"), { ...common, clones: namespaces.length }, claimed);
  const consoles = new ConsoleKeeper(named("consoles"), { ...common, limit: consoleLimit }, claimed);
  if (metrics !== undefined) new MetricsCollector(named("metrics"), { ...common, folder: metrics }, claimed);
  const hardening =
    harden.length === 0 ? [] : [new DropletHardening(named("hardening"), { ...common, harden }, claimed)];
  const recovery = plans.some(({ id }) => recoveryOf(spec, id) !== undefined)
    ? [new RecoveryKeeper(named("recovery"), common, claimed)]
    : [];
  return { claimed: [claim, ...hardening], all: [claim, ...hardening, limits, consoles, ...recovery] };
}
