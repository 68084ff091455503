import type { Artifact } from "../../firecracker/manifest";
import { readHead, type SnapshotHead } from "../../firecracker/snapshotHead";
import {
  newestOf,
  parsePrograms,
  pathsOf,
  programFor,
  programWords,
  unreadable,
  type Program,
  type ProgramPaths,
  type Programs,
} from "../../firecracker/programs";
import { HornetError } from "../../host/errors";
import type { Session } from "../../host/session/session";
import { parseManifest, readManifest } from "../artifact/manifests";

type Asked = Map<string, Promise<Programs>>;

let asked = new WeakMap<Session, Asked>();

/** Asks every program again that was asked in an earlier operation of this process. */
export function forgetPrograms(): void {
  asked = new WeakMap();
}

/** The Firecracker programs on a droplet, each asked once an operation. */
export function programsOn(session: Session, firecracker: ProgramPaths): Promise<Programs> {
  const known = asked.get(session) ?? new Map<string, Promise<Programs>>();
  asked.set(session, known);
  const paths = pathsOf(firecracker).join("\n");
  const answer =
    known.get(paths) ??
    session
      .call({ what: "ask Firecracker for its version", run: "list_programs", vars: { firecracker: paths } })
      .then(parsePrograms);
  known.set(paths, answer);
  // A droplet that did not answer is asked again.
  answer.catch(() => known.delete(paths));
  return answer;
}

/** The program that makes new snapshots: the newest. Throws HornetError where there is none. */
export async function newestProgram(session: Session, firecracker: ProgramPaths): Promise<Program> {
  const newest = newestOf((await programsOn(session, firecracker)).found);
  if (newest === undefined) throw noProgram(session, firecracker);
  return newest;
}

/** The program that restores a snapshot of this format. Throws HornetError that says what to do where none reads it. */
export async function fittingProgram(session: Session, firecracker: ProgramPaths, format: string): Promise<Program> {
  const { found } = await programsOn(session, firecracker);
  if (found.length === 0) throw noProgram(session, firecracker);
  const fitting = programFor(found, format);
  if (fitting === undefined) throw new HornetError(`${session.name}: ${unreadable(found, format)}`);
  return fitting;
}

function noProgram({ name }: Session, firecracker: ProgramPaths): HornetError {
  return new HornetError(
    `there is no Firecracker at ${pathsOf(firecracker).join(", ")} on ${name}; ` +
      "install Firecracker there, or set hornet:vmm.firecracker to where it is",
  );
}

/**
 * The program for a clone's VMM. A boot from the clone's disk needs no snapshot, so it runs on any program: where none reads
 * the snapshot, the newest boots it.
 *
 * @param note receives what the operator has to know of the choice
 */
export async function programForClone(
  session: Session,
  { firecracker, artifact, name }: { firecracker: ProgramPaths; artifact: Artifact; name: string },
  boots: boolean,
  note: (words: string) => void,
): Promise<Program> {
  const format = await formatOf(session, artifact.folder);
  if (!boots) return fittingProgram(session, firecracker, format);
  const { found } = await programsOn(session, firecracker);
  const fitting = programFor(found, format);
  if (fitting !== undefined) return fitting;
  const newest = await newestProgram(session, firecracker);
  note(
    `${name} on ${session.name}: no Firecracker there reads the format ${format} of its snapshot any more; its disk is ` +
      `booted by ${programWords(newest)}`,
  );
  return newest;
}

/** The snapshot format that an artifact's manifest names; empty where there is no manifest any more. */
async function formatOf(session: Session, folder: string): Promise<string> {
  const text = await readManifest(session, folder);
  return text === "" ? "" : parseManifest(text, folder).snapshotFormat;
}

/** What the head of a state file says; undefined where it is none that Hornet knows. */
export async function headOf(session: Session, path: string): Promise<SnapshotHead | undefined> {
  return readHead(await session.call({ what: "read the head of a snapshot", run: "snapshot_head", vars: { path } }));
}
