import { manifestDigest, manifestSchema, type Manifest } from "../firecracker/manifest";
import type { Session } from "../host/session";

/** An artifact that was made from the same as what is wanted. */
export interface Known {
  readonly folder: string;
  readonly text: string;
  readonly manifest: Manifest;
}

/** Looks among the artifacts of a folder for those of a key; what is not what its name says is left out. */
export async function artifactsByKey(session: Session, dir: string, key: string): Promise<Known[]> {
  const what = "look for an artifact that was made from the same";
  const names = await session.call({ what, run: "find_boot", vars: { dir_of_artifacts: dir, key } });
  const found: Known[] = [];
  for (const name of names.split("\n").filter((line) => line !== "")) {
    const folder = `${dir}/${name}`;
    const text = await session.call({ what: "read a manifest", run: "read_manifest", vars: { path: folder } });
    if (manifestDigest(text) !== `sha256:${name}`) continue;
    found.push({ folder, text, manifest: manifestSchema.parse(JSON.parse(text)) });
  }
  return found;
}
