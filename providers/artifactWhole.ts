import type { Manifest } from "../firecracker/manifest";
import { hashFiles, inspectFiles } from "./artifactFiles";
import { scratchNamespace } from "./artifactBoot";
import type { ArtifactInputs } from "./artifactInputs";
import { commonVars, sessionFor } from "./droplet";

/**
 * Whether an artifact that lies on the droplet is what its manifest says, by the digest of every file. One that is not is
 * taken away, whoever uses it: it would be restored from otherwise. VMs that run on it keep the files that they opened.
 *
 * @param folder below the folder of Hornet's own artifacts
 */
export async function isWhole(wanted: ArtifactInputs, folder: string, manifest: Manifest): Promise<boolean> {
  const session = sessionFor(wanted);
  const files = Object.entries(manifest.files).map(([name, file]) => ({ path: `${folder}/${name}`, ...file }));
  const paths = files.map(({ path }) => path);
  const there = await inspectFiles(session, paths);
  if (paths.every((path) => there[path] !== undefined)) {
    const hashes = await hashFiles(session, paths);
    if (files.every(({ path, sha256 }) => hashes.get(path)?.sha256 === sha256)) return true;
  }
  await session.call({
    what: "take a damaged snapshot artifact away",
    run: "retire_artifact",
    vars: {
      ...commonVars(wanted),
      namespace: scratchNamespace(wanted),
      dir_of_artifacts: wanted.dir,
      digest: folder.slice(folder.lastIndexOf("/") + 1),
    },
  });
  return false;
}
