import type { Connection } from "../../model/connection";

/** A boot of the droplet's own kernel and image. */
export interface BootRequest {
  readonly name: string;
  /** Seconds until it is up. */
  readonly timeout: number;
  readonly bootArgs?: string;
}

/** The arguments of a drive; see drive.ts. */
export interface DriveRequest {
  readonly droplet: Connection;
  readonly count: number;
  /** A snapshot's folder on the droplet, or a boot of the droplet's own kernel and image. */
  readonly source: { readonly path: string } | { readonly boot: BootRequest };
  readonly firecracker: string;
  /** Seconds until a clone must be ready; 0: the drive does not wait. */
  readonly readyTimeout: number;
  /** Only bridge, namespaces and rules, one clone after the other. */
  readonly networkOnly?: boolean;
  /** Only the snapshot, which stays. */
  readonly snapshotOnly?: boolean;
  /** Shell code that runs on the droplet once the bridge exists, before the first clone, and while all clones exist. */
  readonly inspect?: string;
  /** The simulated droplet's name, if each clone is pinged from its restore on. */
  readonly pingFrom?: string;
  /** The simulated droplet's name, if clones get no identity but the drive waits for their ssh. */
  readonly untold?: string;
  /** A clone with another program in place of Firecracker, made before the others; nothing waits for it. */
  readonly beside?: Pick<DriveRequest, "firecracker"> & { readonly id: number; readonly limits: object };
  /** One clone after the other, each alone. */
  readonly inTurn?: boolean;
}

/** One call of a library function, in ms since the drive's start. */
export interface CallRecord {
  readonly run: string;
  readonly what: string;
  readonly start: number;
  readonly end: number;
}

/** The result of one clone. */
export interface DrivenClone {
  readonly name: string;
  /** How its disk was copied. */
  readonly disk: string;
  readonly pid: number;
  /** ms spent on network, disk, launch, load, identity, resume, ready; and ping: from the resume to the first answer, or ssh for a clone without identity. */
  readonly timings: Record<string, number>;
}

/** The measurements of a drive; times in ms. */
export interface DriveResult {
  /** Until the first shell on the droplet answered. */
  readonly connect: number;
  /** From the first to the last library call, without those that only read the snapshot. */
  readonly create: number;
  readonly destroy: number;
  /** The time in which the snapshot was read, examined or made before. */
  readonly snapshot: number;
  readonly calls: readonly CallRecord[];
  readonly clones: readonly DrivenClone[];
  /** The output of the shell code, before and after. */
  readonly inspected: readonly string[];
}
