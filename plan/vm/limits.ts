/** The limits of a VMM: what the kernel's files must hold, and how what a droplet shows differs from it. */
import { bytesIn, type Limits } from "../../model/arguments/limits";
import type { ObservedLimits, ObservedVm } from "../../model/observed";

const MIB = 1024 ** 2;
/** Room above the largest file that a VMM has to write. */
const ROOM = 64 * MIB;
/** µs: the time for which the kernel counts CPU time. */
const PERIOD = 100_000;
/** Version 1 shows this where nothing is limited: the largest number of whole pages. */
const NO_BYTES = "9223372036854771712";

/** In place of a value: that of the cgroup above. */
const ABOVE = "above";

/** A guest's memory in MiB, and the size of its disk in bytes; left out where only the droplet knows it. */
export interface Sizes {
  readonly memory: number;
  readonly disk?: number | undefined;
}

/** A file of a cgroup. */
export interface CgroupFile {
  readonly controller: "cpu" | "memory" | "pids";
  /** Of cgroups. */
  readonly version: 1 | 2;
  readonly file: string;
  /** What it holds. */
  readonly value: string;
  /** The value limits something. */
  readonly limits: boolean;
}

/**
 * What the files of the cgroup of a VMM hold, for both versions of cgroups. A file is written after those before it. The value
 * ABOVE stands for that of the cgroup above.
 */
export function cgroupFiles({ cpus, memory, swap, pids }: Limits): CgroupFile[] {
  const quota = cpus === undefined ? undefined : String(Math.round(cpus * PERIOD));
  const bytes = memory === undefined ? undefined : String(memory * MIB);
  const file = (
    controller: CgroupFile["controller"],
    version: 1 | 2,
    name: string,
    value: string | undefined,
    free: string,
  ): CgroupFile => ({ controller, version, file: name, value: value ?? free, limits: value !== undefined });
  return [
    file("cpu", 1, "cpu.cfs_period_us", quota && String(PERIOD), String(PERIOD)),
    file("cpu", 1, "cpu.cfs_quota_us", quota, "-1"),
    file("cpu", 2, "cpu.max", quota && `${quota} ${PERIOD}`, `max ${PERIOD}`),
    file("memory", 1, "memory.limit_in_bytes", bytes, "-1"),
    // Memory and swap together: without this limit the kernel swaps a guest out, and it is never stopped.
    file("memory", 1, "memory.memsw.limit_in_bytes", bytes, "-1"),
    // A limit of memory and swap together does not keep a guest out of the swap.
    file("memory", 1, "memory.swappiness", swap === false ? "0" : undefined, ABOVE),
    file("memory", 2, "memory.max", bytes, "max"),
    file("memory", 2, "memory.swap.max", bytes !== undefined || swap === false ? "0" : undefined, "max"),
    file("pids", 1, "pids.max", String(pids), "max"),
    file("pids", 2, "pids.max", String(pids), "max"),
  ];
}

/** Bytes to which a VMM can make a file grow. */
function fileSizeOf({ fileSize }: Limits, { memory, disk = 0 }: Sizes): number {
  return fileSize === "auto" ? Math.max(disk, memory * MIB) + ROOM : bytesIn(fileSize);
}

/**
 * The limits as lines for droplet/jail/cgroup.sh: "CONTROLLER VERSION limit|free FILE VALUE", "process files NUMBER" and
 * "process file_size BYTES"; before these bytes is "auto", or "at least" if the droplet is to add the size of the disk.
 */
export function limitLines(limits: Limits, sizes: Sizes): string {
  const kind = limits.fileSize !== "auto" ? "" : sizes.disk === undefined ? "at least " : "auto ";
  return [
    ...cgroupFiles(limits).map(
      (one) => `${one.controller} ${one.version} ${one.limits ? "limit" : "free"} ${one.file} ${one.value}`,
    ),
    `process files ${limits.files}`,
    `process file_size ${kind}${fileSizeOf(limits, sizes)}`,
  ].join("\n");
}

