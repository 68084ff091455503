/**
 * A snapshot that a stack with several droplets makes or brings once. The first droplet that needs it asks the others for it,
 * and makes or brings it if none has it; the others meanwhile wait, and then take it from there, all at the same time.
 */
import { artifactPaths } from "../../model/layout";
import { manifestDigest, type Manifest } from "../../firecracker/manifest";
import { missingFeatures } from "../../firecracker/cpu";
import { isSameGuest, type Recipe } from "../../firecracker/recipe";
import { messageOf } from "../../host/errors";
import { report } from "../../host/printable";
import type { Connection } from "../../model/connection";
import type { Droplet } from "../operation/droplet";
import type { Offer } from "../operation/snapshotShare";
import { artifactsThat } from "./byKey";
import { describeHost, inspectFiles } from "./files";
import type { Announce, Found } from "./fromBoot";
import { artifactFrom } from "./fromDroplet";
import { parseManifest, readManifest } from "./manifests";
import { originOf } from "./origin";
import { hasPeers, type ArtifactInputs, type PeerDroplet } from "./inputs";

/** The context of one artifact. */
interface Wanted {
  /** The digests that the stack keeps on the droplet. */
  readonly before: readonly string[];
  readonly announce: Announce;
  /** How a boot would make it. */
  readonly recipe?: Recipe;
}

/**
 * The artifact that `make` makes or brings, or the same one from another droplet of the stack.
 *
 * @param make runs on one droplet at a time, and only while no other has the artifact
 */
export async function broughtOnce(
  droplet: Droplet,
  desired: ArtifactInputs,
  wanted: Wanted,
  make: () => Promise<Found>,
): Promise<Found> {
  if (!hasPeers(desired)) return make();
  const share = droplet.snapshotShare(desired.owner, keyOf(desired));
  const offering = async (): Promise<{ found: Found; offer: Offer }> => {
    const found = await make();
    return { found, offer: offerOf(desired, found) };
  };
  if (await isHere(droplet, desired)) return share.own(offering);
  const host = await describeHost(droplet.session);
  const fits = ({ cpuFeatures }: Pick<Offer, "cpuFeatures">): boolean =>
    missingFeatures([...(cpuFeatures ?? [])], [...host.cpuFeatures]).length === 0;
  const result = await share.firstOrOffer(fits, () => findOffer(droplet, desired, wanted, fits), offering);
  if ("found" in result) return result.found;
  const { droplet: from, folder, digest } = result.offer;
  const source = { from: { droplet: from, path: folder } };
  const pinned: ArtifactInputs = { ...desired, source, digest: digest ?? desired.digest };
  const origin = await originOf(droplet, desired, from);
  const found = await artifactFrom(droplet, pinned, { droplet: from, path: folder }, wanted.before, wanted.announce);
  return { ...found, origin };
}

/** Only a folder of the config can be there already; the others are looked for by their digest. */
async function isHere(droplet: Droplet, { source }: ArtifactInputs): Promise<boolean> {
  if (!("path" in source)) return false;
  const { state } = artifactPaths(source.path);
  return (await inspectFiles(droplet.session, [state]))[state] !== undefined;
}

/** The droplets with the same source share it. */
function keyOf({ source, digest }: ArtifactInputs): string {
  return JSON.stringify([source, digest]);
}

function offerOf({ droplet }: ArtifactInputs, { folder, text, manifest }: Found): Offer {
  return { droplet, folder, digest: manifestDigest(text), cpuFeatures: manifest.cpuFeatures };
}

/** Asks the other droplets at once; one that cannot be reached has nothing to offer. */
async function findOffer(
  droplet: Droplet,
  desired: ArtifactInputs,
  { recipe }: Wanted,
  fits: (offer: Pick<Offer, "cpuFeatures">) => boolean,
): Promise<Offer | undefined> {
  const { peers = [] } = desired;
  const found = await Promise.all(
    peers.map((peer) =>
      offersOf(droplet, desired, peer, recipe).catch((error: unknown) => {
        report(`the snapshot is not looked for there: ${messageOf(error).split("\n")[0] ?? ""}`);
        return [];
      }),
    ),
  );
  return found.flat().find(fits);
}

async function offersOf(
  droplet: Droplet,
  { digest, source }: ArtifactInputs,
  { droplet: connection, dir }: PeerDroplet,
  recipe: Recipe | undefined,
): Promise<Offer[]> {
  const { session } = droplet.peer(connection);
  const isWanted = (manifest: Manifest, text: string): boolean =>
    digest === undefined ? recipe !== undefined && isSameGuest(manifest, recipe) : manifestDigest(text) === digest;
  const all = digest === undefined && recipe === undefined ? [] : await artifactsThat(session, dir, () => true);
  const made = all
    .filter(({ manifest, text }) => isWanted(manifest, text))
    .map(({ folder, text, manifest }) => ({
      ...{ droplet: connection, folder, digest: manifestDigest(text), cpuFeatures: manifest.cpuFeatures },
    }));
  return made.length > 0 || !("path" in source) ? made : folderOf(droplet, connection, source.path, digest);
}

/** A folder of the config on another droplet. */
async function folderOf(
  droplet: Droplet,
  connection: Connection,
  folder: string,
  digest: string | undefined,
): Promise<Offer[]> {
  const { session } = droplet.peer(connection);
  const { state } = artifactPaths(folder);
  if ((await inspectFiles(session, [state]))[state] === undefined) return [];
  const text = await readManifest(session, folder);
  if (text === "") return [{ droplet: connection, folder, digest: undefined, cpuFeatures: [] }];
  const { cpuFeatures } = parseManifest(text, folder);
  const own = manifestDigest(text);
  return digest === undefined || own === digest ? [{ droplet: connection, folder, digest: own, cpuFeatures }] : [];
}
