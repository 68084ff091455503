/** The actual state of a droplet's kernel, processes and files, as host/facts.ts reads it. Plans compare it with the desired one. */

/** One link, as `ip -d addr show` lists it. */
export interface ObservedLink {
  readonly name: string;
  /** `veth`, `bridge`, `tun`; empty for a physical device. */
  readonly kind: string;
  /** False for a device that tun calls "one queue, not persistent". */
  readonly persistent: boolean;
  readonly up: boolean;
  /** A tap has a carrier only while a VMM holds it. */
  readonly carrier: boolean;
  readonly mac: string;
  readonly alias: string;
  /** The bridge that it is a port of, or empty. */
  readonly master: string;
  /** Whether the bridge port is isolated. */
  readonly isolated: boolean;
  /** IPv4 addresses with prefix: `10.0.0.9/24`. */
  readonly addresses: readonly string[];
  /** The name of the other network namespace's id for a veth, or -1. */
  readonly peerNamespace: number;
}

/** One IPv4 route of the main table. */
export interface ObservedRoute {
  readonly destination: string;
  readonly gateway: string;
  readonly device: string;
}

/** One nft table, read back from the kernel. */
export interface ObservedTable {
  readonly name: string;
  /** Chains with type, hook, priority and policy, as one comparable text each, in order. */
  readonly chains: readonly string[];
  /** Rules in order: their comment, and a comparable text of chain and expressions. */
  readonly rules: readonly { readonly comment: string; readonly text: string }[];
}

/** The content of a clone's network namespace. */
export interface ObservedNamespace {
  readonly links: readonly ObservedLink[];
  readonly routes: readonly ObservedRoute[];
  readonly tables: readonly ObservedTable[];
  readonly forwarding: boolean;
  /** The kernel takes a packet only from the interface that leads back to its source (rp_filter 1). */
  readonly strictSource?: boolean;
  /** The interfaces (and `all`, `default`) that would take an IPv6 configuration from a router on their link. */
  readonly ipv6?: readonly string[];
}

/** The limits of a VMM that runs, as the kernel shows them; see gather_limits in droplet/jail/cgroup.sh. */
export interface ObservedLimits {
  /** The version of cgroups; 0 if the droplet has none that Hornet can use. */
  readonly version: number;
  /** The controllers that the droplet offers. */
  readonly offered: readonly string[];
  /** The controllers in whose cgroup of this clone the VMM is. */
  readonly inside: readonly string[];
  /** What the files of that cgroup hold, by name. */
  readonly files: Readonly<Record<string, string>>;
  /** A number or `unlimited`; left out if Hornet may not change the limits of a process that runs. */
  readonly openFiles?: string;
  /** Bytes or `unlimited`; left out likewise. */
  readonly fileSize?: string;
}

/** A restart by the recovery keeper; see note_recovery in droplet/keepers/recovery.sh. */
export interface ObservedRecovery {
  /** Counts from 1; the droplet keeps the last ones only. */
  readonly number: number;
  /** Unix seconds. */
  readonly at: number;
  readonly succeeded: boolean;
  /** Whether its VMM hung; otherwise it had ended. */
  readonly hung: boolean;
  /** How the VMM before it ended. */
  readonly end: Pick<ObservedVm, "pid" | "exit" | "met">;
}

/** A difference between a jail, or the VMM in it, and the list that the VMM's start wrote; see droplet/jail/compare.pl. */
export interface ObservedJailFault {
  /** `missing`, `other`, `mode`, `owner`, `added`, `socket`, `link`, `list`; of the process `process`, `uid`, `gid`, `groups`, `capabilities`, `chroot`. */
  readonly what: string;
  /** From the root of the jail on; empty where it concerns no entry. */
  readonly path: string;
  /** What it is, and what it was at the start; empty where that says nothing. */
  readonly is: string;
  readonly was: string;
  /** Only another start repairs it. */
  readonly last: boolean;
}

