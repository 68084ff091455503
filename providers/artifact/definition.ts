import { ARTIFACT, artifactPaths, digestHex } from "../../model/layout";
import { dirname } from "node:path";
import { artifactIn, filesOf, manifestDigest, undeclaredFiles } from "../../firecracker/manifest";
import { HornetError } from "../../host/errors";
import { report } from "../../host/printable";
import { bareArtifact } from "./bare";
import { bootArtifact, type Announce, type Found } from "./fromBoot";
import { scratchNamespace } from "./scratch";
import { broughtOnce } from "./broughtOnce";
import { artifactFrom } from "./fromDroplet";
import { changedSince, fileDrift, inspectFiles } from "./files";
import { artifactInputs, artifactOutputs, type ArtifactInputs, type ArtifactOutputs } from "./inputs";
import { artifactAt } from "./fromPath";
import { refusePrivate } from "./privateDisks";
import { ownerId } from "../../model/owner";
import { defaultBootArgs } from "../../plan/vm/repair";
import { cleanUpAfter } from "../kit/cleanUpAfter";
import { owned } from "../kit/owned";
import { commonVars } from "../operation/common";
import type { Droplet } from "../operation/droplet";
import { readManifest, readSignature } from "./manifests";
import { originDrift } from "./origin";
import { openFault } from "./openMetadata";
import { verifyManifest } from "./signature";

/**
 * Makes or finds the artifact. If that fails, this stack's use of it ends, unless the stack used it before.
 *
 * @param before the digests that the stack keeps so far, the newest first
 */
async function make(droplet: Droplet, desired: ArtifactInputs, before: readonly string[]): Promise<ArtifactOutputs> {
  const { source } = desired;
  const published: string[] = [];
  const announce = (digest: string): number => published.push(digest);
  return cleanUpAfter(
    async () => {
      const found =
        "from" in source
          ? await broughtOnce(droplet, desired, { before, announce }, () =>
              artifactFrom(droplet, desired, source.from, before, announce),
            )
          : await signed(
              droplet,
              desired,
              "path" in source
                ? await broughtOnce(droplet, desired, { before, announce }, () =>
                    pathArtifact(droplet, desired, source.path, announce),
                  )
                : await bootArtifact(droplet, desired, source.boot, announce, (recipe, make) =>
                    broughtOnce(droplet, desired, { before, announce, recipe }, make),
                  ),
            );
      return settle(droplet, desired, before, found);
    },
    async () => {
      for (const digest of published.filter((one) => !before.includes(one))) await drop(droplet, desired, digest);
    },
  );
}

async function pathArtifact(
  droplet: Droplet,
  desired: ArtifactInputs,
  path: string,
  announce: Announce,
): Promise<Found> {
  const isBare = (await readManifest(droplet.session, path)) === "";
  return isBare ? bareArtifact(droplet, desired, path, announce) : artifactAt(droplet, desired, path);
}

/** Refuses an artifact that none of the signers has signed. */
async function signed(droplet: Droplet, desired: ArtifactInputs, found: Found): Promise<Found> {
  if (desired.signers === undefined) return found;
  const { session } = droplet;
  const signature = await readSignature(session, found.folder);
  await verifyManifest(found.text, signature, desired.signers, found.folder, session.name);
  return found;
}

async function settle(
  droplet: Droplet,
  desired: ArtifactInputs,
  before: readonly string[],
  { folder, text, manifest, timings, given = false, elsewhere = {}, transferred = 0, marks = {}, origin }: Found,
): Promise<ArtifactOutputs> {
  const digest = manifestDigest(text);
  if (desired.digest !== undefined && desired.digest !== digest) {
    throw new HornetError(
      `the snapshot in ${folder} is ${digest}, but the configuration pins ${desired.digest} (hornet:snapshot.digest)`,
    );
  }
  if (manifest.identity === "service" && manifest.metadata !== "closed") {
    report(openFault(`a clone of the snapshot in ${folder}`).message);
  }
  await refusePrivate(droplet.session, desired, undeclaredFiles(manifest));
  const { guestInterface, disks } = desired;
  if (guestInterface !== undefined && guestInterface !== manifest.iface) {
    throw new HornetError(
      `the snapshot in ${folder} was examined with the network interface ${manifest.iface} for its clones, and ` +
        `hornet:guest.interface is ${guestInterface}`,
      { next: `set it to ${manifest.iface}, or remove manifest.json from the folder` },
    );
  }
  const named = [...Object.keys(manifest.files), ARTIFACT.manifest, ...(desired.signers ? [ARTIFACT.signature] : [])];
  const files = named.map((name) => elsewhere[name] ?? `${folder}/${name}`);
  const inputs = "boot" in desired.source ? [desired.source.boot.kernel, desired.source.boot.rootfs] : [];
  // The owner label in it, and the stable name that clones use: if that leads elsewhere, the inode differs.
  const label = `${folder}/.hornet-users/${ownerId(desired.owner)}`;
  const name = artifactPaths(dirname(manifest.diskPath)).manifest;
  const ours = given ? [] : "path" in desired.source ? [label] : [label, name];
  // A folder that existed before is no generation of this stack: Hornet neither keeps nor removes it.
  const made = given ? [] : [digest];
  const all = [...made, ...before.filter((other) => other !== digest)];
  const generations = all.slice(0, desired.keepGenerations + made.length);
  for (const old of all.slice(generations.length)) {
    // Clones that still run an old generation keep it.
    if ((await drop(droplet, desired, old, "prune_artifact")) === "used") generations.push(old);
  }
  const { session } = droplet;
  const seen = await inspectFiles(session, [...files, ...inputs, ...ours]);
  for (const [file, was] of Object.entries(marks)) {
    const path = elsewhere[file] ?? `${folder}/${file}`;
    if (seen[path] !== was) throw changedSince(session, path);
  }
  const artifact = artifactIn(folder, digest, manifest, elsewhere);
  const usual = defaultBootArgs(desired.guestAddress, desired.tapAddress);
  return {
    artifactDigest: digest,
    artifact: {
      ...artifact,
      // Short, because the state contains both twice for every clone.
      bootArgs: artifact.bootArgs === usual ? "" : artifact.bootArgs,
      ...(disks && { disks }),
      key: "boot" in desired.source ? manifest.made.key.slice(0, 16) : "",
    },
    generations,
    files: seen,
    ...(origin && { origin }),
    timings,
    transferred,
  };
}

