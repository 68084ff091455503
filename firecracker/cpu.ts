/**
 * CPU features that a guest goes on using after a restore, since it asked for them once, when it booted: by the names of
 * /proc/cpuinfo on x86-64. What is not in it either makes no difference to a guest (hints, power, the host's own
 * virtualization), comes and goes with microcode without a guest noticing (mitigations, hle, rtm), or is the hypervisor's.
 */
const FEATURES: ReadonlySet<string> = new Set([
  // Instructions of programs and libraries; those of the families below come on top.
  ...["cx16", "lahf_lm", "pni", "ssse3", "sse4_1", "sse4_2", "sse4a", "popcnt", "abm", "movbe", "bmi1", "bmi2", "tbm"],
  ...[
    "adx",
    "fma",
    "fma4",
    "xop",
    "f16c",
    "aes",
    "pclmulqdq",
    "vaes",
    "vpclmulqdq",
    "gfni",
    "sha_ni",
    "rdrand",
    "rdseed",
  ],
  ...[
    "erms",
    "fsrm",
    "fsgsbase",
    "rdtscp",
    "rdpid",
    "clflushopt",
    "clwb",
    "clzero",
    "wbnoinvd",
    "movdiri",
    "movdir64b",
  ],
  ...["serialize", "waitpkg", "3dnowprefetch"],
  // A kernel sets these up at boot and relies on them from then on.
  ...["nx", "pdpe1gb", "la57", "pcid", "invpcid", "smep", "smap", "umip", "pku", "user_shstk", "ibt"],
  ...["x2apic", "tsc_deadline_timer", "constant_tsc", "nonstop_tsc", "xgetbv1"],
]);
/** The vector and tile extensions, and the ways to save their registers, which must hold what was saved. */
const FAMILIES = /^(avx|amx_|xsave)/;

/**
 * The features of a CPU that a restored guest may use, in alphabetical order: kernels list them in their own order.
 *
 * @param line of /proc/cpuinfo: `flags : …` of x86-64, of which those that matter are taken, or `Features : …` of
 *   aarch64, which lists nothing but what programs may use
 */
export function cpuFeatures(line: string): string[] {
  const [, kind, list = ""] = /^(flags|Features)\s*:(.*)$/.exec(line.trim()) ?? [];
  const all = list.split(" ").filter((name) => name !== "");
  const matters = (name: string): boolean => FEATURES.has(name) || FAMILIES.test(name);
  return [...new Set(kind === "flags" ? all.filter(matters) : all)].sort();
}

/** The features that a snapshot's host had and this one lacks; none if either list is unknown. */
export function missingFeatures(had: readonly string[] | undefined, has: readonly string[]): string[] {
  if (has.length === 0) return [];
  return (had ?? []).filter((name) => !has.includes(name));
}
