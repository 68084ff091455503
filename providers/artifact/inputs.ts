import { z } from "zod";
import { artifactSchema } from "../../firecracker/manifest";
import { connectionSchema } from "../../model/connection";
import { commonInputs } from "../kit/definition";
import { absolutePath, cidr, interfaceName, ipv4, mac, programPaths } from "../../model/values";
import { defaults } from "../../model/defaults";

/** A fresh boot of a kernel and a root file system, snapshotted once the guest waits. */
export const bootSource = z.object({
  /** Absolute paths on the droplet. */
  kernel: absolutePath,
  rootfs: absolutePath,
  /** MiB */
  memory: z.number().int().min(16).default(128),
  vcpus: z.number().int().min(1).max(32).default(1),
  /** Further arguments on the kernel's command line. */
  bootArgs: z.string().optional(),
  /** The image's own cloud-init makes guests of it what they are (docs/identity.md); here, the template. */
  cloudInit: z.boolean().default(false),
  /** Put into the guest's disk before it boots: a folder or archive on the operator's machine, and its sha256. */
  agent: z.object({ path: z.string(), digest: z.string() }).optional(),
  /** Seconds until the guest must be up. */
  timeout: z.number().positive().default(120),
  /** The stable name of the artifact's folder; it is part of the disk path that is baked into the snapshot. */
  name: z
    .string()
    .regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/, "must be one folder's name")
    .default("hornet-guest"),
});

/** See {@link bootSource}. */
export type BootSource = z.infer<typeof bootSource>;

/** An artifact of another droplet. */
export const fromSource = z.object({
  droplet: connectionSchema,
  /** Its folder there; with a digest that it does not have, the folder of that digest beside it is meant. */
  path: absolutePath,
  /** The runtime folder of the fleet there that must have proved it; left out, none must. */
  proofs: absolutePath.optional(),
});

/** What a SnapshotArtifact is told. */
export const artifactInputs = commonInputs.extend({
  /** The folder on the droplet in which artifacts lie that Hornet made. */
  dir: absolutePath.default(defaults.artifacts),
  source: z.union([z.object({ path: absolutePath }), z.object({ boot: bootSource }), z.object({ from: fromSource })]),
  /** The only digest that will do. */
  digest: z
    .string()
    .regex(/^sha256:[0-9a-f]{64}$/, "must be sha256: and 64 hexadecimal digits")
    .optional(),
  /** Who may sign the manifest, as lines of an allowed-signers list; left out, it needs no signature. */
  signers: z.array(z.string()).optional(),
  /** How many earlier artifacts stay on the droplet, so that a way back needs no transfer. */
  keepGenerations: z.number().int().min(0).default(2),
  firecracker: programPaths.default(defaults.firecracker),
  guestAddress: ipv4.default(defaults.guestAddress),
  /** The guest's own MAC address, for a snapshot made by a boot; it is baked in, so all clones have it. */
  guestMac: mac.default("06:00:c0:a8:f1:02"),
  tap: interfaceName.default("tap0"),
  /** The id of the clones' own network interface, in a snapshot that has several and no manifest. */
  guestInterface: z.string().optional(),
  tapMac: mac.default(defaults.tapMac),
  tapAddress: cidr.default(defaults.tapAddress),
  /** Seconds that a guest which is woken for a trial gets to show how it can be told who it is; left out, vmmTimeout. */
  readyTimeout: z.number().nonnegative().optional(),
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
