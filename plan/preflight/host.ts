/** What of a droplet's kernel and devices weakens the walls around VMMs, as Firecracker's prod-host-setup.md asks for it. */
import type { ObservedVm } from "../../model/observed";
import { missingController } from "./vmLimits";
import type { DropletFacts } from "./facts";
import { hardeningOf, type HardenPoint } from "./hardening";
import { unprovedKernels, type SnapshotInUse } from "./versions";

/** One point of the judgement. */
export interface HostPoint {
  readonly subject: string;
  /** What is wrong, and then the exact line that changes it; undefined if nothing is. */
  readonly fault?: { readonly words: string; readonly mend: string } | undefined;
  /** `hornet:droplet.harden` sets it. */
  readonly harden?: HardenPoint | undefined;
}

/** What the judgement needs to know beside the droplet's facts. */
export interface HostNeeds {
  readonly vms: Readonly<Record<string, Pick<ObservedVm, "alive" | "filtered" | "dumpsMemory">>>;
  readonly snapshots: readonly SnapshotInUse[];
  /** The points that `hornet:droplet.harden` names. */
  readonly harden: readonly HardenPoint[];
}

type Fault = HostPoint["fault"];

/** Judges a droplet. What its kernel does not show is no point. */
export function judgeHost(facts: DropletFacts, needs: HostNeeds): HostPoint[] {
  const { vms, snapshots, harden } = needs;
  const running = Object.entries(vms).filter(([, { alive }]) => alive);
  const known = (key: string): boolean => facts.has(key);
  const point = (subject: string, isKnown: boolean, fault: () => Fault, of?: HardenPoint): HostPoint[] =>
    isKnown ? [{ subject, fault: fault(), harden: of }] : [];
  return [
    ...point("swap", known("swaps"), () => swapFault(facts, harden), "swap"),
    ...point("KSM", known("ksm"), () => ksmFault(facts), "ksm"),
    ...point("SMT", known("smt_active"), () => smtFault(facts), "smt"),
    ...point("nx_huge_pages", known("nx_huge_pages"), () => hugePagesFault(facts), "nx_huge_pages"),
    ...vulnerabilities(facts).map(([name, text]) => ({
      subject: `CPU vulnerability ${name}`,
      fault: vulnerabilityFault(facts, name, text),
    })),
    ...point("/dev/kvm", known("kvm_access"), () => kvmFault(facts), "kvm"),
    ...point(
      "seccomp",
      running.some(([, vm]) => vm.filtered !== undefined),
      () => seccompFault(running),
    ),
    ...point("core dumps", known("core_pattern"), () => coreFault(facts, running)),
    ...point("host kernel", snapshots.length > 0 && known("kernel"), () => kernelFault(facts, snapshots)),
  ];
}

/** What is wrong with a droplet, and what changes it, without what `up` sets itself. */
export function hostWarnings(points: readonly HostPoint[], facts: DropletFacts, needs: HostNeeds): string[] {
  const set = new Set<HardenPoint>(hardeningOf(facts, needs.harden).map(({ key }) => key));
  return points.flatMap((one) => (one.harden !== undefined && set.has(one.harden) ? [] : pointWords(one)));
}

/** A point that does not hold, as a line; none if it holds. */
export function pointWords({ fault }: HostPoint): string[] {
  return fault === undefined ? [] : [`${fault.words}: ${fault.mend}`];
}

/** `9 of 11 points hold` */
export function hostScore(points: readonly HostPoint[]): string {
  return `${points.filter(({ fault }) => fault === undefined).length} of ${points.length} points hold`;
}

const words = (text: string | undefined): string[] => (text ?? "").split(" ").filter((word) => word !== "");

function swapFault(facts: DropletFacts, harden: readonly HardenPoint[]): Fault {
  const plain = [...facts].flatMap(([key, value]) => {
    const [kind, device = ""] = words(value);
    return /^swap\.\d+$/.test(key) && kind === "disk" ? [device] : [];
  });
  if (plain.length === 0) return undefined;
  // Version 1 of cgroups swaps such a cgroup out under pressure still.
  const held =
    harden.includes("swap") && facts.get("cgroup_version") === "2" && missingController(facts, "memory") === undefined;
  if (held) return undefined;
  return {
    words: `the kernel may write guests' memory to the swap ${plain.join(", ")}, where it outlives them`,
    mend: `swapoff ${plain.join(" ")}, and remove it from /etc/fstab`,
  };
}

function ksmFault(facts: DropletFacts): Fault {
  if (facts.get("ksm") !== "1") return undefined;
  return {
    words: "KSM merges equal pages (/sys/kernel/mm/ksm/run), so one guest can find out what another has in its memory",
    mend: "echo 0 >/sys/kernel/mm/ksm/run && systemctl disable --now ksm ksmtuned",
  };
}

function smtFault(facts: DropletFacts): Fault {
  if (facts.get("smt_active") !== "1") return undefined;
  return {
    words: "SMT is on: guests on two threads of one core can read each other's data through it",
    mend: "echo off >/sys/devices/system/cpu/smt/control, and nosmt in GRUB_CMDLINE_LINUX of /etc/default/grub",
  };
}

