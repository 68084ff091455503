import { cpuFeatures } from "../../firecracker/cpu";
import { HornetError } from "../../host/errors";
import { parseKeyValues } from "../../model/keyValues";
import type { Session } from "../../host/session/session";

const AGAIN = "run it again once nothing writes to the file";

/** Size, mtime and inode of a file, as one comparable text. */
export type FileMarks = Record<string, string>;

/** A file's content. */
export interface FileDigest {
  readonly sha256: string;
  /** bytes */
  readonly size: number;
  /** Size, mtime and inode of the file that was read. */
  readonly marks: string;
}

/** The properties of the machine that a snapshot made there depends on. */
export interface HostDescription {
  readonly cpu: string;
  readonly cpuFeatures: readonly string[];
  readonly kernel: string;
}

/** Size, mtime and inode of the existing files of `paths`. */
export async function inspectFiles(session: Session, paths: readonly string[]): Promise<FileMarks> {
  const text = await session.call({ what: "inspect files", run: "inspect_files", stdin: asLines(paths) });
  const marks: FileMarks = {};
  for (const line of text.split("\n").filter((one) => one !== "")) {
    const [size = "", mtime = "", inode = "", ...path] = line.split(" ");
    marks[path.join(" ")] = `${size} ${mtime} ${inode}`;
  }
  return marks;
}

/** Drift messages for files that differ from `recorded`. */
export function fileDrift(recorded: FileMarks, seen: FileMarks): string[] {
  return Object.entries(recorded).flatMap(([path, marks]) => {
    const now = seen[path];
    if (now === undefined) return [`${path} missing`];
    return now === marks ? [] : [`${path} changed`];
  });
}

/**
 * sha256 and size of existing files. Reads every byte: seconds for a memory file.
 *
 * @throws HornetError if one is no file, or is written meanwhile
 */
export async function hashFiles(session: Session, paths: readonly string[]): Promise<Map<string, FileDigest>> {
  const hashes = await hashTolerantly(session, paths);
  for (const [path, { sha256 }] of hashes) {
    if (sha256 === IRREGULAR) throw irregular(session, path);
    if (sha256 === CHANGED) {
      throw new HornetError(`${path} on ${session.name} changed while Hornet read it`, { next: AGAIN });
    }
  }
  return hashes;
}

/** Like {@link hashFiles}, but returns a word instead of the digest of a file that has none. */
export async function hashTolerantly(session: Session, paths: readonly string[]): Promise<Map<string, FileDigest>> {
  if (paths.length === 0) return new Map();
  const text = await session.call({
    what: "hash files",
    run: "hash_files",
    stdin: asLines(paths),
    patience: 60,
  });
  return parseHashes(text);
}

/** Instead of a digest: a folder, device or fifo; a file written meanwhile (droplet/artifact/artifact.sh). */
const [IRREGULAR, CHANGED] = ["irregular", "changed"];

/** Parses lines "SHA256 SIZE MTIME INODE PATH". */
export function parseHashes(text: string): Map<string, FileDigest> {
  return new Map(
    text
      .split("\n")
      .filter((line) => line !== "")
      .map((line): [string, FileDigest] => {
        const [sha256 = "", size = "", mtime = "", inode = "", ...path] = line.split(" ");
        return [path.join(" "), { sha256, size: Number(size), marks: `${size} ${mtime} ${inode}` }];
      }),
  );
}

/** The error for a file that changed after Hornet examined it. */
export function changedSince(session: Session, path: string): HornetError {
  return new HornetError(`${path} on ${session.name} changed while Hornet used it`, { next: AGAIN });
}

/** Throws HornetError if a path is not a regular file: a read of a fifo may never end. */
export async function refuseIrregular(session: Session, paths: readonly string[]): Promise<void> {
  const text = await session.call({ what: "inspect files", run: "irregular_files", stdin: asLines(paths) });
  const [path = ""] = text.split("\n");
  if (path !== "") throw irregular(session, path);
}

function irregular(session: Session, path: string): HornetError {
  return new HornetError(`${path} on ${session.name} is not a regular file`, { next: "put the file itself there" });
}

/** Describes a machine, on which a snapshot made there will depend. */
export async function describeHost(session: Session): Promise<HostDescription> {
  const text = await session.call({
    what: "describe the droplet's processor and kernel",
    run: "describe_host",
  });
  const values = parseKeyValues(text);
  const value = (name: string): string => values.get(name) ?? "";
  return {
    cpu: value("cpu"),
    cpuFeatures: cpuFeatures(value("features")),
    kernel: value("kernel"),
  };
}

function asLines(paths: readonly string[]): string {
  return paths.map((path) => `${path}\n`).join("");
}
