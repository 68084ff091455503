import { ARTIFACT, artifactPaths } from "../model/layout";
import { createHash } from "node:crypto";
import { posix } from "node:path";
import { z } from "zod";
import { deviceId, interfaceName } from "../model/values";
import { devicesOf, devicesSchema, leanDevices, leanDevicesSchema } from "./devices";

const sha256 = z.string().regex(/^[0-9a-f]{64}$/);

/** A file's name, which becomes one on droplets, in a folder where Hornet keeps its own beside it. */
const fileName = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/, "must be a plain file name")
  .refine((name) => !name.startsWith(ARTIFACT.manifest), "must be another name than the manifest's");

/** Bytes: the largest file of ext4. */
const LARGEST = 2 ** 44;

/** A line of text. Control characters could forge lines wherever it is printed. */
const line = z
  .string()
  .max(4096)
  .regex(/^\P{Cc}*$/u, "must have no control characters");

/** Empty where the VM has no disk. */
const diskPath = line.refine((path) => !path.split("/").includes(".."), "must be a path without ..");

/** `manifest.json` of a snapshot artifact: what it is made of, what it needs, where it came from. */
export const manifestSchema = z.object({
  format: z.literal(1),
  /** By name, without a folder: they become files on droplets. */
  files: z
    .record(fileName, z.object({ sha256, size: z.number().int().nonnegative().max(LARGEST) }))
    .refine((files) => Object.keys(files).length <= 16, "must have at most 16 files")
    .refine((files) => ARTIFACT.state in files && ARTIFACT.memory in files, "must have vm.snapshot and vm.mem"),
  /** The Firecracker that made it: `1.16.1`. */
  firecracker: line,
  /** `firecracker --snapshot-version` of that one: `10.0.0`; the major number must fit at a restore. */
  snapshotFormat: line,
  /** Snapshots restore on the CPU model that they were made on. */
  cpu: line,
  /** The features of that CPU that a guest may go on using (see cpu.ts); left out where nobody noted them. */
  cpuFeatures: z
    .array(
      z
        .string()
        .max(100)
        .regex(/^[A-Za-z0-9_.]+$/),
    )
    .optional(),
  hostKernel: line,
  /** The network of every guest: its address, its MAC address, the tap's address. */
  guest: z.object({ address: line, mac: line, tap: line }),
  /**
   * The disk path that is baked into the snapshot; every clone gets its own disk at exactly that path. Empty where the
   * VM has no drive.
   */
  diskPath,
  /** Further disks that are baked in: read-only, at the same path on every droplet, shared by all clones. */
  drives: z.array(z.object({ id: deviceId, path: line, root: z.boolean().optional() })).optional(),
  /** The other devices; left out in manifests of before, whose VMs have the usual ones. */
  devices: devicesSchema.optional(),
  /** The vsock device that is baked in, and the path of its socket; every clone gets its own socket. */
  vsock: z.object({ cid: z.number().int().nonnegative(), path: line }).optional(),
  /** The tap that is baked in, and the guest interface it belongs to. */
  tap: interfaceName,
  iface: deviceId,
  /** MiB */
  memory: z.number().int().nonnegative(),
  vcpus: z.number().int().nonnegative(),
  /** `service`: the guest waits for its identity on the metadata service; `ssh`: it does not. */
  identity: z.enum(["service", "ssh"]),
  /**
   * `closed`: the guest's identity service lets nobody but root ask the metadata service, from the snapshot's first
   * instruction on. Left out by services of before, and by those that could not.
   */
  metadata: z.literal("closed").optional(),
  /** The kernel command line of a boot without the snapshot; empty where no kernel came along. */
  bootArgs: line,
  made: z.object({
    at: line,
    from: line,
    key: line,
    /** The inputs of a boot: the sha256 of the root file system, and the digest of the agent that was put into it. */
    rootfs: sha256.optional(),
    agent: line.optional(),
  }),
});

/** A parsed manifest. */
export type Manifest = z.infer<typeof manifestSchema>;

/** The manifest's text, as it lies on a droplet. */
export function manifestText(manifest: Manifest): string {
  return `${JSON.stringify(manifest, null, 2)}\n`;
}

/** The artifact's identity: the digest of its manifest's text, `sha256:…`. */
export function manifestDigest(text: string): string {
  return `sha256:${createHash("sha256").update(text).digest("hex")}`;
}

