import { cpuFeatures, missingFeatures } from "./cpu";

test.each<[what: string, line: string, expected: string[]]>([
  ["what a guest may use, by name", "flags\t\t: sse4_2 avx2 aes fpu", ["aes", "avx2", "sse4_2"]],
  [
    "families",
    "flags : avx avx512f avx512_vnni amx_tile xsave xsaveopt xsaves",
    ["amx_tile", "avx", "avx512_vnni", "avx512f", "xsave", "xsaveopt", "xsaves"],
  ],
  ["no hints, mitigations, or what is the hypervisor's", "flags : hypervisor md_clear rep_good vmx rtm", []],
  [
    "time and address spaces",
    "flags : constant_tsc nonstop_tsc pcid invpcid pku tsc",
    ["constant_tsc", "invpcid", "nonstop_tsc", "pcid", "pku"],
  ],
  ["Arm's list whole", "Features\t: fp asimd evtstrm sha2", ["asimd", "evtstrm", "fp", "sha2"]],
  ["twice is once", "flags : aes aes", ["aes"]],
  ["nothing", "", []],
  ["something else", "model name : aes", []],
])("%s", (_what, line, expected) => expect(cpuFeatures(line)).toEqual(expected));

test.each<[had: string[] | undefined, has: string[], expected: string[]]>([
  [["aes", "avx"], ["aes", "avx", "avx2"], []],
  [["aes", "avx", "avx2"], ["avx"], ["aes", "avx2"]],
  [undefined, ["avx"], []],
  [["aes"], [], []],
])("of the features %j the CPU with %j lacks %j", (had, has, expected) =>
  expect(missingFeatures(had, has)).toEqual(expected),
);
