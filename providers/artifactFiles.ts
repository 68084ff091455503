import { cpuFeatures } from "../firecracker/cpu";
import type { Session } from "../host/session";

/** Size, mtime and inode of a file, as one comparable text. */
export type FileMarks = Record<string, string>;

/** A file's content. */
export interface FileDigest {
  readonly sha256: string;
  /** bytes */
  readonly size: number;
}

/** What a snapshot depends on of the machine that it is made on. */
export interface HostDescription {
  readonly cpu: string;
  readonly cpuFeatures: readonly string[];
  readonly kernel: string;
}

/** Size, mtime and inode of those of `paths` that are there. */
export async function inspectFiles(session: Session, paths: readonly string[]): Promise<FileMarks> {
  const text = await session.call({ what: "look at files", run: "inspect_files", stdin: asLines(paths) });
  const marks: FileMarks = {};
  for (const line of text.split("\n").filter((one) => one !== "")) {
    const [size = "", mtime = "", inode = "", ...path] = line.split(" ");
    marks[path.join(" ")] = `${size} ${mtime} ${inode}`;
  }
  return marks;
}

/** In words what changed since `recorded`. */
export function fileDrift(recorded: FileMarks, seen: FileMarks): string[] {
  return Object.entries(recorded).flatMap(([path, marks]) => {
    const now = seen[path];
    if (now === undefined) return [`${path} missing`];
    return now === marks ? [] : [`${path} changed`];
  });
}

/** sha256 and size of files that are there. Reads every byte: seconds for a memory file. */
export async function hashFiles(session: Session, paths: readonly string[]): Promise<Map<string, FileDigest>> {
  const text = await session.call({
    what: "hash files",
    run: "hash_files",
    stdin: asLines(paths),
    patience: 60,
  });
  return parseHashes(text);
}

/** Parses lines "SHA256 SIZE PATH". */
export function parseHashes(text: string): Map<string, FileDigest> {
  return new Map(
    text
      .split("\n")
      .filter((line) => line !== "")
      .map((line): [string, FileDigest] => {
        const [sha256 = "", size = "", ...path] = line.split(" ");
        return [path.join(" "), { sha256, size: Number(size) }];
      }),
  );
}

/** The machine that a snapshot made there will need. */
export async function describeHost(session: Session): Promise<HostDescription> {
  const text = await session.call({
    what: "describe the droplet's processor and kernel",
    run: "describe_host",
  });
  const values = new Map(
    text.split("\n").map((line): [string, string] => [key(line), line.slice(key(line).length + 1)]),
  );
  const value = (name: string): string => values.get(name) ?? "";
  return {
    cpu: value("cpu"),
    cpuFeatures: cpuFeatures(value("features")),
    kernel: value("kernel"),
  };
}

function key(line: string): string {
  return line.split("=")[0] ?? "";
}

function asLines(paths: readonly string[]): string {
  return paths.map((path) => `${path}\n`).join("");
}
