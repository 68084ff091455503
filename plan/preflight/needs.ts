import type { JailerSetting } from "../../firecracker/jailer";
import type { ProgramPaths } from "../../firecracker/programs";
import type { FleetNetwork } from "./fleetNetwork";
import type { DeclaredLimits } from "./vmLimits";
import type { SnapshotHead } from "../../firecracker/snapshotHead";

/** What a fleet needs of its droplet. */
export interface Needs {
  readonly firecracker: ProgramPaths;
  /** `hornet:vmm.jailer`. */
  readonly jailer?: JailerSetting;
  readonly runtimeDir: string;
  readonly artifactsDir: string;
  /** Clones that are not there yet. */
  readonly newClones: number;
  /** Clones that get a new disk while their old one is there yet: of those that move to another snapshot, so many at once. */
  readonly rolling: number;
  /** All clones of the fleet. */
  readonly clones: number;
  /** All clones on the droplet once the fleet is there, those of other stacks included. */
  readonly allClones: number;
  /** The declared limits of VMMs; left out where they are not known. */
  readonly limits?: readonly DeclaredLimits[] | undefined;
  /** The bridge's name. */
  readonly bridge: string;
  /** Left out where it is not known: a state of an earlier version has none. */
  readonly network?: FleetNetwork | undefined;
  /** Commands at once over one connection. */
  readonly lanes: number;
  /** The droplet is another machine than this one. */
  readonly overSsh: boolean;
  /** Files that must be there, with the key that names each. */
  readonly files: readonly { readonly path: string; readonly key: string }[];
  /** A CPU that lacks features of the one that the snapshot was made on is a fault, not a warning. */
  readonly requireCpuFeatures: boolean;
  /** What the snapshot will ask of the droplet. */
  readonly outlook: Outlook;
  /** The operator's clock, seconds since 1970. */
  readonly clock: number;
}

/** What is known of the snapshot that a fleet will run, be it there or still to come. */
export interface Outlook {
  /** What it was made with and on. */
  readonly made?: Made | undefined;
  /** The state file of a snapshot that has no manifest: its head, and what Firecracker itself says of it. */
  readonly described?:
    { readonly stateFile: string; readonly head: SnapshotHead | undefined; readonly said: string } | undefined;
  /** A guest's memory in MiB; 0 where it is not known yet. */
  readonly memory: number;
  /** KiB that a copy of the disk takes where nothing is shared. */
  readonly disk: number;
  /** The device (stat(1), %d) that the disk to be copied is on; left out, that of the artifacts' folder. */
  readonly device?: string | undefined;
  /** KiB that are still to be written into the artifacts' folder. */
  readonly arriving: number;
}

/** What a snapshot was made with and on. */
export interface Made {
  readonly format: string;
  readonly cpu: string;
  /** Left out where nobody noted them. */
  readonly cpuFeatures?: readonly string[] | undefined;
}

/** Where nothing is known of a snapshot. */
export const UNKNOWN_SNAPSHOT: Outlook = { memory: 0, disk: 0, arriving: 0 };
