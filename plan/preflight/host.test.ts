import type { HardenPoint } from "../../plan/preflight/hardening";
import { hardeningDrift, hardeningOf } from "./hardening";
import { hostScore, hostWarnings, judgeHost, type HostNeeds } from "./host";

type Facts = Readonly<Record<string, string>>;

/** A droplet on which all is well. */
const WELL: Facts = {
  ...{ swaps: "0", ksm: "0", smt_active: "0", smt: "off", nx_huge_pages: "Y", core_pattern: "core", kernel: "6.1.0" },
  ...{ kvm_access: "660 root kvm", cgroup_version: "2", cgroups: "cpu memory pids" },
  "vulnerability.itlb_multihit": "KVM: Mitigation: Split huge pages",
  "vulnerability.meltdown": "Not affected",
  "vulnerability.mds": "Mitigation: Clear CPU buffers; SMT disabled",
  "vulnerability.l1tf": "Mitigation: PTE Inversion; VMX: conditional cache flushes, SMT disabled",
};
const vm = { alive: true, filtered: true, dumpsMemory: false };
const snapshot = { digest: "sha256:a", format: "8.0.0", hostKernel: "6.1.0", provedUnder: [], clones: ["vm0"] };
const NEEDS: HostNeeds = { vms: { vm0: vm }, snapshots: [snapshot], harden: [] };

function warnings(facts: Facts = {}, needs: Partial<HostNeeds> = {}): string[] {
  const all = new Map(Object.entries({ ...WELL, ...facts }));
  const given = { ...NEEDS, ...needs };
  return hostWarnings(judgeHost(all, given), all, given);
}

test("a droplet on which all is well, and one whose kernel shows nothing", () => {
  expect(warnings()).toEqual([]);
  expect(hostScore(judgeHost(new Map(Object.entries(WELL)), NEEDS))).toBe("11 of 11 points hold");
  expect(judgeHost(new Map(), { vms: {}, snapshots: [], harden: [] })).toEqual([]);
});

