import { amount, type DropletFacts, type Say } from "./facts";

/** MiB that a VMM needs beside its guest's pages. */
export const OVERHEAD_MIB = 8;

/** Limits of VMMs that a config declares under one key. */
export interface DeclaredLimits {
  /** `hornet:vmm.limits`, or a clone's own. */
  readonly key: string;
  readonly cpus?: number | undefined;
  /** MiB. */
  readonly memory?: number | undefined;
}

/**
 * Compares the limits of VMMs with the guests of the snapshot, and with what the droplet can limit.
 *
 * @param guest memory of a guest in MiB; 0 if it is unknown
 */
export function judgeVmLimits(
  facts: DropletFacts,
  declared: readonly DeclaredLimits[],
  guest: number,
  { warn }: Pick<Say, "warn">,
): void {
  const least = guest + OVERHEAD_MIB;
  for (const { key, memory } of declared) {
    if (guest === 0 || memory === undefined || memory >= least) continue;
    warn(
      `${key}.memory is ${memory} MiB; a guest of the snapshot has ${guest} MiB, and its VMM needs ${OVERHEAD_MIB} MiB: the ` +
        `kernel ends the VMM once its guest uses its memory. Set it to ${least} or more`,
    );
  }
  const cpus = declared.find((one) => one.cpus !== undefined);
  const memory = declared.find((one) => one.memory !== undefined);
  const needed = [
    ...(cpus === undefined ? [] : [["cpu", `${cpus.key}.cpus`] as const]),
    ...(memory === undefined ? [] : [["memory", `${memory.key}.memory`] as const]),
    ["pids", "hornet:vmm.limits.pids"] as const,
  ];
  for (const [controller, key] of needed) {
    const reason = missingController(facts, controller);
    if (reason !== undefined) warn(`${key} limits nothing: ${reason}`);
  }
}

/** Why a droplet has no cgroup controller that Hornet can use, with what changes that; undefined if it has one. */
export function missingController(facts: DropletFacts, controller: string): string | undefined {
  // An unknown fact is no finding.
  const offered = facts.get("cgroups");
  if (offered === undefined || words(offered).includes(controller)) return undefined;
  const none = `the droplet offers no cgroup controller ${controller}`;
  const [, hierarchy, enabled] =
    words(facts.get("cgroup_kernel") ?? "")
      .map((one) => one.split(":"))
      .find(([name]) => name === controller) ?? [];
  const unified = words(facts.get("cgroup_unified") ?? "").includes(controller);
  if (enabled === "0") {
    return `${none}: its kernel was booted without it; replace cgroup_disable=${controller} by cgroup_enable=${controller} in GRUB_CMDLINE_LINUX of /etc/default/grub, then update-grub && reboot`;
  }
  if (amount(facts, "cgroup_version") === 2) {
    if (unified) return `${none}: Hornet may not write to its root of cgroups, as in most containers`;
    return hierarchy === undefined || hierarchy === "0"
      ? `${none}: its kernel has none; install the distribution's own kernel`
      : `${none}: a mount of version 1 of cgroups has it; boot with systemd.unified_cgroup_hierarchy=1`;
  }
  if (unified) {
    return `${none}: it is a mix of both versions of cgroups, whose second has it; boot with systemd.unified_cgroup_hierarchy=1`;
  }
  if (hierarchy === "0") {
    const folder = `/sys/fs/cgroup/${controller}`;
    return `${none}, because nothing mounts it: mkdir -p ${folder} && mount -t cgroup -o ${controller} cgroup ${folder}`;
  }
  return hierarchy === undefined
    ? `${none}: its kernel has none; install the distribution's own kernel`
    : `${none}: Hornet may not write to /sys/fs/cgroup/${controller}, as in most containers`;
}

function words(text: string): string[] {
  return text.split(" ").filter((word) => word !== "");
}
