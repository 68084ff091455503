import { digestHex } from "../../model/layout";
import { manifestDigest } from "../../firecracker/manifest";
import { scratchNamespace } from "./scratch";
import type { ArtifactInputs } from "./inputs";
import type { Droplet } from "../operation/droplet";

/**
 * Gives an artifact, from the stack's draft or an existing one, its name and the stack's owner label.
 *
 * @param name the stable name beside it
 * @param signature of the manifest; may be empty
 * @returns its folder
 */
export async function publish(
  droplet: Droplet,
  desired: ArtifactInputs,
  text: string,
  name: string,
  signature = "",
): Promise<string> {
  const digest = digestHex(manifestDigest(text));
  await droplet.call({
    what: "name the artifact",
    run: "publish_artifact",
    vars: {
      namespace: scratchNamespace(desired),
      owner: desired.owner,
      dir_of_artifacts: desired.dir,
      digest,
      name,
      signature,
    },
    stdin: text,
  });
  return `${desired.dir}/${digest}`;
}
