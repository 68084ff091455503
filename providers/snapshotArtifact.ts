import { artifactIn, manifestDigest } from "../firecracker/manifest";
import { HornetError } from "../host/errors";
import { bootArtifact, scratchNamespace, type Found } from "./artifactBoot";
import { fileDrift, inspectFiles } from "./artifactFiles";
import { artifactInputs, artifactOutputs, type ArtifactInputs, type ArtifactOutputs } from "./artifactInputs";
import { artifactAt } from "./artifactPath";
import { cleanUpAfter, makeProvider, type Definition } from "./define";
import { sessionFor } from "./droplet";

/**
 * Makes or finds the artifact. Where that fails in the end, this stack's use of it goes, unless it had it before.
 *
 * @param before the digests that the stack has kept so far, the newest first
 */
async function make(wanted: ArtifactInputs, before: readonly string[]): Promise<ArtifactOutputs> {
  const { source } = wanted;
  if ("path" in source) return settle(wanted, before, await artifactAt(wanted, source.path));
  const published: string[] = [];
  return cleanUpAfter(
    async () => settle(wanted, before, await bootArtifact(wanted, source.boot, (digest) => published.push(digest))),
    async () => {
      for (const digest of published.filter((one) => !before.includes(one))) await drop(wanted, digest);
    },
  );
}

async function settle(
  wanted: ArtifactInputs,
  before: readonly string[],
  { folder, text, manifest, timings }: Found,
): Promise<ArtifactOutputs> {
  const digest = manifestDigest(text);
  if (wanted.digest !== undefined && wanted.digest !== digest) {
    throw new HornetError(
      `the snapshot in ${folder} is ${digest}, but the configuration pins ${wanted.digest} (hornet:snapshot.digest)`,
    );
  }
  const files = Object.keys(manifest.files).map((name) => `${folder}/${name}`);
  const inputs = "boot" in wanted.source ? [wanted.source.boot.kernel, wanted.source.boot.rootfs] : [];
  // A folder that was there before us is no generation of ours: it is neither kept nor taken away.
  const made = "boot" in wanted.source ? [digest] : [];
  const generations = [...made, ...before.filter((other) => other !== digest)];
  for (const old of generations.splice(wanted.keepGenerations + made.length)) await drop(wanted, old);
  return {
    artifactDigest: digest,
    artifact: artifactIn(folder, digest, manifest),
    generations,
    files: await inspectFiles(sessionFor(wanted), [...files, ...inputs]),
    timings,
  };
}

/** Gives up this stack's use of one generation; what no stack uses goes. */
async function drop(inputs: ArtifactInputs, digest: string): Promise<void> {
  await sessionFor(inputs).call({
    what: "take away the snapshot artifact",
    run: "drop_artifact",
    vars: {
      owner: inputs.owner,
      dir_of_artifacts: inputs.dir,
      digest: digest.slice("sha256:".length),
      namespace: scratchNamespace(inputs),
    },
  });
}

const definition: Definition<ArtifactInputs, ArtifactOutputs> = {
  kind: "SnapshotArtifact",
  inputs: artifactInputs,
  outputs: artifactOutputs,
  replaceOn: ["droplet", "owner", "runtimeDir", "dir"],
  id: ({ source }) => ("path" in source ? source.path : source.boot.name),
  create: (wanted) => make(wanted, []),
  read: async (state) => {
    const seen = await inspectFiles(sessionFor(state), Object.keys(state.files));
    if (seen[state.artifact.snapshotPath] === undefined && "boot" in state.source) return "gone";
    return { outputs: artifactOutputs.parse(state), drift: fileDrift(state.files, seen) };
  },
  update: (state, wanted) => make(wanted, state.generations),
  delete: async (state) => {
    for (const digest of state.generations) await drop(state, digest);
  },
};

/** A snapshot that clones are restored from: one that lies on the droplet, or one made by a boot. */
export const provider = makeProvider(definition);
