import { cpuFeatures, missingFeatures } from "../../firecracker/cpu";
import type { DropletFacts, Say } from "./facts";
import type { Made } from "./needs";

/**
 * Holds a droplet's CPU against the one that a snapshot was made on. A feature that is missing counts whatever the models
 * are called: a cloud gives one name to several, and a hypervisor may hide some of what a model has.
 *
 * @param require whether that is a fault
 */
export function judgeCpu(facts: DropletFacts, made: Made, require: boolean, { fault, warn }: Say): void {
  const missing = missingFeatures(made.cpuFeatures, cpuFeatures(facts.get("cpu_features") ?? ""));
  const cpu = facts.get("cpu") ?? "";
  const names = missing.join(", ");
  if (missing.length > 0 && require) {
    fault(
      `the snapshot was made on "${made.cpu}" with ${names}, which the droplet's "${cpu}" lacks: guests that use them would ` +
        "crash; make the snapshot on this kind of machine, or set hornet:snapshot.requireCpuFeatures: false if no guest does",
    );
  } else if (missing.length > 0) {
    warn(`the droplet's "${cpu}" lacks ${names}, which the snapshot was made with: guests that use them crash`);
  } else if (made.cpu !== cpu) {
    warn(`the snapshot was made on "${made.cpu}", the droplet has "${cpu}": guests may crash on another CPU model`);
  }
}