/** A clone's view of an artifact; the form in which resources pass it on. */
export const artifactSchema = z.object({
  digest: z.string(),
  /** The folder on the droplet with `vm.snapshot` and `vm.mem`. */
  folder: z.string(),
  /** The template disk that clones copy; empty where it is `rootfs.ext4` in the folder. */
  disk: z.string().default(""),
  diskPath: z.string(),
  drives: manifestSchema.shape.drives,
  vsock: manifestSchema.shape.vsock,
  /** Declared disks outside of the folder, which not every user of the droplet need be able to read. */
  disks: z.array(z.string()).optional(),
  /** Devices that are not the usual ones. */
  devices: leanDevicesSchema.optional(),
  tap: z.string().default("tap0"),
  iface: z.string().default("eth0"),
  guestMac: z.string(),
  identity: z.enum(["service", "ssh"]).default("service"),
  /** See the manifest; the service method needs it. */
  metadata: z.literal("closed").optional(),
  memory: z.number(),
  vcpus: z.number().default(1),
  /** The kernel for a boot from a clone's own disk, from the folder; empty where none came along. */
  kernel: z.string().default(""),
  /** Empty where they are the usual ones; see plan/vm/repair.ts. */
  bootArgs: z.string().default(""),
  /**
   * What it was made from, where this stack makes it: another artifact of the same key is as good, and what runs on this
   * one need not follow. Empty where the digest alone tells artifacts apart.
   */
  key: z.string().default(""),
});

/** See {@link artifactSchema}. */
export type Artifact = z.infer<typeof artifactSchema>;

/** The same where what is as usual is left out. */
export type LeanArtifact = z.input<typeof artifactSchema>;

/** The paths of an artifact's files on the droplet. A state of before has the kernel's whole path. */
export function filesOf({
  folder,
  disk,
  diskPath,
  kernel,
}: Pick<Artifact, "folder" | "disk" | "diskPath" | "kernel">): {
  readonly snapshot: string;
  readonly memory: string;
  /** The disk that clones copy; empty where the VM has none. */
  readonly disk: string;
  readonly kernel: string | undefined;
} {
  return {
    snapshot: artifactPaths(folder).state,
    memory: artifactPaths(folder).memory,
    disk: disk === "" && diskPath !== "" ? artifactPaths(folder).disk : disk,
    kernel: kernel === "" ? undefined : posix.resolve(folder, kernel),
  };
}

/**
 * The files that a snapshot names as devices of its guests, which are in no artifact and which no digest covers: any file of the
 * droplet. Those that the operator declared (hornet:snapshot.disks) are left out.
 */
export function undeclaredFiles(
  { drives = [], devices, iface }: Pick<Artifact, "drives" | "devices" | "iface">,
  declared: readonly string[] = [],
): string[] {
  const { pmem, initrd } = devicesOf({ devices, iface });
  const paths = [...drives, ...pmem].map(({ path }) => path);
  return [...paths, ...(initrd === null ? [] : [initrd])].filter((path) => !declared.includes(path));
}

/** An artifact in `folder` on a droplet; files that are `elsewhere` are listed by name. */
export function artifactIn(
  folder: string,
  digest: string,
  manifest: Manifest,
  elsewhere: Readonly<Record<string, string>> = {},
): Artifact {
  const has = (file: string): boolean => manifest.files[file] !== undefined;
  const devices = manifest.devices && leanDevices(manifest.devices, manifest.iface);
  return {
    digest,
    folder,
    disk: elsewhere[ARTIFACT.disk] ?? (has(ARTIFACT.disk) ? "" : manifest.diskPath),
    diskPath: manifest.diskPath,
    ...(manifest.drives && { drives: manifest.drives }),
    ...(manifest.vsock && { vsock: manifest.vsock }),
    ...(devices && { devices }),
    tap: manifest.tap,
    iface: manifest.iface,
    guestMac: manifest.guest.mac,
    identity: manifest.identity,
    ...(manifest.metadata && { metadata: manifest.metadata }),
    memory: manifest.memory,
    vcpus: manifest.vcpus,
    kernel: has(ARTIFACT.kernel) ? ARTIFACT.kernel : "",
    bootArgs: manifest.bootArgs,
    key: "",
  };
}

/** True where what runs on one artifact has nothing to gain from the other. */
export function isEquivalent(one: Pick<Artifact, "digest" | "key">, other: Pick<Artifact, "digest" | "key">): boolean {
  return one.digest === other.digest || (one.key !== "" && one.key === other.key);
}
