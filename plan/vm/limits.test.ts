import { limitsSchema, bytesIn } from "../../model/arguments/limits";
import type { ObservedLimits, ObservedVm } from "../../model/observed";
import { cgroupFiles, limitDrift, limitLines } from "./limits";

const all = limitsSchema.parse({ cpus: 0.5, memory: 320, pids: 64, files: 256 });
const defaults = limitsSchema.parse({});
const MIB = 1024 ** 2;

test.each<readonly [string, number]>([
  ["50MiB", 50 * MIB],
  ["1.5KiB", 1536],
  ["2GiB", 2 * 1024 * MIB],
  ["100mbit", 12_500_000],
  ["100Mbit", 12_500_000],
  ["1gbit", 125_000_000],
  ["8kbit", 1000],
  ...["", "50", "50MB", "MiB", "-1MiB", "1e3MiB", "50 MiB s", "9999999999GiB"].map((text) => [text, NaN] as const),
])("%s is %d bytes", (text, bytes) => {
  expect(bytesIn(text)).toBe(bytes);
});

test.each([
  [1, all, ["cpu.cfs_period_us=100000", "cpu.cfs_quota_us=50000"]],
  [1, all, ["memory.limit_in_bytes=335544320", "memory.memsw.limit_in_bytes=335544320", "pids.max=64"]],
  [2, all, ["cpu.max=50000 100000", "memory.max=335544320", "memory.swap.max=0", "pids.max=64"]],
  [1, { ...defaults, swap: false }, ["memory.swappiness=0", "pids.max=256"]],
  [2, { ...defaults, swap: false }, ["memory.swap.max=0", "pids.max=256"]],
  [1, defaults, ["pids.max=256"]],
  [2, defaults, ["pids.max=256"]],
] as const)("one declaration limits a VMM with version %d of cgroups", (version, limits, files) => {
  const limiting = cgroupFiles(limits).filter((one) => one.version === version && one.limits);
  expect(limiting.map(({ file, value }) => `${file}=${value}`)).toEqual(expect.arrayContaining([...files]));
  if (limits === defaults) expect(limiting).toHaveLength(1);
});

test("a file's size is limited by the disk or the memory, whichever is larger, or as declared", () => {
  const line = (fileSize: string, disk?: number): string | undefined =>
    limitLines({ ...defaults, fileSize }, { memory: 128, disk })
      .split("\n")
      .at(-1);
  expect(line("auto")).toBe(`process file_size at least ${192 * MIB}`);
  expect(line("auto", 10 * MIB)).toBe(`process file_size auto ${192 * MIB}`);
  expect(line("auto", 500 * MIB)).toBe(`process file_size auto ${564 * MIB}`);
  expect(line("1GiB", 500 * MIB)).toBe(`process file_size ${1024 * MIB}`);
});

const one = {
  version: 1,
  offered: ["cpu", "memory", "pids"],
  inside: ["cpu", "memory", "pids"],
  files: {
    "cpu.cfs_period_us": "100000",
    "cpu.cfs_quota_us": "50000",
    "memory.limit_in_bytes": "335544320",
    "memory.memsw.limit_in_bytes": "335544320",
    "pids.max": "64",
  },
  openFiles: "256",
  fileSize: String(192 * MIB),
};
const two = {
  ...one,
  version: 2,
  files: { "cpu.max": "50000 100000", "memory.max": "335544320", "memory.swap.max": "0", "pids.max": "64" },
};
const drift = (limits: ObservedLimits, declared = all, vm: Partial<ObservedVm> = {}): string[] =>
  limitDrift(declared, { diskWas: 4096, diskSize: 4096, ...vm, limits } as ObservedVm, 128);
const withFiles = (seen: ObservedLimits, files: Readonly<Record<string, string>>): ObservedLimits => ({
  ...seen,
  files: { ...seen.files, ...files },
});

