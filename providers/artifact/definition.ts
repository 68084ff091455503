import { ARTIFACT, artifactPaths, digestHex } from "../../model/layout";
import { dirname } from "node:path";
import { artifactIn, filesOf, manifestDigest } from "../../firecracker/manifest";
import { HornetError } from "../../host/errors";
import { report } from "../../host/printable";
import { bareArtifact } from "./bare";
import { bootArtifact, type Announce, type Found } from "./fromBoot";
import { scratchNamespace } from "./scratch";
import { artifactFrom } from "./fromDroplet";
import { changedSince, fileDrift, inspectFiles } from "./files";
import { artifactInputs, artifactOutputs, type ArtifactInputs, type ArtifactOutputs } from "./inputs";
import { artifactAt } from "./fromPath";
import { ownerId } from "../../model/owner";
import { defaultBootArgs } from "../../plan/vm/repair";
import { cleanUpAfter } from "../kit/cleanUpAfter";
import { owned } from "../kit/owned";
import { commonVars } from "../operation/common";
import type { Droplet } from "../operation/droplet";
import { readManifest, readSignature } from "./manifests";
import { openFault } from "./openMetadata";
import { verifyManifest } from "./signature";

/**
 * Makes or finds the artifact. Where that fails in the end, this stack's use of it goes, unless it had it before.
 *
 * @param before the digests that the stack has kept so far, the newest first
 */
async function make(droplet: Droplet, wanted: ArtifactInputs, before: readonly string[]): Promise<ArtifactOutputs> {
  const { source } = wanted;
  const published: string[] = [];
  const announce = (digest: string): number => published.push(digest);
  return cleanUpAfter(
    async () => {
      const found =
        "from" in source
          ? await artifactFrom(droplet, wanted, source.from, before, announce)
          : await signed(
              droplet,
              wanted,
              "path" in source
                ? await pathArtifact(droplet, wanted, source.path, announce)
                : await bootArtifact(droplet, wanted, source.boot, announce),
            );
      return settle(droplet, wanted, before, found);
    },
    async () => {
      for (const digest of published.filter((one) => !before.includes(one))) await drop(droplet, wanted, digest);
    },
  );
}

async function pathArtifact(
  droplet: Droplet,
  wanted: ArtifactInputs,
  path: string,
  announce: Announce,
): Promise<Found> {
  const isBare = (await readManifest(droplet.session, path)) === "";
  return isBare ? bareArtifact(droplet, wanted, path, announce) : artifactAt(droplet, wanted, path);
}

/** Refuses what nobody of the signers has signed. */
async function signed(droplet: Droplet, wanted: ArtifactInputs, found: Found): Promise<Found> {
  if (wanted.signers === undefined) return found;
  const { session } = droplet;
  const signature = await readSignature(session, found.folder);
  await verifyManifest(found.text, signature, wanted.signers, found.folder, session.name);
  return found;
}

async function settle(
  droplet: Droplet,
  wanted: ArtifactInputs,
  before: readonly string[],
  { folder, text, manifest, timings, given = false, elsewhere = {}, transferred = 0, marks = {} }: Found,
): Promise<ArtifactOutputs> {
  const digest = manifestDigest(text);
  if (wanted.digest !== undefined && wanted.digest !== digest) {
    throw new HornetError(
      `the snapshot in ${folder} is ${digest}, but the configuration pins ${wanted.digest} (hornet:snapshot.digest)`,
    );
  }
  if (manifest.identity === "service" && manifest.metadata !== "closed") {
    report(openFault(`a clone of the snapshot in ${folder}`).message);
  }
  const { guestInterface } = wanted;
  if (guestInterface !== undefined && guestInterface !== manifest.iface) {
    throw new HornetError(
      `the snapshot in ${folder} was examined with the network interface ${manifest.iface} for its clones, and ` +
        `hornet:guest.interface is ${guestInterface}`,
      { next: `set it to ${manifest.iface}, or remove manifest.json from the folder` },
    );
  }
  const named = [...Object.keys(manifest.files), ARTIFACT.manifest, ...(wanted.signers ? [ARTIFACT.signature] : [])];
  const files = named.map((name) => elsewhere[name] ?? `${folder}/${name}`);
  const inputs = "boot" in wanted.source ? [wanted.source.boot.kernel, wanted.source.boot.rootfs] : [];
  // Our mark in it, and the stable name by which clones know it: what leads elsewhere shows another inode.
  const mark = `${folder}/.hornet-users/${ownerId(wanted.owner)}`;
  const name = artifactPaths(dirname(manifest.diskPath)).manifest;
  const ours = given ? [] : "path" in wanted.source ? [mark] : [mark, name];
  // A folder that was there before us is no generation of ours: it is neither kept nor taken away.
  const made = given ? [] : [digest];
  const all = [...made, ...before.filter((other) => other !== digest)];
  const generations = all.slice(0, wanted.keepGenerations + made.length);
  for (const old of all.slice(generations.length)) {
    // Clones that did not follow yet go on from what they have.
    if ((await drop(droplet, wanted, old, "prune_artifact")) === "used") generations.push(old);
  }
  const { session } = droplet;
  const seen = await inspectFiles(session, [...files, ...inputs, ...ours]);
  for (const [file, was] of Object.entries(marks)) {
    const path = elsewhere[file] ?? `${folder}/${file}`;
    if (seen[path] !== was) throw changedSince(session, path);
  }
  const artifact = artifactIn(folder, digest, manifest, elsewhere);
  const usual = defaultBootArgs(wanted.guestAddress, wanted.tapAddress);
  return {
    artifactDigest: digest,
    artifact: {
      ...artifact,
      // Both stand in the state of every clone, twice.
      bootArgs: artifact.bootArgs === usual ? "" : artifact.bootArgs,
      key: "boot" in wanted.source ? manifest.made.key.slice(0, 16) : "",
    },
    generations,
    files: seen,
    timings,
    transferred,
  };
}

