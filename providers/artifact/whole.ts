import type { Manifest } from "../../firecracker/manifest";
import { hashTolerantly, inspectFiles, type FileMarks } from "./files";
import { scratchNamespace } from "./scratch";
import type { ArtifactInputs } from "./inputs";
import { commonVars } from "../operation/common";
import type { Droplet } from "../operation/droplet";

/** What lies in an artifact's folder. */
export interface Soundness {
  /** Whether all of it is what its manifest says. */
  readonly whole: boolean;
  /** The files that are: name → path. */
  readonly sound: ReadonlyMap<string, string>;
  /** Size, mtime and inode of its files by name, as they were when their digests were computed. */
  readonly marks: FileMarks;
}

/**
 * Whether an artifact that lies on the droplet is what its manifest says, by the digest of every file. One that is not must
 * not be restored from, whoever uses it. VMs that run on it keep the files that they opened.
 *
 * @param folder below the folder of Hornet's own artifacts
 * @param otherwise what becomes of one that is not: `retire` takes it away; `condemn` takes its manifest only, so that the
 *   marks of its users are there when it is brought anew
 */
export async function soundnessOf(
  droplet: Droplet,
  wanted: ArtifactInputs,
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
    what: "take a damaged snapshot artifact away",
    run: `${otherwise}_artifact`,
    vars: {
      ...commonVars(wanted),
      namespace: scratchNamespace(wanted),
      dir_of_artifacts: wanted.dir,
      digest: folder.slice(folder.lastIndexOf("/") + 1),
    },
  });
  return { whole: false, sound, marks };
}
