import { z } from "zod";
import { artifactSchema } from "../../firecracker/manifest";
import { connectionSchema } from "../../model/connection";
import { commonInputs } from "../kit/definition";
import { guestArguments } from "../../model/arguments/network";
import { bootFields, snapshotArguments } from "../../model/arguments/snapshot";
import { identityMethods, vmArguments } from "../../model/arguments/vm";
import { absolutePath, operatorPath, seconds } from "../../model/values";

/** A boot of a kernel and a root file system, snapshotted once the guest waits. */
export const bootSource = z.strictObject({
  ...bootFields,
  /** The image's cloud-init applies the identity in its guests (docs/identity.md); here, in the template. */
  cloudInit: z.boolean().default(false),
  /** Copied to the guest's disk before it boots: a folder or archive on the operator's machine, and its sha256. */
  agent: z.strictObject({ path: operatorPath, digest: z.string() }).optional(),
});

/** See {@link bootSource}. */
export type BootSource = z.infer<typeof bootSource>;

/** An artifact of another droplet. */
export const fromSource = z.strictObject({
  droplet: connectionSchema,
  /** Its folder there; if its digest is not the pinned one, Hornet uses the folder of that digest beside it. */
  path: absolutePath,
  /** The runtime folder of the fleet there that must have proved it. Default: no proof needed. */
  proofs: absolutePath.optional(),
});

/** Another droplet of the stack, from which a snapshot can come that is made or brought once. */
export const peerDroplet = z.strictObject({
  droplet: connectionSchema,
  /** The folder there for the snapshots that Hornet makes or brings. */
  dir: absolutePath,
});

/** See {@link peerDroplet}. */
export type PeerDroplet = z.infer<typeof peerDroplet>;

/** The folder of the config on another droplet of the stack, from which this droplet got its snapshot; see origin.ts. */
export const originSchema = z.object({
  droplet: connectionSchema,
  /** Size, mtime and inode of the files in the folder, before they were transferred. */
  files: z.record(z.string(), z.string()),
});

/** See {@link originSchema}. */
export type Origin = z.infer<typeof originSchema>;

/** The arguments of a SnapshotArtifact. */
export const artifactInputs = commonInputs.extend({
  dir: snapshotArguments.dir,
  digest: snapshotArguments.digest,
  signers: snapshotArguments.signers,
  keepGenerations: snapshotArguments.keepGenerations,
  guestInterface: snapshotArguments.guestInterface,
  disks: snapshotArguments.disks,
  source: z.union([
    z.strictObject({ path: absolutePath }),
    z.strictObject({ boot: bootSource }),
    z.strictObject({ from: fromSource }),
  ]),
  /** The other droplets of the stack that have the same source. They matter only while an artifact is made. */
  peers: z.array(peerDroplet).optional(),
  firecracker: vmArguments.firecracker,
  jailer: vmArguments.jailer,
  uids: vmArguments.uids,
  ...guestArguments,
  /** The identity method of the clones, if the config declares one. Default: the one that a trial of the guest shows. */
  identity: z.enum(identityMethods).optional(),
  /** Seconds in which a guest that is resumed for a trial must show its identity method. Default: vmmTimeout. */
  readyTimeout: seconds(0).optional(),
});

/** The outputs of a SnapshotArtifact. */
export const artifactOutputs = z.object({
  artifactDigest: z.string(),
  artifact: artifactSchema,
  /** The digests of the artifacts that this stack made and keeps on the droplet, the newest first. */
  generations: z.array(z.string()),
  /** Size, mtime and inode of the files that it depends on, when it was made. */
  files: z.record(z.string(), z.string()),
  /** Where it came from, if that is a folder on another droplet of the stack that may change. */
  origin: originSchema.optional(),
  /** ms spent: boot, snapshot, examine, or transfer. */
  timings: z.record(z.string(), z.number()),
  /** Bytes that were transferred for it. */
  transferred: z.number().default(0),
});

/** See {@link artifactInputs}. */
export type ArtifactInputs = z.infer<typeof artifactInputs>;
/** See {@link artifactOutputs}. */
export type ArtifactOutputs = z.infer<typeof artifactOutputs>;

/** Whether the artifact can come from another droplet of the stack. */
export function hasPeers({ peers = [] }: Pick<ArtifactInputs, "peers">): boolean {
  return peers.length > 0;
}
