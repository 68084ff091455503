import type { Limits, Rates } from "../../model/arguments/limits";

/** A clone with what limits its VMM. */
export interface LimitedClone {
  readonly name: string;
  readonly limits: Limits;
  readonly rates: Rates;
}

/**
 * The resources of a droplet that VMMs use without a limit, with the key that limits each.
 *
 * @param offered the controllers of cgroups that the droplet offers
 */
export function unlimited(clones: readonly LimitedClone[], offered: readonly string[]): string[] {
  const missing = (controller: string): boolean => !offered.includes(controller);
  const rows: readonly (readonly [
    words: string,
    key: string,
    isFree: (clone: LimitedClone) => boolean,
    no?: string,
  ])[] = [
    ["CPU time", "hornet:vmm.limits.cpus", ({ limits }) => limits.cpus === undefined, "cpu"],
    ["memory", "hornet:vmm.limits.memory", ({ limits }) => limits.memory === undefined, "memory"],
    ["processes", "hornet:vmm.limits.pids", () => false, "pids"],
    ["network traffic to the guest", "hornet:vmm.rates.network.rx", ({ rates }) => rates.network?.rx === undefined],
    ["network traffic from the guest", "hornet:vmm.rates.network.tx", ({ rates }) => rates.network?.tx === undefined],
    ["disk traffic", "hornet:vmm.rates.disk.bytes", ({ rates }) => rates.disk?.bytes === undefined],
  ];
  return rows.flatMap(([words, key, isFree, controller]) => {
    if (controller !== undefined && missing(controller) && clones.length > 0) {
      return [`${words}: the droplet offers no cgroup controller ${controller}, so ${key} limits nothing`];
    }
    const free = clones.filter(isFree).map(({ name }) => name);
    if (free.length === 0) return [];
    return [`${words}${free.length === clones.length ? "" : ` of ${free.join(", ")}`} (${key})`];
  });
}
