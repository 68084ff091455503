import { ARTIFACT, artifactFolder, digestHex } from "../../model/layout";
import { basename, dirname } from "node:path";
import type { z } from "zod";
import { manifestDigest, type Manifest } from "../../firecracker/manifest";
import { HornetError } from "../../host/errors";
import type { Session } from "../../host/session/session";
import type { Announce, Found } from "./fromBoot";
import { scratchNamespace } from "./scratch";
import { inspectFiles, type FileMarks } from "./files";
import type { ArtifactInputs, fromSource } from "./inputs";
import { artifactAt } from "./fromPath";
import { publish } from "./publish";
import { transfer } from "./transfer";
import { soundnessOf } from "./whole";
import type { Droplet } from "../operation/droplet";
import { parseManifest, readManifest, readSignature } from "./manifests";
import { verifyManifest } from "./signature";
import { whyUnproved } from "./trust";
import { fittingProgram } from "../vm/programs";

type From = z.infer<typeof fromSource>;

interface There {
  readonly folder: string;
  readonly text: string;
  readonly manifest: Manifest;
  readonly signature: string;
  readonly elsewhere?: Readonly<Record<string, string>>;
  /** Its files by name on this droplet, as they were when their digests were computed. */
  readonly marks?: FileMarks;
}

/**
 * The artifact of another droplet. Hornet transfers only files that this droplet lacks.
 *
 * @param kept the digests that this stack has on the droplet: a return to one of them does not need its source
 */
export async function artifactFrom(
  droplet: Droplet,
  desired: ArtifactInputs,
  from: From,
  kept: readonly string[],
  announce: Announce,
): Promise<Found> {
  const target = droplet.session;
  const origin = droplet.peer(from.droplet);
  const { digest } = desired;
  const sound = new Map<string, string>();
  if (digest !== undefined && kept.includes(digest)) {
    const here = await held(droplet, desired, digest, sound);
    if (here !== undefined && (await isSigned(droplet, desired, here))) return name(droplet, desired, here, announce);
  }
  const source = origin.session;
  const there = await find(origin, desired, from);
  const unproved = await whyUnproved({ source, from, text: there.text });
  if (unproved !== undefined) throw new HornetError(unproved);
  await refuseUnfit(droplet, desired, there);
  if (desired.signers !== undefined) {
    await verifyManifest(there.text, there.signature, desired.signers, there.folder, source.name);
  }
  const here = await held(droplet, desired, manifestDigest(there.text), sound);
  if (here !== undefined) return name(droplet, desired, { ...here, signature: there.signature }, announce);
  const hex = digestHex(manifestDigest(there.text));
  const vars = {
    namespace: scratchNamespace(desired),
    owner: desired.owner,
    dir_of_artifacts: desired.dir,
    digest: hex,
  };
  const { sent, ms, marks } = await transfer({
    source,
    target,
    folder: there.folder,
    elsewhere: there.elsewhere ?? {},
    vars,
    manifest: there.manifest,
    sound,
  });
  const found = await name(droplet, desired, { ...there, marks }, announce);
  return { ...found, timings: { transfer: ms }, transferred: sent };
}

/** Looks for the artifact on its source droplet: at the given path, then beside it. */
async function find(origin: Droplet, desired: ArtifactInputs, { path, droplet }: From): Promise<There> {
  const source = origin.session;
  const { digest } = desired;
  const hex = digest && digestHex(digest);
  const folders = [path, ...(hex === undefined ? [] : [`${dirname(path)}/${hex}`])];
  for (const folder of folders) {
    const text = await readManifest(source, folder);
    if (text === "") continue;
    refuseRenamed(text, folder, source);
    if (digest !== undefined && manifestDigest(text) !== digest) continue;
    const signature = await readSignature(source, folder);
    return { folder, text, manifest: parseManifest(text, folder), signature };
  }
  // A folder of the old layout has no manifest; Hornet examines it on its droplet.
  const examined =
    (await readManifest(source, path)) === "" ? await artifactAt(origin, { ...desired, droplet }, path) : undefined;
  if (examined !== undefined && (digest === undefined || manifestDigest(examined.text) === digest)) {
    // Parsed, because it consists of that droplet's answers.
    return { ...examined, manifest: parseManifest(examined.text, path), signature: "" };
  }
  throw new HornetError(`${source.name} has no snapshot ${digest ?? ""} any more, in ${path} or beside it`, {
    next: "pin one that it has (npm run promote -- FROM TO), or raise hornet:snapshot.keepGenerations there",
    document: "docs/promotion.md",
  });
}