test.each<[string, ObservedLimits, string[]]>([
  ["version 1 as declared", one, []],
  ["version 2 as declared", two, []],
  [
    "another quota",
    withFiles(one, { "cpu.cfs_quota_us": "100000" }),
    ["the limit of CPU time is 1 core, not 0.5 cores"],
  ],
  [
    "another period",
    withFiles(one, { "cpu.cfs_period_us": "50000" }),
    ["the limit of the period of CPU time is 50000 µs, not 100000 µs"],
  ],
  ["no quota", withFiles(two, { "cpu.max": "max 100000" }), ["the limit of CPU time is none, not 0.5 cores"]],
  [
    "a quota of another period",
    withFiles(two, { "cpu.max": "100000 200000" }),
    ["the limit of CPU time is 0.5 cores in periods of 200000 µs, not 0.5 cores"],
  ],
  ["more memory", withFiles(two, { "memory.max": "671088640" }), ["the limit of memory is 640 MiB, not 320 MiB"]],
  [
    "odd memory",
    withFiles(two, { "memory.max": "671088641" }),
    ["the limit of memory is 671088641 bytes, not 320 MiB"],
  ],
  [
    "no limit of memory",
    withFiles(one, { "memory.limit_in_bytes": "9223372036854771712" }),
    ["the limit of memory is none, not 320 MiB"],
  ],
  ["swap", withFiles(two, { "memory.swap.max": "max" }), ["the limit of swap is none, not 0 MiB"]],
  ["more processes", withFiles(two, { "pids.max": "max" }), ["the limit of processes is none, not 64"]],
  ["another cgroup", { ...one, inside: ["cpu", "pids"] }, ["the VMM is not in its cgroup"]],
  ["a controller that is not offered", { ...one, offered: ["cpu", "pids"], inside: ["cpu", "pids"] }, []],
  ["no cgroups at all", { ...one, version: 0, offered: [], inside: [], files: {} }, []],
  ["open files", { ...one, openFiles: "1024" }, ["the limit of open files is 1024, not 256"]],
  ["file sizes", { ...one, fileSize: "unlimited" }, ["the limit of file sizes is none, not 192 MiB"]],
])("%s", (_name, seen, words) => {
  expect(drift(seen)).toEqual(words);
});

test("what is not declared is not limited, and its cgroup need not exist", () => {
  const bare = { ...two, inside: ["pids"], files: { "pids.max": "256" }, openFiles: "2048" };
  expect(drift(bare, defaults)).toEqual([]);
  expect(drift(withFiles(bare, { "cpu.max": "max 100000", "memory.max": "max" }), defaults)).toEqual([]);
  expect(drift(withFiles(bare, { "memory.max": "335544320" }), defaults)).toEqual([
    "the limit of memory is 320 MiB, not none",
  ]);
});

test("swap alone is ruled out with either version, and back is as the cgroup above", () => {
  const declared = { ...defaults, swap: false };
  const base = { ...one, openFiles: "2048" };
  expect(drift({ ...base, files: { "pids.max": "256", "memory.swappiness": "60" } }, declared)).toEqual([
    "the limit of swapping (memory.swappiness) is 60, not 0",
  ]);
  expect(drift({ ...base, version: 2, files: { "pids.max": "256", "memory.swap.max": "max" } }, declared)).toEqual([
    "the limit of swap is none, not 0 MiB",
  ]);
  const above = (value: string): ObservedLimits => ({
    ...base,
    files: { "pids.max": "256", "memory.swappiness": value, "above.memory.swappiness": "60" },
  });
  expect(drift(above("60"), defaults)).toEqual([]);
  expect(drift(above("0"), defaults)).toEqual(["the limit of swapping (memory.swappiness) is 0, not 60"]);
  expect(drift(above("0"), declared)).toEqual([]);
  expect(limitLines(defaults, { memory: 128 })).toContain("memory 1 free memory.swappiness above\n");
});

test("without the guest's memory, only a file size that depends on it is not compared", () => {
  const vm = {
    diskWas: 4096,
    diskSize: 4096,
    limits: { ...one, fileSize: "77", openFiles: "9" },
  } as unknown as ObservedVm;
  expect(limitDrift(all, vm, undefined)).toEqual(["the limit of open files is 9, not 256"]);
  expect(limitDrift({ ...all, files: 9, fileSize: "8MiB" }, vm, undefined)).toEqual([
    "the limit of file sizes is 77 bytes, not 8 MiB",
  ]);
});

test("a VMM whose start was cut off is held against the disk that it has", () => {
  const seen = { ...one, fileSize: String(564 * MIB) };
  expect(drift(seen, all, { diskWas: 0, diskSize: 500 * MIB })).toEqual([]);
});
