import type { ApiRequest } from "../../firecracker/api";
import { jailerFor, type JailerSetting } from "../../firecracker/jailer";
import { parsePrograms, type Program, type ProgramPaths } from "../../firecracker/programs";
import { HornetError } from "../../host/errors";
import type { Droplet } from "../operation/droplet";

/** What is declared of the jail of a VMM. */
export interface JailInputs {
  readonly firecracker: ProgramPaths;
  readonly jailer: JailerSetting;
  readonly uids: { readonly first: number; readonly count: number };
}

/** The files that a VMM reads and that others use too. */
export interface SharedFiles {
  /** The artifact's. */
  readonly shown: readonly string[];
  /** Disks outside of it that the operator declared; see hornet:snapshot.disks. */
  readonly lent?: readonly string[] | undefined;
  /** Disks outside of it that the snapshot alone names: the VMM gets those that every user of the droplet may read. */
  readonly named?: readonly string[];
}

/** The variables that start a VMM in its jail; see prepare_jail in droplet/jail/jail.sh. An empty `jailer`: it gets none. */
export type JailVars = Readonly<Record<"jailer" | "uids" | "shown" | "lent" | "named", string>>;

/**
 * The jail for a VMM that runs this program.
 *
 * @param files what the VMM reads beside the clone's own
 * @throws HornetError where the config names a jailer that is none
 */
export async function jailVars(
  droplet: Droplet,
  inputs: JailInputs,
  program: Program,
  files: SharedFiles,
): Promise<JailVars> {
  const { firecracker, jailer: setting, uids } = inputs;
  const jailer = jailerFor(await droplet.programs.at(firecracker, setting), program, setting);
  if (jailer === undefined && setting !== "auto" && setting !== "off") throw noJailer(droplet, setting);
  const { shown, lent = [], named = [] } = files;
  if (jailer === undefined) return { jailer: "", uids: "", shown: "", lent: "", named: lines(named) };
  return {
    jailer: jailer.path,
    uids: `${uids.first} ${uids.count}`,
    shown: lines(shown),
    lent: lines(lent),
    named: lines(named),
  };
}

function lines(paths: readonly string[]): string {
  return [...new Set(paths)].join("\n");
}

/**
 * Whether a clone's VMM is to run in a jail; undefined where that cannot be said.
 *
 * @param running the program that its launch record names, as a line; see programLine
 */
export async function isJailed(
  droplet: Droplet,
  { firecracker, jailer }: JailInputs,
  running: string | undefined,
): Promise<boolean | undefined> {
  if (jailer === "off") return false;
  const [program] = parsePrograms(running ?? "").found;
  if (program === undefined) return undefined;
  return jailerFor(await droplet.programs.at(firecracker, jailer), program, jailer) !== undefined;
}

function noJailer({ name }: Droplet, path: string): HornetError {
  return new HornetError(`there is no jailer at ${path} on ${name}`, {
    next: "install Firecracker's jailer there, or set hornet:vmm.jailer to auto, which takes the one beside Firecracker",
  });
}

/** The keys under which a request names a file that the VMM reads. */
const READ = ["snapshot_path", "mem_file_path", "backend_path", "kernel_image_path", "initrd_path", "path_on_host"];

/** The paths of the files that these requests let a VMM read. */
export function pathsRead(requests: readonly ApiRequest[]): string[] {
  return requests.flatMap(({ path, body }) => (path === "/mmds" ? [] : pathsIn(body)));
}

function pathsIn(value: unknown): string[] {
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value).flatMap(([key, one]) =>
    READ.includes(key) && typeof one === "string" ? [one] : pathsIn(one),
  );
}