/** Refuses a folder whose name is a digest other than its manifest's: somebody changed the manifest. */
function refuseRenamed(text: string, folder: string, source: Session): void {
  const name = basename(folder);
  const digest = manifestDigest(text);
  if (!/^[0-9a-f]{64}$/.test(name) || digest === `sha256:${name}`) return;
  throw new HornetError(
    `${folder}/${ARTIFACT.manifest} on ${source.name} was changed: it is ${digest}, and its folder's name says ${name}`,
    { next: "make the snapshot again there, or pin another one" },
  );
}

/** Whether an artifact needs no signature or has a valid one; otherwise its source may have a newer signature. */
async function isSigned(
  droplet: Droplet,
  desired: ArtifactInputs,
  { text, signature, folder }: There,
): Promise<boolean> {
  if (desired.signers === undefined) return true;
  return verifyManifest(text, signature, desired.signers, folder, droplet.name).then(
    () => true,
    () => false,
  );
}

async function refuseUnfit(droplet: Droplet, desired: ArtifactInputs, { manifest }: There): Promise<void> {
  const target = droplet.session;
  const further = (manifest.drives ?? []).map(({ path }) => path);
  const seen = further.length === 0 ? {} : await inspectFiles(target, further);
  for (const path of further) {
    if (seen[path] !== undefined) continue;
    throw new HornetError(
      `the snapshot's guests read a further disk ${path}, which is not on ${target.name}, and is not transferred`,
      { next: "put it there" },
    );
  }
  await fittingProgram(droplet, desired.firecracker, manifest.snapshotFormat);
}

/** This droplet's artifact of that digest, if it is whole. Puts the undamaged files of a damaged one into `sound`. */
async function held(
  droplet: Droplet,
  desired: ArtifactInputs,
  digest: string,
  sound: Map<string, string>,
): Promise<There | undefined> {
  const target = droplet.session;
  const folder = artifactFolder(desired.dir, digest);
  const text = await readManifest(target, folder);
  if (manifestDigest(text) !== digest) return undefined;
  const manifest = parseManifest(text, folder);
  const signature = await readSignature(target, folder);
  const found = await soundnessOf(droplet, desired, folder, manifest, "condemn");
  if (found.whole) return { folder, text, manifest, signature, marks: found.marks };
  for (const [file, path] of found.sound) sound.set(file, path);
  return undefined;
}

/** Names the artifact on this droplet: by its digest, and by the stable name that is baked into it. */
async function name(
  droplet: Droplet,
  desired: ArtifactInputs,
  { text, manifest, signature, marks = {} }: There,
  announce: Announce,
): Promise<Found> {
  if (desired.signers !== undefined) {
    await verifyManifest(
      text,
      signature,
      desired.signers,
      `${desired.dir}/${manifestDigest(text).slice(7)}`,
      droplet.name,
    );
  }
  announce(manifestDigest(text));
  const folder = await publish(droplet, desired, text, stableName(manifest), signature);
  return { folder, text, manifest, marks, timings: {} };
}

/** The folder's name that is baked into the snapshot; empty if another entry of the artifacts' folder could have it. */
function stableName({ diskPath }: Manifest): string {
  const own = basename(dirname(diskPath));
  return /^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/.test(own) && !/^[0-9a-f]{64}$/.test(own) ? own : "";
}
