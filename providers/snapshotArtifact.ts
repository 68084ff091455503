import { artifactIn, manifestDigest } from "../firecracker/manifest";
import { HornetError } from "../host/errors";
import { bootArtifact, scratchNamespace, type Found } from "./artifactBoot";
import { fileDrift, inspectFiles } from "./artifactFiles";
import { artifactInputs, artifactOutputs, type ArtifactInputs, type ArtifactOutputs } from "./artifactInputs";
import { artifactAt } from "./artifactPath";
import { makeProvider, type Definition } from "./define";
import { sessionFor } from "./droplet";

async function find(wanted: ArtifactInputs): Promise<Found> {
  return "path" in wanted.source ? artifactAt(wanted, wanted.source.path) : bootArtifact(wanted, wanted.source.boot);
}

/** Makes or finds the artifact; `before` are the digests that the stack has kept so far, the newest first. */
async function make(wanted: ArtifactInputs, before: readonly string[]): Promise<ArtifactOutputs> {
  const { folder, text, manifest, timings } = await find(wanted);
  const digest = manifestDigest(text);
  if (wanted.digest !== undefined && wanted.digest !== digest) {
    throw new HornetError(
      `the snapshot in ${folder} is ${digest}, but the configuration pins ${wanted.digest} (hornet:snapshot.digest)`,
    );
  }
  const files = Object.keys(manifest.files).map((name) => `${folder}/${name}`);
  const inputs = "boot" in wanted.source ? [wanted.source.boot.kernel, wanted.source.boot.rootfs] : [];
  const generations = [digest, ...before.filter((other) => other !== digest)];
  for (const old of generations.splice(wanted.keepGenerations + 1)) await drop(wanted, old);
  return {
    artifactDigest: digest,
    artifact: artifactIn(folder, digest, manifest),
    generations,
    files: await inspectFiles(sessionFor(wanted), [...files, ...inputs]),
    timings,
  };
}

/** Gives up this stack's use of one generation; what no stack uses goes. A folder that was there before us stays. */
async function drop(inputs: ArtifactInputs, digest: string): Promise<void> {
  if ("path" in inputs.source) return;
  await sessionFor(inputs).call({
    what: "take away the snapshot artifact",
    run: "drop_artifact",
    vars: {
      owner: inputs.owner,
      dir_of_artifacts: inputs.dir,
      digest: digest.slice("sha256:".length),
      name: inputs.source.boot.name,
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