/** Gives up this stack's use of one generation; what no stack uses goes. */
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

/** Artifacts that were one too many when clones still ran on them, and no clone does any more. */
async function unused(droplet: Droplet, state: ArtifactInputs & ArtifactOutputs): Promise<string[]> {
  const wanted = state.generations[0] === state.artifactDigest ? 1 : 0;
  const extra = state.generations.slice(state.keepGenerations + wanted);
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

/** The digests of Hornet's own artifacts that this stack uses, as lines for the droplet's calls. */
function digestLines({ generations }: ArtifactOutputs): string {
  return generations.map((digest) => `${digestHex(digest)}\n`).join("");
}

/** Artifacts that other users of the droplet can read: they hold a guest's memory and disk. */
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

/** Leaves the artifacts that the stack already has to root alone. */
async function closeToOthers(droplet: Droplet, state: ArtifactInputs & ArtifactOutputs): Promise<void> {
  await droplet.call({
    what: "close the artifacts to other users",
    run: "close_artifacts",
    vars: { ...commonVars(state), dir_of_artifacts: state.dir },
    stdin: digestLines(state),
  });
}

/** The stable name may lead to the artifact of another stack, which has the same one: clones mount over it in any case. */
async function sharesName(droplet: Droplet, state: ArtifactInputs & ArtifactOutputs): Promise<boolean> {
  const vars = { owner: state.owner, path: dirname(state.artifact.diskPath) };
  const said = await droplet.call({ what: "ask where a stable name leads", run: "is_shared", vars });
  return said === "shared";
}

/** A snapshot that clones are restored from: one that lies on the droplet, or one made by a boot. */
export const definition = owned<ArtifactInputs, ArtifactOutputs>({
  kind: "SnapshotArtifact",
  inputs: artifactInputs,
  outputs: artifactOutputs,
  replaceOn: ["droplet", "owner", "runtimeDir", "dir"],
  id: ({ source }) => ("boot" in source ? source.boot.name : "path" in source ? source.path : source.from.path),
  create: (droplet, wanted) => make(droplet, wanted, []),
  read: async (droplet, state) => {
    // Read like the rest of the droplet: when nobody else changes it.
    await droplet.observe(state, state.dir);
    const seen = await inspectFiles(droplet.session, Object.keys(state.files));
    if (seen[filesOf(state.artifact).snapshot] === undefined && !("path" in state.source)) return "gone";
    const name = artifactPaths(dirname(state.artifact.diskPath)).manifest;
    const [was, is] = [state.files[name], seen[name]];
    const elsewhere = was !== undefined && is !== undefined && was !== is && (await sharesName(droplet, state));
    const drift = fileDrift(state.files, elsewhere ? { ...seen, [name]: was } : seen);
    return {
      outputs: artifactOutputs.parse(state),
      drift: [...drift, ...(await readableByOthers(droplet, state)), ...(await unused(droplet, state))],
    };
  },
  update: async (droplet, state, wanted) => {
    await closeToOthers(droplet, state);
    return make(droplet, wanted, state.generations);
  },
  delete: async (droplet, state) => {
    for (const digest of state.generations) await drop(droplet, state, digest);
  },
});
