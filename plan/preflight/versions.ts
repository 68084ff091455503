import {
  parsePrograms,
  programFor,
  programWords,
  unreadable,
  type Program,
  type Programs,
} from "../../firecracker/programs";
import type { DropletFacts } from "./facts";
import type { Observed } from "../../model/observed";

/** A snapshot that clones of the fleet run, by its manifest. */
export interface SnapshotInUse {
  readonly digest: string;
  /** Its format, and the kernel of the machine that it was made on. */
  readonly format: string;
  readonly hostKernel: string;
  /** The kernels of the droplet under which the fleet has proved it. */
  readonly provedUnder: readonly string[];
  /** The namespaces of the clones that run it. */
  readonly clones: readonly string[];
}

/** The versions on a droplet, in words: what is there, and what the operator has to know of it. */
export interface VersionReport {
  readonly lines: readonly string[];
  readonly warnings: readonly string[];
}

/** The programs that `preflight_facts` listed. */
export function programsOf(facts: DropletFacts): Programs {
  return parsePrograms([...facts].flatMap(([key, value]) => (key.startsWith("program.") ? [value] : [])).join("\n"));
}

/** The version and the path of the program that a launch record names, and nothing for a VM that an earlier Hornet started. */
function startedWith(record: Readonly<Record<string, string>>): Program | undefined {
  return parsePrograms(record.vmm ?? "").found[0];
}

/** Says which Firecracker versions a droplet has, which one each snapshot runs on, and what changed under running clones. */
export function reportVersions(
  facts: DropletFacts,
  snapshots: readonly SnapshotInUse[],
  vms: Observed["vms"],
): VersionReport {
  const { found } = programsOf(facts);
  const kernel = facts.get("kernel") ?? "";
  const lines = found.map(programWords);
  const warnings: string[] = [];
  for (const { digest, format, hostKernel, provedUnder, clones } of snapshots) {
    const program = programFor(found, format);
    const who = clones.join(", ");
    const runsOn = program === undefined ? "no Firecracker there reads it" : `runs on Firecracker ${program.version}`;
    lines.push(`snapshot ${short(digest)} (format ${format}; ${who}): ${runsOn}`);
    if (program === undefined && found.length > 0) {
      warnings.push(
        `${who} run on, but no new clone can be made of their snapshot ${short(digest)}, and one that starts again boots ` +
          `from its disk by the newest Firecracker: ${unreadable(found, format)}`,
      );
    }
    if (isUnproved({ hostKernel, provedUnder }, kernel)) {
      warnings.push(
        `the snapshot ${short(digest)} was made under the kernel ${hostKernel}, and the droplet runs ${kernel} now, under ` +
          "which no fleet there has proved it; a change of hornet:snapshot makes it anew (docs/upgrades.md)",
      );
    }
  }
  return { lines, warnings: [...warnings, ...replaced(found, vms)] };
}

function isUnproved(
  { hostKernel, provedUnder }: Pick<SnapshotInUse, "hostKernel" | "provedUnder">,
  kernel: string,
): boolean {
  return hostKernel !== "" && kernel !== "" && hostKernel !== kernel && !provedUnder.includes(kernel);
}

/** The snapshots in use that were made under another kernel than the droplet's, and not proved under that. */
export function unprovedKernels(facts: DropletFacts, snapshots: readonly SnapshotInUse[]): SnapshotInUse[] {
  return snapshots.filter((one) => isUnproved(one, facts.get("kernel") ?? ""));
}

/** VMs that run a program which its path leads to no more. They run on: the kernel keeps a program that runs. */
function replaced(found: readonly Program[], vms: Observed["vms"]): string[] {
  const groups = new Map<string, { readonly program: Program; readonly names: string[] }>();
  for (const [name, { alive, record }] of Object.entries(vms)) {
    const program = startedWith(record);
    if (!alive || program === undefined) continue;
    const now = found.find(({ path }) => path === program.path);
    if (now?.version === program.version) continue;
    const key = `${program.version} ${program.path}`;
    const group = groups.get(key) ?? { program, names: [] };
    groups.set(key, group);
    group.names.push(name);
  }
  return [...groups.values()].map(({ program: { version, path }, names }) => {
    const now = found.find((one) => one.path === path);
    const there = now === undefined ? "which is not among hornet:vmm.firecracker now" : `which is ${now.version} now`;
    return `${names.join(", ")} run Firecracker ${version} from ${path}, ${there}; they run on as they are`;
  });
}

function short(digest: string): string {
  return digest.slice(0, "sha256:".length + 12);
}