/** A clone's VMM and its files. */
export interface ObservedVm {
  /** The pid recorded at launch, or 0; without a pid file, that of the process with its socket. */
  readonly pid: number;
  /** The process is the recorded one and runs. */
  readonly alive: boolean;
  /** The pid file has this pid. */
  readonly recorded: boolean;
  /** How it ended: exit code (128 + N for signal N, as in a shell) and time; empty if it runs, or if that is unknown. */
  readonly exit: string;
  /** The droplet has rebooted since it was started. */
  readonly rebooted: boolean;
  /** Clock ticks since boot at which it was started. */
  readonly startTime: string;
  /** It runs in the clone's namespace. */
  readonly inNamespace: boolean;
  /** Firecracker's state: `Running`, `Paused`, `Not started`; empty if the API does not answer. */
  readonly state: string;
  readonly version: string;
  /** Its process runs the program that was started as the VMM. */
  readonly ownProgram: boolean;
  /** The private disk: size in bytes, or -1 if there is none. */
  readonly diskSize: number;
  /** Its size when the VMM started; 0 if not recorded. */
  readonly diskWas: number;
  /** A guest has run on it, so its content matches no snapshot any more. */
  readonly diskUsed: boolean;
  /** The baked disk path inside its mount namespace is the private disk. */
  readonly diskMounted: boolean;
  /** The disk that it opened at its start is the private disk, whether that is still mounted there or not. */
  readonly ownDisk: boolean;
  /** The guest may open no connection until it has its identity (see droplet/guest/guest.sh). */
  readonly quarantined: boolean;
  /** It changed, and was not seen to be ready since. */
  readonly unverified: boolean;
  /** Its metadata may still hold its identity, and no process on the droplet will clear that. */
  readonly uncleared?: true;
  /** The digest of its guest's last identity; empty if sending it was cut off, undefined if not recorded. */
  readonly appliedIdentity?: string;
  /** Left out if it does not run. */
  readonly limits?: ObservedLimits;
  /** The rate limiters of its devices, by `drive ID` and `interface ID`; left out if Hornet set no rates. */
  readonly limiters?: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  /** The limits that its end met: bytes of memory for which the kernel killed it, and processes of which it could start no more. */
  readonly met?: { readonly memory?: string; readonly pids?: string };
  /** The kernel filters its system calls (seccomp); left out if it does not run. */
  readonly filtered?: boolean;
  /** A core dump of it would hold memory of its guest; left out if it does not run. */
  readonly dumpsMemory?: boolean;
  /** It runs in a jail; left out: it does not. */
  readonly jailed?: boolean;
  /** How its jail differs from the list that its start wrote; left out: no such list is recorded, or it was not compared. */
  readonly jailFaults?: readonly ObservedJailFault[];
  /** Identifies the call by which the recovery keeper would restart it; left out: it would not. */
  readonly recovery?: string;
  /** The restarts by the recovery keeper since its last start by an operation, in order; left out: none. */
  readonly recoveries?: readonly ObservedRecovery[];
  /** The mode of its folder, in octal; 700 protects disk, console and socket from other users. */
  readonly folderMode: string;
  /** The facts that Hornet wrote at launch: which artifact, which disk generation … */
  readonly record: Readonly<Record<string, string>>;
}

/** A folder below the runtime folder that has an owner. */
export interface ObservedClaim {
  readonly name: string;
  /** Its owner label. */
  readonly owner: string;
  /** The folder lost its owner label; the namespace of that name still has one. */
  readonly unmarked?: true;
}

/** A droplet at one moment. */
export interface Observed {
  /** Identifies the last taking of the droplet's lock. */
  readonly stamp?: string;
  readonly links: readonly ObservedLink[];
  readonly forwarding: boolean;
  readonly tables: readonly ObservedTable[];
  /** Every named network namespace, ours or not. */
  readonly namespaces: readonly string[];
  readonly claims: readonly ObservedClaim[];
  /** The owner labels of folders that are no clone's: of bridges, keepers and claims. */
  readonly owners?: readonly string[];
  /** The clones of this owner whose folder records them as pending: in no state yet. */
  readonly pending?: readonly string[];
  /** The bridges that the asking owner has claimed, and whether it made them. */
  readonly bridges: Readonly<Record<string, "ours" | "adopted">>;
  /** The keeper's limit in bytes for the consoles of the owner's clones; undefined without a keeper. */
  readonly consoleLimit?: number;
  /** The folder of the clones' metrics, and whether they are there; undefined without a collector. */
  readonly metrics?: { readonly folder: string; readonly written: boolean };
  /** The digest of the scripts that the recovery keeper runs; undefined without a keeper. */
  readonly recoveryKeeper?: string;
  /**
   * The guests' name server: the digest of its files, lines `NAME REASON`, and its faults: `label`, `resolver`,
   * `lost SET ADDRESS`, `foreign SET ADDRESS`. Left out where none works.
   */
  readonly names?: {
    readonly digest: string;
    readonly unresolved: readonly string[];
    readonly faults: readonly string[];
  };
  /** Details of the namespaces that the asking owner has claimed. */
  readonly inside: Readonly<Record<string, ObservedNamespace>>;
  readonly vms: Readonly<Record<string, ObservedVm>>;
}
