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
 * @param whyMissing why the droplet has no such controller of cgroups; undefined if it has
 */
export function unlimited(
  clones: readonly LimitedClone[],
  whyMissing: (controller: string) => string | undefined,
): string[] {
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
    const reason = controller === undefined || clones.length === 0 ? undefined : whyMissing(controller);
    if (reason !== undefined) return [`${words}: ${key} limits nothing: ${reason}`];
    const free = clones.filter(isFree).map(({ name }) => name);
    if (free.length === 0) return [];
    return [`${words}${free.length === clones.length ? "" : ` of ${free.join(", ")}`} (${key})`];
  });
}
