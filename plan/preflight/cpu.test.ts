import { judgeCpu } from "./cpu";

interface Said {
  readonly faults: string[];
  readonly warnings: string[];
}

/** A snapshot of a CPU "A" with `had`, on a droplet with the CPU `cpu` and `has`. */
function said(had: string[] | undefined, cpu: string, has: string, require = true): Said {
  const [faults, warnings]: [string[], string[]] = [[], []];
  const facts = new Map([
    ["cpu", cpu],
    ["cpu_features", has],
  ]);
  const say = { fault: (text: string) => void faults.push(text), warn: (text: string) => void warnings.push(text) };
  judgeCpu(facts, { format: "10.0.0", cpu: "A", cpuFeatures: had }, require, say);
  return { faults, warnings };
}

const model = 'the snapshot was made on "A", the droplet has "B": guests may crash on another CPU model';
const fault = (cpu: string): string =>
  `the snapshot was made on "A" with avx512f, sha_ni, which the droplet's "${cpu}" lacks: guests that use them would ` +
  "crash; make the snapshot on this kind of machine, or set hornet:snapshot.requireCpuFeatures: false if no guest does";
const accepted =
  'the droplet\'s "A" lacks avx512f, sha_ni, which the snapshot was made with: guests that use them crash';

test.each<[what: string, Said, Said]>([
  ["the same machine", said(["aes"], "A", "flags : aes"), { faults: [], warnings: [] }],
  ["one with more", said(["aes"], "A", "flags : aes avx2"), { faults: [], warnings: [] }],
  ["another model with all of it", said(["aes"], "B", "flags : aes avx2"), { faults: [], warnings: [model] }],
  [
    "another model without some of it: that says more than the model does",
    said(["aes", "avx512f", "sha_ni"], "B", "flags : aes"),
    { faults: [fault("B")], warnings: [] },
  ],
  [
    "a model of the same name that lacks some, as behind another hypervisor",
    said(["aes", "avx512f", "sha_ni"], "A", "flags : aes"),
    { faults: [fault("A")], warnings: [] },
  ],
  [
    "the same where the config accepts it",
    said(["aes", "avx512f", "sha_ni"], "A", "flags : aes", false),
    { faults: [], warnings: [accepted] },
  ],
  ["a manifest that tells no features", said(undefined, "B", "flags : aes"), { faults: [], warnings: [model] }],
  ["a droplet that tells none", said(["aes"], "A", ""), { faults: [], warnings: [] }],
  ["Arm, where models have no name", said(["asimd"], "A", "Features : asimd fp"), { faults: [], warnings: [] }],
])("%s", (_what, seen, expected) => expect(seen).toEqual(expected));
