import { manifestDigest, type Manifest } from "../../firecracker/manifest";
import type { Session } from "../../host/session/session";
import { manifestIn } from "./manifests";

/** An artifact on a droplet. */
export interface Known {
  readonly folder: string;
  readonly text: string;
  readonly manifest: Manifest;
}

/**
 * The artifacts of a folder on a droplet whose manifests match. Ignores folders whose name is not their manifest's digest, and
 * manifests that Hornet cannot read.
 */
export async function artifactsThat(
  session: Session,
  dir: string,
  matches: (manifest: Manifest) => boolean,
): Promise<Known[]> {
  const vars = { dir_of_artifacts: dir };
  const answer = await session.call({ what: "list the snapshots", run: "list_manifests", vars });
  return answer.split("\n").flatMap((line) => {
    const [name = "", encoded = ""] = line.split(" ");
    const text = Buffer.from(encoded, "base64").toString("utf8");
    if (encoded === "" || manifestDigest(text) !== `sha256:${name}`) return [];
    const manifest = manifestIn(text);
    return manifest !== undefined && matches(manifest) ? [{ folder: `${dir}/${name}`, text, manifest }] : [];
  });
}
