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

/** The variables that start a VMM in its jail; see prepare_jail in droplet/jail/jail.sh. An empty `jailer`: it gets none. */
export type JailVars = Readonly<Record<"jailer" | "uids" | "shown", string>>;

/**
 * The jail for a VMM that runs this program.
 *
 * @param shown the files that the VMM reads beside the clone's own
 * @throws HornetError where the config names a jailer that is none
 */
export async function jailVars(
  droplet: Droplet,
  inputs: JailInputs,
  program: Program,
  shown: readonly string[],
): Promise<JailVars> {
  const { firecracker, jailer: setting, uids } = inputs;
  const jailer = jailerFor(await droplet.programs.at(firecracker, setting), program, setting);
  if (jailer === undefined && setting !== "auto" && setting !== "off") throw noJailer(droplet, setting);
  if (jailer === undefined) return { jailer: "", uids: "", shown: "" };
  return { jailer: jailer.path, uids: `${uids.first} ${uids.count}`, shown: [...new Set(shown)].join("\n") };
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
