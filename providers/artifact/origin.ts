/**
 * The folder of the config on another droplet of the stack, from which this droplet got its snapshot. When somebody changes the
 * files there, that droplet moves to the new snapshot, and those that got the old one from it must follow.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { artifactPaths } from "../../model/layout";
import type { Connection } from "../../model/connection";
import type { Droplet } from "../operation/droplet";
import { inspectFiles, type FileMarks } from "./files";
import type { ArtifactInputs, Origin } from "./inputs";

/** ms that a refresh waits for the other droplet. One that was given back would otherwise delay each operation by a minute. */
const LOOK_MS = 10_000;

/** The origin of a snapshot that `from` offers; undefined if a change there would not matter. */
export async function originOf(
  droplet: Droplet,
  { source, digest }: ArtifactInputs,
  from: Connection,
): Promise<Origin | undefined> {
  if (!("path" in source) || digest !== undefined) return undefined;
  return { droplet: from, files: await marksIn(droplet.peer(from), source.path) };
}

/** Drift messages: whether the files at the origin differ from those that were transferred. */
export async function originDrift(
  droplet: Droplet,
  { source }: ArtifactInputs,
  origin: Origin | undefined,
): Promise<string[]> {
  if (origin === undefined || !("path" in source)) return [];
  const there = droplet.peer(origin.droplet);
  if (there.decommissioned) return [];
  // Nobody can follow a droplet that does not answer, or has the folder no more.
  const looking = marksIn(there, source.path).catch(() => ({}));
  const now: FileMarks = await Promise.race([looking, sleep(LOOK_MS, {}, { ref: false })]);
  if (now[artifactPaths(source.path).state] === undefined) return [];
  const isSame = Object.keys({ ...origin.files, ...now }).every((path) => now[path] === origin.files[path]);
  return isSame ? [] : [`the snapshot in ${source.path} on ${there.name} changed after it was transferred from there`];
}

function marksIn({ session }: Droplet, folder: string): Promise<FileMarks> {
  const { state, memory, disk, kernel, manifest } = artifactPaths(folder);
  return inspectFiles(session, [state, memory, disk, kernel, manifest]);
}