/**
 * How the limits of a VMM that runs differ from the declared ones. A controller that the droplet does not offer limits nothing.
 *
 * @param memory of the guest in MiB; undefined if it is unknown: a file size that depends on it is not compared
 */
export function limitDrift(limits: Limits, vm: ObservedVm, memory: number | undefined): string[] {
  const { limits: seen } = vm;
  if (seen === undefined) return [];
  const known = memory !== undefined || limits.fileSize !== "auto";
  const size = fileSizeOf(limits, { memory: memory ?? 0, disk: diskOf(vm) });
  return [
    ...cgroupDrift(limits, seen),
    ...(seen.openFiles === undefined || seen.openFiles === String(limits.files)
      ? []
      : [`the limit of open files is ${seen.openFiles}, not ${limits.files}`]),
    ...(!known || seen.fileSize === undefined || seen.fileSize === String(size)
      ? []
      : [`the limit of file sizes is ${sizeWords(seen.fileSize)}, not ${sizeWords(String(size))}`]),
  ];
}

/** The size of the disk as the VMM opened it; that of a VMM whose start was cut off is not recorded. */
export function diskOf({ diskWas, diskSize }: ObservedVm): number {
  return diskWas > 0 ? diskWas : Math.max(0, diskSize);
}

function cgroupDrift(limits: Limits, seen: ObservedLimits): string[] {
  const files = cgroupFiles(limits).filter(
    ({ version, controller }) => version === seen.version && seen.offered.includes(controller),
  );
  if (files.some((one) => one.limits && !seen.inside.includes(one.controller))) return ["the VMM is not in its cgroup"];
  return files.flatMap((one) => {
    const value = seen.files[one.file];
    const wanted = one.value === ABOVE ? seen.files[`above.${one.file}`] : one.value;
    // A kernel that does not account swap has no file for it; a cgroup that limits nothing need not exist.
    if (value === undefined || wanted === undefined || value === wanted || (!one.limits && isUnlimited(value)))
      return [];
    const [what, words] = DESCRIPTION[one.file] ?? [one.file, String];
    return [`the limit of ${what} is ${words(value)}, not ${words(wanted)}`];
  });
}

const isUnlimited = (value: string): boolean =>
  ["max", "-1", "unlimited", NO_BYTES].includes(value.split(" ")[0] ?? "");

const plain = (value: string): string => (isUnlimited(value) ? "none" : value);

/** `0.5 cores` for a quota of µs, and a period if that is another one than Hornet's. */
function coreWords(value: string): string {
  const [quota = "", period = String(PERIOD)] = value.split(" ");
  if (isUnlimited(quota)) return "none";
  const cores = Number(quota) / Number(period);
  return `${cores} ${cores === 1 ? "core" : "cores"}${period === String(PERIOD) ? "" : ` in periods of ${period} µs`}`;
}

/** `320 MiB`, or bytes where it is no whole number of these. */
export function sizeWords(bytes: string): string {
  if (isUnlimited(bytes)) return "none";
  return Number(bytes) % MIB === 0 ? `${Number(bytes) / MIB} MiB` : `${bytes} bytes`;
}

/** What a file of a cgroup limits, and its values in words. */
const DESCRIPTION: Readonly<Record<string, readonly [what: string, words: (value: string) => string]>> = {
  "cpu.cfs_period_us": ["the period of CPU time", (value) => `${value} µs`],
  "cpu.cfs_quota_us": ["CPU time", coreWords],
  "cpu.max": ["CPU time", coreWords],
  "memory.limit_in_bytes": ["memory", sizeWords],
  "memory.memsw.limit_in_bytes": ["memory and swap", sizeWords],
  "memory.swappiness": ["swapping (memory.swappiness)", plain],
  "memory.max": ["memory", sizeWords],
  "memory.swap.max": ["swap", sizeWords],
  "pids.max": ["processes", plain],
};
