import { z } from "zod";
import { artifactSchema } from "../../firecracker/manifest";
import { connectionSchema } from "../../model/connection";
import { commonInputs } from "../kit/definition";
import { guestArguments } from "../../model/arguments/network";
import { bootFields, snapshotArguments } from "../../model/arguments/snapshot";
import { vmArguments } from "../../model/arguments/vm";
import { absolutePath, operatorPath, seconds } from "../../model/values";

/** A fresh boot of a kernel and a root file system, snapshotted once the guest waits. */
export const bootSource = z.strictObject({
  ...bootFields,
  /** The image's own cloud-init makes guests of it what they are (docs/identity.md); here, the template. */
  cloudInit: z.boolean().default(false),
  /** Put into the guest's disk before it boots: a folder or archive on the operator's machine, and its sha256. */
  agent: z.strictObject({ path: operatorPath, digest: z.string() }).optional(),
});

/** See {@link bootSource}. */
export type BootSource = z.infer<typeof bootSource>;

/** An artifact of another droplet. */
export const fromSource = z.strictObject({
  droplet: connectionSchema,
  /** Its folder there; with a digest that it does not have, the folder of that digest beside it is meant. */
  path: absolutePath,
  /** The runtime folder of the fleet there that must have proved it; left out, none must. */
  proofs: absolutePath.optional(),
});

/** What a SnapshotArtifact is told. */
export const artifactInputs = commonInputs.extend({
  dir: snapshotArguments.dir,
  digest: snapshotArguments.digest,
  signers: snapshotArguments.signers,
  keepGenerations: snapshotArguments.keepGenerations,
  guestInterface: snapshotArguments.guestInterface,
  source: z.union([
    z.strictObject({ path: absolutePath }),
    z.strictObject({ boot: bootSource }),
    z.strictObject({ from: fromSource }),
  ]),
  firecracker: vmArguments.firecracker,
  ...guestArguments,
  /** Seconds that a guest which is woken for a trial gets to show how it can be told who it is; left out, vmmTimeout. */
  readyTimeout: seconds(0).optional(),
});

/** What a SnapshotArtifact knows of itself. */
export const artifactOutputs = z.object({
  artifactDigest: z.string(),
  artifact: artifactSchema,
  /** The digests of the artifacts that this stack made and keeps on the droplet, the newest first. */
  generations: z.array(z.string()),
  /** The files it depends on, with size, mtime and inode as they were. */
  files: z.record(z.string(), z.string()),
  /** ms spent: boot, snapshot, examine, or transfer. */
  timings: z.record(z.string(), z.number()),
  /** Bytes that went over the wire for it. */
  transferred: z.number().default(0),
});

/** See {@link artifactInputs}. */
export type ArtifactInputs = z.infer<typeof artifactInputs>;
/** See {@link artifactOutputs}. */
export type ArtifactOutputs = z.infer<typeof artifactOutputs>;
