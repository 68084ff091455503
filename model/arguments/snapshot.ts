/** The arguments that declare a snapshot. */
import { z } from "zod";
import { defaults } from "../defaults";
import * as values from "../values";

/** A boot of a kernel and a root file system, which ends in a snapshot. */
export const bootFields = {
  /**
   * A file on the droplet.
   * @default /opt/swarm/images/vmlinux.bin
   */
  kernel: values.absolutePath.default(defaults.kernel),
  /**
   * A file on the droplet; Hornet copies it and never writes to it.
   * @default /opt/swarm/images/rootfs.ext4
   */
  rootfs: values.absolutePath.default(defaults.rootfs),
  /**
   * MiB
   * @default 128
   */
  memory: values.wholeNumber(16, 2 ** 24).default(128),
  /** @default 1 */
  vcpus: values.wholeNumber(1, 32).default(1),
  /** Further arguments on the kernel's command line. */
  bootArgs: values.bootArguments.optional(),
  /**
   * Seconds from power-on until the guest must be ready for its snapshot.
   * @default 120
   */
  timeout: values.seconds(1).default(120),
  /**
   * The stable name of the artifact's folder; it is part of the disk path that is baked into the snapshot.
   * @default hornet-guest
   */
  name: values.label.default("hornet-guest"),
};

/** A snapshot, wherever it comes from. */
export const snapshotArguments = {
  /**
   * The folder on the droplet for the artifacts that Hornet makes or brings.
   * @default /opt/swarm/snapshots
   */
  dir: values.absolutePath.default(defaults.artifacts),
  /** The only digest that will do. */
  digest: values.digest.optional(),
  /** Who may sign the manifest, as lines of an allowed-signers list; left out, it needs no signature. */
  signers: z.array(values.signer).min(1).optional(),
  /**
   * How many earlier artifacts stay on the droplet, so that going back needs no transfer.
   * @default 2
   */
  keepGenerations: values.wholeNumber(0, 1000).default(2),
  /**
   * Disks outside of the snapshot's folder that its guests may have although not every user of the droplet may read them: a
   * snapshot can name any file.
   */
  disks: z.array(values.absolutePath).min(1).optional(),
  /** The id of the clones' own network interface, in a snapshot that has several and no manifest. */
  guestInterface: values.deviceId.optional(),
  /**
   * Whether a CPU that lacks features of the one that made the snapshot is an error; otherwise it is a warning.
   * @default true
   */
  requireCpuFeatures: z.boolean().default(true),
};
