import type { Artifact } from "../../firecracker/manifest";
import { readHead, type SnapshotHead } from "../../firecracker/snapshotHead";
import {
  newestOf,
  pathsOf,
  programFor,
  programWords,
  unreadable,
  type Program,
  type ProgramPaths,
} from "../../firecracker/programs";
import { HornetError } from "../../host/errors";
import type { Session } from "../../host/session/session";
import type { Droplet } from "../operation/droplet";

/** The program that makes new snapshots: the newest. Throws HornetError where there is none. */
export async function newestProgram(droplet: Droplet, firecracker: ProgramPaths): Promise<Program> {
  const newest = newestOf((await droplet.programs.at(firecracker)).found);
  if (newest === undefined) throw noProgram(droplet, firecracker);
  return newest;
}

/** The program that restores a snapshot of this format. Throws HornetError that says what to do where none reads it. */
export async function fittingProgram(droplet: Droplet, firecracker: ProgramPaths, format: string): Promise<Program> {
  const { found } = await droplet.programs.at(firecracker);
  if (found.length === 0) throw noProgram(droplet, firecracker);
  const fitting = programFor(found, format);
  if (fitting === undefined) throw new HornetError(`${droplet.name}: ${unreadable(found, format)}`);
  return fitting;
}

function noProgram({ name }: Droplet, firecracker: ProgramPaths): HornetError {
  return new HornetError(`there is no Firecracker at ${pathsOf(firecracker).join(", ")} on ${name}`, {
    next: "install Firecracker there, or set hornet:vmm.firecracker to where it is",
  });
}

/**
 * The program for a clone's VMM. A boot from the clone's disk needs no snapshot, so it runs on any program: where none reads
 * the snapshot, the newest boots it.
 *
 * @param note receives what the operator has to know of the choice
 */
export async function programForClone(
  droplet: Droplet,
  { firecracker, artifact, name }: { firecracker: ProgramPaths; artifact: Artifact; name: string },
  boots: boolean,
  note: (words: string) => void,
): Promise<Program> {
  const format = await droplet.snapshotFormats.of(artifact.folder);
  if (!boots) return fittingProgram(droplet, firecracker, format);
  const { found } = await droplet.programs.at(firecracker);
  const fitting = programFor(found, format);
  if (fitting !== undefined) return fitting;
  const newest = await newestProgram(droplet, firecracker);
  note(
    `${name} on ${droplet.name}: no Firecracker there reads the format ${format} of its snapshot any more; its disk is ` +
      `booted by ${programWords(newest)}`,
  );
  return newest;
}

/** What the head of a state file says; undefined where it is none that Hornet knows. */
export async function headOf(session: Session, path: string): Promise<SnapshotHead | undefined> {
  return readHead(await session.call({ what: "read the head of a snapshot", run: "snapshot_head", vars: { path } }));
}
