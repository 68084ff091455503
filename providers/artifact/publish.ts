import { digestHex } from "../../model/layout";
import { manifestDigest } from "../../firecracker/manifest";
import { scratchNamespace } from "./scratch";
import type { ArtifactInputs } from "./inputs";
import type { Droplet } from "../operation/droplet";

/**
 * Gives the artifact whose files lie in the stack's draft, or that is there already, its name and the stack's mark.
 *
 * @param name the stable name beside it
 * @param signature of the manifest; empty where there is none
 * @returns its folder
 */
export async function publish(
  droplet: Droplet,
  wanted: ArtifactInputs,
  text: string,
  name: string,
  signature = "",
): Promise<string> {
  const digest = digestHex(manifestDigest(text));
  await droplet.call({
    what: "name the artifact",
    run: "publish_artifact",
    vars: {
      namespace: scratchNamespace(wanted),
      owner: wanted.owner,
      dir_of_artifacts: wanted.dir,
      digest,
      name,
      signature,
    },
    stdin: text,
  });
  return `${wanted.dir}/${digest}`;
}