test.each<[string, Facts, Partial<HostNeeds>, RegExp]>([
  ["swap on a disk", { swaps: "1", "swap.1": "disk /dev/sda2" }, {}, /swap \/dev\/sda2,.*: swapoff \/dev\/sda2, and/],
  ["KSM", { ksm: "1" }, {}, /KSM merges equal pages.*: echo 0 >\/sys\/kernel\/mm\/ksm\/run/],
  ["SMT", { smt_active: "1", smt: "on" }, {}, /SMT is on.*: echo off >\/sys\/devices\/system\/cpu\/smt\/control/],
  [
    "huge pages",
    { nx_huge_pages: "N" },
    {},
    /nx_huge_pages is N.*: echo Y >\/sys\/module\/kvm\/parameters\/nx_huge_pages$/,
  ],
  [
    "a vulnerability without microcode",
    {
      "vulnerability.mds": "Vulnerable: Clear CPU buffers attempted, no microcode; SMT disabled",
      cpu_vendor: "GenuineIntel",
    },
    {},
    /vulnerable to mds \(Vulnerable: Clear.*: apt-get install intel-microcode && reboot$/,
  ],
  [
    "old microcode of AMD's",
    { "vulnerability.old_microcode": "Vulnerable", cpu_vendor: "AuthenticAMD", cpu_features: "flags : fpu sse" },
    {},
    /vulnerable to old_microcode.*: apt-get install amd64-microcode && reboot$/,
  ],
  [
    "microcode of a virtual machine",
    { "vulnerability.srbds": "Vulnerable: No microcode", cpu_features: "flags : fpu hypervisor sse" },
    {},
    /vulnerable to srbds.*: ask the droplet's provider for current microcode$/,
  ],
  [
    "one part of a vulnerability",
    { "vulnerability.spectre_v2": "Mitigation: Enhanced / Automatic IBRS; IBPB: conditional; BHI: Vulnerable" },
    {},
    /vulnerable to spectre_v2 \(Mitigation: .*: apt-get update && apt-get full-upgrade && reboot/,
  ],
  [
    "mitigations that the command line switches off",
    { "vulnerability.retbleed": "Vulnerable", "boot_option.mitigations": "mitigations=off" },
    {},
    /vulnerable to retbleed \(Vulnerable\): remove mitigations=off from GRUB_CMDLINE_LINUX/,
  ],
  [
    "a vulnerability through SMT",
    { "vulnerability.mds": "Mitigation: Clear CPU buffers; SMT vulnerable" },
    {},
    /vulnerable to mds.*: echo off >\/sys\/devices\/system\/cpu\/smt\/control$/,
  ],
  ["everybody's /dev/kvm", { kvm_access: "666 root kvm" }, {}, /every user .*\(mode 666\): chmod o-rwx \/dev\/kvm$/],
  ["another owner's /dev/kvm", { kvm_access: "600 ops ops" }, {}, /belongs to ops: chown root \/dev\/kvm$/],
  [
    "members of the group of /dev/kvm",
    { kvm_access: "660 root kvm root,alice,bob" },
    {},
    /members of the group kvm: alice, bob: gpasswd --delete alice kvm; gpasswd --delete bob kvm$/,
  ],
  [
    "a VMM without filters",
    {},
    { vms: { vm0: vm, vm1: { ...vm, filtered: false }, vm2: { ...vm, alive: false, filtered: false } } },
    /^the VMMs of vm1 run without seccomp filters.*: install Firecracker's release build/,
  ],
  [
    "a VMM whose memory goes to a program with a core dump",
    { core_pattern: "|/usr/share/apport/apport -p%p" },
    { vms: { vm0: { ...vm, dumpsMemory: true } } },
    /^a core dump of the VMMs of vm0 would hold guests' memory.*: pulumi up --refresh/,
  ],
  ["another kernel", { kernel: "6.2.0" }, {}, /under the kernel 6\.1\.0, and no fleet has proved it under 6\.2\.0: /],
])("%s", (_name, facts, needs, expected) => {
  expect(warnings(facts, needs)).toEqual([expect.stringMatching(expected)]);
});

test.each<[string, Facts, Partial<HostNeeds>]>([
  ["swap in memory", { swaps: "1", "swap.1": "memory /dev/zram0" }, {}],
  ["encrypted swap", { swaps: "1", "swap.1": "encrypted /dev/dm-1" }, {}],
  ["swap that no VMM may use", { swaps: "1", "swap.1": "disk /dev/sda2" }, { harden: ["swap"] }],
  ["KSM that keeps what it merged", { ksm: "2" }, {}],
  [
    "huge pages on a CPU that they do not harm",
    { nx_huge_pages: "never", "vulnerability.itlb_multihit": "Not affected" },
    {},
  ],
  ["a core dump into a file, whose limit is 0", {}, { vms: { vm0: { ...vm, dumpsMemory: true } } }],
  [
    "a kernel under which the fleet has proved it",
    { kernel: "6.2.0" },
    { snapshots: [{ ...snapshot, provedUnder: ["6.2.0"] }] },
  ],
  ["what up sets itself", { ksm: "1", "hardenable.ksm": "yes" }, { harden: ["ksm"] }],
])("no warning of %s", (_name, facts, needs) => {
  expect(warnings(facts, needs)).toEqual([]);
});

test("version 1 of cgroups does not keep a guest out of the swap for certain", () => {
  const facts = { swaps: "1", "swap.1": "disk /dev/sda2", cgroup_version: "1" };
  expect(warnings(facts, { harden: ["swap"] })).toHaveLength(1);
});

const ALL: readonly HardenPoint[] = ["swap", "ksm", "smt", "nx_huge_pages", "kvm"];
const WEAK: Facts = {
  ...{ ksm: "1", smt_active: "1", smt: "on", nx_huge_pages: "N", kvm_access: "666 root kvm" },
  "vulnerability.itlb_multihit": "KVM: Vulnerable",
};
const CAN: Facts = Object.fromEntries(ALL.map((key) => [`hardenable.${key}`, "yes"]));

test.each<[string, Facts, readonly HardenPoint[], string]>([
  ["everything", { ...WEAK, ...CAN }, ALL, "ksm 0, smt off, nx_huge_pages Y, kvm 660"],
  ["what is named", { ...WEAK, ...CAN }, ["swap", "kvm"], "kvm 660"],
  ["nothing that is well", { ...WELL, ...CAN }, ALL, ""],
  ["nothing that cannot be changed", WEAK, ALL, ""],
  ["no SMT that the machine forces", { smt_active: "1", smt: "notsupported", ...CAN }, ALL, ""],
  ["no huge pages of a CPU that they do not harm", { nx_huge_pages: "N", ...CAN }, ALL, ""],
])("hardening sets %s", (_name, facts, harden, expected) => {
  const found = hardeningOf(new Map(Object.entries(facts)), harden);
  expect(found.map(({ key, to }) => `${key} ${to}`).join(", ")).toBe(expected);
});

test("drift of what was hardened, in words", () => {
  const facts = new Map([
    ["hardened.ksm", "1 0"],
    ["ksm", "1"],
    ["hardened.kvm", "666 660"],
    ["kvm_access", "660 root kvm"],
    ["hardened.smt", "on off"],
  ]);
  expect(hardeningDrift(facts, "ksm 1 0\nkvm 666 660\n")).toEqual(["ksm is 1, hardened to 0 before"]);
  expect(hardeningDrift(new Map(), "ksm 1 0\n")).toEqual(["the record of what was hardened is missing"]);
});
