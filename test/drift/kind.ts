/** One kind of drift, on the clone vm0 of a fleet of two. */
export interface Drift {
  /** A short, unique name. */
  readonly kind: string;
  /** Bash that causes it, run in the droplet. `reboot` cuts the droplet's power instead. */
  readonly make: string;
  /** The message of a read, by resource; `…` stands for further text. */
  readonly says: Readonly<Record<string, string>>;
  /** Whether a new VMM runs vm0 afterwards. Default: no; its guest never noticed. */
  readonly restarts?: boolean;
  /** Whether it affects vm1 too. Default: no. */
  readonly everyClone?: boolean;
  /** Whether the drift destroys the content of the private disk. Default: no. */
  readonly losesDisk?: boolean;
  /** Bash that must succeed after the repair. */
  readonly check?: string;
  /** Bash that removes what the drift made in a stranger's name, which Hornet leaves. */
  readonly undo?: string;
}

/** A command in the namespace of vm0. */
export const inside = (command: string): string => `nsenter --net=/run/netns/vm0 ${command}`;

/** The folder of vm0. */
export const dir = "/opt/swarm/runtime/vm0";

/** The folder of the artifacts. */
export const artifacts = "/opt/swarm/snapshots";
