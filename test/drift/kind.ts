/** One way in which a droplet comes to differ from what is declared, seen on the clone vm0 of a fleet of two. */
export interface Drift {
  /** In a few words, unique. */
  readonly kind: string;
  /** How it is made: bash, run in the droplet. `reboot` pulls its plug instead. */
  readonly make: string;
  /** What a read says, by resource; a text, with `…` for what else it may say there. */
  readonly says: Readonly<Record<string, string>>;
  /** Whether a new VMM runs vm0 afterwards. Default: no; its guest never noticed. */
  readonly restarts?: boolean;
  /** Whether it befalls vm1 as well. Default: no. */
  readonly everyClone?: boolean;
  /** Whether the drift took the content of the private disk along. Default: no. */
  readonly losesDisk?: boolean;
  /** Bash that must succeed after the repair. */
  readonly check?: string;
  /** Bash that takes away what was made, is nobody's but a stranger's, and therefore stays. */
  readonly undo?: string;
}

/** A command in the namespace of vm0. */
export const inside = (command: string): string => `nsenter --net=/run/netns/vm0 ${command}`;

/** The folder of vm0. */
export const dir = "/opt/swarm/runtime/vm0";

/** The folder of the artifacts. */
export const artifacts = "/opt/swarm/snapshots";