function hugePagesFault(facts: DropletFacts): Fault {
  const text = facts.get("vulnerability.itlb_multihit") ?? "";
  if (facts.get("nx_huge_pages") === "Y" || text === "" || text === "Not affected") return undefined;
  return {
    words: `KVM maps huge pages executable (nx_huge_pages is ${facts.get("nx_huge_pages") ?? ""}), with which a guest can halt this CPU`,
    mend: "echo Y >/sys/module/kvm/parameters/nx_huge_pages",
  };
}

function vulnerabilities(facts: DropletFacts): [name: string, text: string][] {
  const start = "vulnerability.";
  return [...facts].flatMap(([key, text]): [string, string][] =>
    // The point nx_huge_pages covers it.
    key.startsWith(start) && key !== `${start}itlb_multihit` ? [[key.slice(start.length), text]] : [],
  );
}

function vulnerabilityFault(facts: DropletFacts, name: string, text: string): Fault {
  // "Mitigation: Clear CPU buffers; SMT vulnerable", "Mitigation: …; BHI: Vulnerable", "Vulnerable: No microcode"
  const open = text.split(";").find((part) => /(^|[\s:])vulnerable/i.test(part));
  if (open === undefined) return undefined;
  return { words: `the CPU is vulnerable to ${name} (${text})`, mend: vulnerabilityMend(facts, name, open.trim()) };
}

function vulnerabilityMend(facts: DropletFacts, name: string, open: string): string {
  const options = [...facts].flatMap(([key, value]) => (key.startsWith("boot_option.") ? [value] : []));
  const off = options.filter((one) => /^mitigations=(off|.*no_guest)/.test(one) || /^(no.*spec|nopti)/.test(one));
  if (off.length > 0)
    return `remove ${off.join(" ")} from GRUB_CMDLINE_LINUX of /etc/default/grub, then update-grub && reboot`;
  if (/SMT vulnerable/i.test(open)) return "echo off >/sys/devices/system/cpu/smt/control";
  if (name === "old_microcode" || /microcode/i.test(open)) {
    // Microcode is the machine's; a virtual machine cannot load any.
    if (words(facts.get("cpu_features")).includes("hypervisor"))
      return "ask the droplet's provider for current microcode";
    const vendor = /amd/i.test(facts.get("cpu_vendor") ?? "") ? "amd64-microcode" : "intel-microcode";
    return `apt-get install ${vendor} && reboot`;
  }
  return "apt-get update && apt-get full-upgrade && reboot, for a kernel that mitigates it";
}

function kvmFault(facts: DropletFacts): Fault {
  const [mode = "", owner = "", group = "", members = ""] = words(facts.get("kvm_access"));
  if ((Number.parseInt(mode, 8) & 0o006) !== 0) {
    return { words: `every user of the droplet can use /dev/kvm (mode ${mode})`, mend: "chmod o-rwx /dev/kvm" };
  }
  if (owner !== "root") return { words: `/dev/kvm belongs to ${owner}`, mend: "chown root /dev/kvm" };
  const others = members.split(",").filter((name) => name !== "" && name !== "root");
  if ((Number.parseInt(mode, 8) & 0o060) === 0 || others.length === 0) return undefined;
  return {
    words: `users can use /dev/kvm as members of the group ${group}: ${others.join(", ")}`,
    mend: others.map((name) => `gpasswd --delete ${name} ${group}`).join("; "),
  };
}

type Running = readonly (readonly [string, Pick<ObservedVm, "filtered" | "dumpsMemory">])[];

const namesOf = (running: Running, isBad: (vm: Running[number][1]) => boolean): string =>
  running
    .filter(([, vm]) => isBad(vm))
    .map(([name]) => name)
    .join(", ");

function seccompFault(running: Running): Fault {
  const names = namesOf(running, ({ filtered }) => filtered === false);
  if (names === "") return undefined;
  return {
    words: `the VMMs of ${names} run without seccomp filters, so they can use every system call`,
    mend: "install Firecracker's release build, whose filters are built in, and set hornet:clones.N.restart",
  };
}

function coreFault(facts: DropletFacts, running: Running): Fault {
  const names = namesOf(running, ({ dumpsMemory }) => dumpsMemory === true);
  // A dump into a file obeys the limit of its size, which is 0 for a VMM.
  if (names === "" || !facts.get("core_pattern")?.startsWith("|")) return undefined;
  return {
    words: `a core dump of the VMMs of ${names} would hold guests' memory (kernel.core_pattern is a program)`,
    mend: "pulumi up --refresh, which leaves the memory out of it",
  };
}

function kernelFault(facts: DropletFacts, snapshots: readonly SnapshotInUse[]): Fault {
  const [one] = unprovedKernels(facts, snapshots);
  if (one === undefined) return undefined;
  return {
    words: `a snapshot was made under the kernel ${one.hostKernel}, and no fleet has proved it under ${facts.get("kernel") ?? ""}`,
    mend: "pulumi up with another hornet:snapshot makes it again (docs/upgrades.md)",
  };
}
