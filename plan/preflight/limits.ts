import type { DropletFacts, Say } from "./facts";

/** How many clones a droplet's kernel has to bear. */
export interface Load {
  /** Clones that are not there yet. */
  readonly newClones: number;
  /** All clones on the droplet once they are, those of other stacks included. */
  readonly allClones: number;
}

/** A sysctl(8) to be raised for a fleet, and given back when the stack leaves. */
export interface Raise {
  readonly key: string;
  readonly to: number;
}

interface Limit {
  readonly key: string;
  /** The least value that will do. */
  readonly needs: (facts: DropletFacts, load: Load) => number;
  /** What happens below it where it cannot be raised: nothing starts, or it works badly. */
  readonly stops: boolean;
}

/** Tasks of a clone: the VMM's threads, its waiting parent, and what starts and looks at it for a moment. */
export const TASKS = 8;
/** Files that a VMM has open: Firecracker some 20, more with each queue and vCPU. */
const FILES = 64;
/** Entries of a clone in the ARP table, which all namespaces share: the clone, its gateway, its guest, one more. */
const NEIGHBOURS = 4;
/** The same for IPv6, which the kernel speaks by itself on each new link: 13.5 were counted while clones came up. */
const NEIGHBOURS6 = 16;
/** Connections that are tracked of one clone on the droplet's way out. */
const CONNECTIONS = 256;

const stops = { stops: true } as const;
const warns = { stops: false } as const;
const tasks: Limit["needs"] = (facts, { newClones }) => number(facts, "tasks") + spare(newClones * TASKS);
const namespaces: Limit["needs"] = (facts, { newClones }) => number(facts, "namespaces") + spare(newClones);

/** Thresholds of a neighbour table: from the second on entries are thrown out, at the third no more are taken. */
function neighbours(family: string, each: number): Limit[] {
  const shares = [
    ["gc_thresh1", 1 / 8],
    ["gc_thresh2", 1 / 2],
    ["gc_thresh3", 1],
  ] as const;
  return shares.map(([name, share]) => ({
    key: `net.${family}.neigh.default.${name}`,
    needs: (_facts, { allClones }) => spare(allClones * each) * share,
    ...warns,
  }));
}

/** Limits of the kernel that grow with the number of clones, and that a process with all rights may raise. */
const LIMITS: readonly Limit[] = [
  { key: "kernel.pid_max", needs: tasks, ...stops },
  { key: "kernel.threads-max", needs: tasks, ...stops },
  {
    key: "fs.file-max",
    needs: (facts, { newClones }) => number(facts, "open_files") + spare(newClones * FILES),
    ...stops,
  },
  { key: "user.max_net_namespaces", needs: namespaces, ...stops },
  { key: "user.max_mnt_namespaces", needs: namespaces, ...stops },
  ...neighbours("ipv4", NEIGHBOURS),
  ...neighbours("ipv6", NEIGHBOURS6),
  { key: "net.netfilter.nf_conntrack_max", needs: (_facts, { allClones }) => allClones * CONNECTIONS, ...warns },
];

/** The names that the library's `limit_facts` is to read. */
export const LIMIT_KEYS: readonly string[] = LIMITS.map(({ key }) => key);

/** Room for what is on the droplet beside the fleet; none is asked for where no clone comes. */
function spare(amount: number): number {
  return amount === 0 ? 0 : amount + 256;
}

/**
 * Holds the kernel's limits against a fleet. One that is not there, or cannot be read, limits nothing.
 *
 * @returns what is to be raised; of what is too low and cannot be raised it is said
 */
export function judgeLimits(facts: DropletFacts, load: Load, { fault, warn }: Say): Raise[] {
  return LIMITS.flatMap(({ key, needs, stops: stopsAll }) => {
    const [value = "", mode = ""] = (facts.get(`limit.${key}`) ?? "").split(" ");
    const needed = Math.ceil(needs(facts, load));
    if (value === "" || Number(value) >= needed) return [];
    // Whole powers of two, so that a few clones more are no other value.
    const to = 2 ** Math.ceil(Math.log2(needed));
    if (mode === "w") return [{ key, to }];
    const say = stopsAll ? fault : warn;
    say(
      `${key} is ${value}; with ${load.allClones} clones on the droplet it must be ${needed}, and it cannot be raised ` +
        `from here: sysctl -w ${key}=${to}`,
    );
    return [];
  });
}

/** A limit that this stack has raised, as its folder on the droplet, or its state, remembers it. */
export interface Raised {
  readonly key: string;
  readonly before: number;
  readonly to: number;
}

/** Parses lines "KEY BEFORE TO". */
export function parseRaised(text: string): Raised[] {
  return text
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => {
      const [key = "", before, to] = line.split(" ");
      return { key, before: Number(before), to: Number(to) };
    });
}

/** The lines that {@link parseRaised} parses, of what the library's `limit_facts` says. */
export function raisedText(facts: DropletFacts): string {
  const lines = [...facts].filter(([key]) => key.startsWith("raised."));
  return lines.map(([key, value]) => `${key.slice("raised.".length)} ${value}\n`).join("");
}

/**
 * In words, what became of limits that were raised.
 *
 * @param known what the state remembers of them
 */
export function limitDrift(facts: DropletFacts, known: string): string[] {
  const noted = parseRaised(raisedText(facts));
  const forgotten = parseRaised(known).filter(({ key }) => !noted.some((other) => other.key === key));
  return [
    ...(forgotten.length > 0 ? ["the record of the raised limits is missing"] : []),
    ...noted.flatMap(({ key, to }) => {
      const [value = ""] = (facts.get(`limit.${key}`) ?? "").split(" ");
      return value !== "" && Number(value) < to ? [`${key} is ${value}, raised to ${to} before`] : [];
    }),
  ];
}

function number(facts: DropletFacts, key: string): number {
  return Number(facts.get(key) ?? 0);
}