/** Ends this stack's use of one generation, and removes it if no stack uses it. */
async function drop(
  droplet: Droplet,
  inputs: ArtifactInputs,
  digest: string,
  run: "drop_artifact" | "prune_artifact" = "drop_artifact",
): Promise<string> {
  return droplet.call({
    what: "remove the snapshot artifact",
    run,
    vars: {
      ...commonVars(inputs),
      dir_of_artifacts: inputs.dir,
      digest: digestHex(digest),
      namespace: scratchNamespace(inputs),
    },
  });
}

/** Surplus artifacts that were kept because clones ran on them, which no clone does any more. */
async function unused(droplet: Droplet, state: ArtifactInputs & ArtifactOutputs): Promise<string[]> {
  const desired = state.generations[0] === state.artifactDigest ? 1 : 0;
  const extra = state.generations.slice(state.keepGenerations + desired);
  if (extra.length === 0) return [];
  const text = await droplet.call({
    what: "ask what runs on earlier snapshots",
    run: "list_unused",
    vars: commonVars(state),
    stdin: extra.map((digest) => `${digestHex(digest)}\n`).join(""),
  });
  const names = text.split("\n").filter((name) => name !== "");
  return names.map((name) => `the earlier snapshot sha256:${name} is not used any more`);
}

/** The digests of the artifacts that this stack made, as lines for the droplet's calls. */
function digestLines({ generations }: ArtifactOutputs): string {
  return generations.map((digest) => `${digestHex(digest)}\n`).join("");
}

/** Artifacts, which contain a guest's memory and disk, that other users of the droplet can read. */
async function readableByOthers(droplet: Droplet, state: ArtifactInputs & ArtifactOutputs): Promise<string[]> {
  const text = await droplet.call({
    what: "ask who can read the artifacts",
    run: "list_open",
    vars: { ...commonVars(state), dir_of_artifacts: state.dir },
    stdin: digestLines(state),
  });
  const names = text.split("\n").filter((name) => name !== "");
  return names.map((name) => `other users of the droplet can read the artifact sha256:${name}`);
}

/** Makes the stack's artifacts readable only to root. */
async function closeToOthers(droplet: Droplet, state: ArtifactInputs & ArtifactOutputs): Promise<void> {
  await droplet.call({
    what: "close the artifacts to other users",
    run: "close_artifacts",
    vars: { ...commonVars(state), dir_of_artifacts: state.dir },
    stdin: digestLines(state),
  });
}

/** Whether the stable name leads to another stack's artifact of the same name; clones mount over it anyway. */
async function sharesName(droplet: Droplet, state: ArtifactInputs & ArtifactOutputs): Promise<boolean> {
  const vars = { owner: state.owner, path: dirname(state.artifact.diskPath) };
  return (await droplet.call({ what: "ask where a stable name leads", run: "is_shared", vars })) === "shared";
}

/** A snapshot that clones are restored from: an existing one on this or another droplet, or one made by a boot. */
export const definition = owned<ArtifactInputs, ArtifactOutputs>({
  kind: "SnapshotArtifact",
  inputs: artifactInputs,
  outputs: artifactOutputs,
  replaceOn: ["droplet", "owner", "runtimeDir", "dir"],
  passive: ["peers"],
  id: ({ source }) => ("boot" in source ? source.boot.name : "path" in source ? source.path : source.from.path),
  create: (droplet, desired) => make(droplet, desired, []),
  read: async (droplet, state) => {
    // Waits until no other operation changes the droplet.
    await droplet.observe(state, state.dir);
    const seen = await inspectFiles(droplet.session, Object.keys(state.files));
    if (seen[filesOf(state.artifact).snapshot] === undefined && !("path" in state.source)) return "gone";
    const name = artifactPaths(dirname(state.artifact.diskPath)).manifest;
    const [was, is] = [state.files[name], seen[name]];
    const elsewhere = was !== undefined && is !== undefined && was !== is && (await sharesName(droplet, state));
    const drift = [
      ...fileDrift(state.files, elsewhere ? { ...seen, [name]: was } : seen),
      ...(await originDrift(droplet, state, state.origin)),
      ...(await readableByOthers(droplet, state)),
      ...(await unused(droplet, state)),
    ];
    return { outputs: artifactOutputs.parse(state), drift };
  },
  update: async (droplet, state, desired) => {
    await closeToOthers(droplet, state);
    return make(droplet, desired, state.generations);
  },
  delete: async (droplet, state) => {
    for (const digest of state.generations) await drop(droplet, state, digest);
  },
});
