import { versionsForFormat } from "./versions";

/** One path of a Firecracker program or of a folder with several, or a list of them. */
export type ProgramPaths = string | readonly string[];

/** A Firecracker program on a droplet, by its own answers. */
export interface Program {
  /** `1.16.1` */
  readonly version: string;
  /** The snapshot format that it writes and reads, `10.0.0`; empty where the program names none. */
  readonly format: string;
  readonly path: string;
}

/** A jailer on a droplet, by its own answer. */
export interface Jailer {
  readonly version: string;
  readonly path: string;
}

/** The programs that were found, the jailers beside them, and the configured paths that lead to none. */
export interface Programs {
  readonly found: readonly Program[];
  readonly missing: readonly string[];
  readonly jailers: readonly Jailer[];
}

/** The paths as a list. */
export function pathsOf(firecracker: ProgramPaths): readonly string[] {
  return typeof firecracker === "string" ? [firecracker] : firecracker;
}

/** A program as a line "VERSION FORMAT PATH". */
export function programLine({ version, format, path }: Program): string {
  return `${version} ${format === "" ? "-" : format} ${path}`;
}

/** Parses lines "VERSION FORMAT PATH" and "jailer VERSION PATH" of `list_programs`, in which `-` stands for nothing. */
export function parsePrograms(text: string): Programs {
  const all = text
    .split("\n")
    .map((line) => /^(\S+) (\S+) (\/.*)$/.exec(line))
    .filter((row) => row !== null)
    .map(([, version = "-", format = "-", path = ""]) => ({ version, format: format === "-" ? "" : format, path }));
  const rows = all.filter(({ version }) => version !== "jailer");
  return {
    jailers: all.filter(({ version }) => version === "jailer").map(({ format: version, path }) => ({ version, path })),
    found: rows.filter(({ version }) => version !== "-"),
    missing: rows.filter(({ version }) => version === "-").map(({ path }) => path),
  };
}

/** Sorts versions, the oldest first; a pre-release (`1.17.0-dev`) comes before its release. */
export function compareVersions(one: string, other: string): number {
  const [left, right] = [partsOf(one), partsOf(other)];
  for (const [at, number] of left.entries()) {
    const difference = number - (right[at] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}

function partsOf(version: string): number[] {
  const [, major = "0", minor = "0", patch = "0", rest = ""] =
    /^(\d+)(?:\.(\d+))?(?:\.(\d+))?(.*)$/.exec(version) ?? [];
  return [Number(major), Number(minor), Number(patch), rest.startsWith("-") ? 0 : 1];
}

/** True where `version` is at least `wanted`; both `MAJOR.MINOR[.PATCH]`. A pre-release has what its release has. */
export function atLeast(version: string, wanted: string): boolean {
  return compareVersions(version.replace(/-.*$/, ""), wanted) >= 0;
}

/** The newest of the programs; of several with one version the first in the configured order. */
export function newestOf(programs: readonly Program[]): Program | undefined {
  return programs.reduce<Program | undefined>(
    (best, one) => (best === undefined || compareVersions(one.version, best.version) > 0 ? one : best),
    undefined,
  );
}

/**
 * Whether a program reads a snapshot format: the major numbers are the same, and the minor number is no higher than its own
 * (Firecracker, src/vmm/src/snapshot). Undefined where one of the two formats is unknown.
 */
export function readsFormat({ format }: Program, need: string): boolean | undefined {
  if (format === "" || need === "") return undefined;
  const [[major, minor = 0], [needMajor, needMinor = 0]] = [format, need].map((text) =>
    text.split(".").map(Number),
  ) as [number[], number[]];
  return major === needMajor && needMinor <= minor;
}

/**
 * The program for a snapshot: the newest of those that read its format. Where no format is known to fit, the newest of those
 * that may; nothing where none may.
 */
export function programFor(programs: readonly Program[], format: string): Program | undefined {
  const certain = programs.filter((one) => readsFormat(one, format) === true);
  return newestOf(certain) ?? newestOf(programs.filter((one) => readsFormat(one, format) === undefined));
}

/** A program in words. */
export function programWords({ version, format, path }: Program): string {
  return `Firecracker ${version} at ${path}${format === "" ? "" : ` (snapshot format ${format})`}`;
}

/** Why none of the programs reads a format, and what to do. */
export function unreadable(programs: readonly Program[], format: string): string {
  const have = programs.map((one) => `Firecracker ${one.version} reads snapshot format ${one.format}`).join(", ");
  const paths = programs.map(({ path }) => path).join(", ");
  return (
    `${have}, but the snapshot has ${format}, which needs Firecracker ${versionsForFormat(Number(format.split(".")[0]))}; ` +
    "make the snapshot anew with what is installed (hornet:snapshot.boot does), or install a Firecracker that reads it " +
    `beside the other and name both: hornet:vmm.firecracker: [${paths}, …]`
  );
}
