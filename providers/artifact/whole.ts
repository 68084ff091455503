import type { Manifest } from "../../firecracker/manifest";
import { hashTolerantly, inspectFiles, type FileMarks } from "./files";
import { scratchNamespace } from "./scratch";
import type { ArtifactInputs } from "./inputs";
import { commonVars } from "../operation/common";
import type { Droplet } from "../operation/droplet";

/** The result of verifying an artifact's files. */
export interface Soundness {
  /** Whether all files match the manifest. */
  readonly whole: boolean;
  /** The files that match: name → path. */
  readonly sound: ReadonlyMap<string, string>;
  /** Size, mtime and inode of its files by name, as they were when their digests were computed. */
  readonly marks: FileMarks;
}

/**
 * Verifies an artifact on the droplet by the digest of every file. No clone may be restored from a damaged one. VMs that run on
 * it keep the files that they opened.
 *
 * @param folder below the folder of the artifacts that Hornet made
 * @param otherwise for a damaged one: `retire` removes it; `condemn` removes only its manifest, so that it keeps its users'
 *   labels until it is transferred again
 */
export async function soundnessOf(
  droplet: Droplet,
  desired: ArtifactInputs,
  folder: string,
  manifest: Manifest,
  otherwise: "retire" | "condemn",
): Promise<Soundness> {
  const { session } = droplet;
  const files = Object.entries(manifest.files).map(([name, { sha256 }]) => ({
    name,
    path: `${folder}/${name}`,
    sha256,
  }));
  const paths = files.map(({ path }) => path);
  const there = await inspectFiles(session, paths);
  const hashes = await hashTolerantly(
    session,
    paths.filter((path) => there[path] !== undefined),
  );
  const sound = new Map(
    files
      .filter(({ path, sha256 }) => hashes.get(path)?.sha256 === sha256)
      .map(({ name, path }): [string, string] => [name, path]),
  );
  const marks = Object.fromEntries(files.map(({ name, path }) => [name, hashes.get(path)?.marks ?? ""]));
  if (sound.size === files.length) return { whole: true, sound, marks };
  await session.call({
    what: "remove a damaged snapshot artifact",
    run: `${otherwise}_artifact`,
    vars: {
      ...commonVars(desired),
      namespace: scratchNamespace(desired),
      dir_of_artifacts: desired.dir,
      digest: folder.slice(folder.lastIndexOf("/") + 1),
    },
  });
  return { whole: false, sound, marks };
}
