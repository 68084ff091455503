import { ARTIFACT, artifactPaths } from "../../model/layout";
import { manifestDigest, manifestText } from "../../firecracker/manifest";
import type { Announce, Found } from "./fromBoot";
import { scratchNamespace } from "./scratch";
import { artifactsThat, type Known } from "./byKey";
import { hashFiles } from "./files";
import type { ArtifactInputs } from "./inputs";
import { bareKeys, examine, filesIn } from "./fromPath";
import { publish } from "./publish";
import { cleanUpAfter } from "../kit/cleanUpAfter";
import { commonVars } from "../operation/common";
import type { Droplet } from "../operation/droplet";

/**
 * The artifact of a folder without a manifest. Hornet makes a manifest once and keeps it under its digest like every other
 * one, with links to the files: it writes nothing into the folder and copies no file, and the digest stays the same if the
 * machine gets another kernel or Firecracker later.
 */
export async function bareArtifact(
  droplet: Droplet,
  desired: ArtifactInputs,
  path: string,
  announce: Announce,
): Promise<Found> {
  const begun = Date.now();
  const known = await findExamined(droplet, desired, path);
  if (known !== undefined) {
    announce(manifestDigest(known.text));
    await publish(droplet, desired, known.text, "");
    return { ...known, timings: { examine: Date.now() - begun } };
  }
  const { session } = droplet;
  const { manifest, elsewhere, marks } = await examine(droplet, desired, path);
  const text = manifestText(manifest);
  announce(manifestDigest(text));
  const vars = { ...commonVars(desired), namespace: scratchNamespace(desired), dir_of_artifacts: desired.dir };
  const links = Object.keys(manifest.files).map((name) => `${name} ${elsewhere[name] ?? `${path}/${name}`}\n`);
  const folder = await cleanUpAfter(
    async () => {
      await session.call({ what: `name the snapshot in ${path}`, run: "link_artifact", vars, stdin: links.join("") });
      return publish(droplet, desired, text, "");
    },
    async () => {
      await session.call({ what: "remove what a trial has left", run: "abort_boot", vars });
    },
  );
  return { folder, text, manifest, marks, timings: { examine: Date.now() - begun } };
}

/** The artifact that an earlier examination of the same content has made. */
async function findExamined(
  droplet: Droplet,
  desired: ArtifactInputs,
  path: string,
): Promise<Omit<Found, "timings"> | undefined> {
  const { session } = droplet;
  const hashes = await hashFiles(session, Object.keys(await filesIn(session, path)));
  const keys = bareKeys(desired, path, hashes);
  const fitting = await artifactsThat(session, desired.dir, ({ made }) => keys.includes(made.key));
  const order = ({ manifest }: Known): number => keys.indexOf(manifest.made.key);
  for (const known of fitting.sort((one, other) => order(one) - order(other))) {
    const { files, diskPath } = known.manifest;
    const own = hashes.get(artifactPaths(path).disk);
    const disk = diskPath === "" ? undefined : (own ?? (await hashFiles(session, [diskPath])).get(diskPath));
    if (files[ARTIFACT.disk]?.sha256 !== disk?.sha256) continue;
    const marks = [...hashes].map(([file, digest]): [string, string] => [file.slice(path.length + 1), digest.marks]);
    return { ...known, marks: { ...Object.fromEntries(marks), ...(disk && { [ARTIFACT.disk]: disk.marks }) } };
  }
  return undefined;
}
