/** What the clones of a stack do right now, asked of their droplets beside any operation. */
import { messageOf } from "../host/errors";
import { printable } from "../host/printable";
import { Sessions } from "../host/session/sessions";
import { parseRecovery } from "../host/vmFacts";
import type { ObservedRecovery } from "../model/observed";
import { recoveryWords } from "../plan/vm/ended";
import type { FleetDroplet } from "./state";

/** What one VMM costs. */
export interface Usage {
  readonly alive: boolean;
  readonly pid: number;
  /** KiB of memory that no other process has. */
  readonly privateKib: number;
  /** KiB of files that it has in memory, above all the snapshot, which all clones share. */
  readonly sharedKib: number;
  /** ms of CPU since its start. */
  readonly cpuMs: number;
  /** ms since its start. */
  readonly ageMs: number;
}

/** A droplet at one moment. */
export interface LiveDroplet {
  readonly name: string;
  /** Why it could not be asked; empty if it was. */
  readonly error: string;
  /** The operation that holds its lock, in words; empty if none does. */
  readonly lock: string;
  /** By namespace. */
  readonly usage: ReadonlyMap<string, Usage>;
  /** By namespace, in words: how often the recovery keeper restarted a VMM since its last start by an operation, and why. */
  readonly restarts: ReadonlyMap<string, string>;
}

/** A line of the recovery keeper's, see note_recovery in droplet/keepers/recovery.sh. */
const RECOVERY = /^(\S{1,64}) recovered (\d{1,15} \d{1,15} [ -~]{1,200})$/;

const LINE = /^(\S{1,64}) (alive|ended) (\d{1,15}) (\d{1,15}) (\d{1,15}) (\d{1,15}) (\d{1,15})$/;

/** Asks all droplets at once; one that cannot be reached delays no other. */
export async function askDroplets(droplets: readonly FleetDroplet[]): Promise<LiveDroplet[]> {
  const sessions = new Sessions();
  try {
    return await Promise.all(droplets.map((droplet) => ask(sessions, droplet)));
  } finally {
    await sessions.close();
  }
}

async function ask(sessions: Sessions, { name, connection, owners }: FleetDroplet): Promise<LiveDroplet> {
  const session = sessions.of(connection);
  try {
    const lock = printable(await session.call({ what: "ask who holds the lock", run: "lock_holder" }));
    const usage = new Map<string, Usage>();
    const restarts = new Map<string, string>();
    for (const { owner, runtimeDir } of owners) {
      const vars = { owner, runtime_dir: runtimeDir };
      const text = await session.call({ what: "read what the clones cost", run: "vm_usage", vars });
      for (const [namespace, one] of parseUsage(text)) usage.set(namespace, one);
      for (const [namespace, words] of parseRestarts(text)) restarts.set(namespace, words);
    }
    return { name, error: "", lock, usage, restarts };
  } catch (error) {
    return { name, error: messageOf(error), lock: "", usage: new Map(), restarts: new Map() };
  }
}

/** Parses the answer of `vm_usage`; a line of another form is left out. */
export function parseUsage(text: string): Map<string, Usage> {
  const usage = new Map<string, Usage>();
  for (const line of text.split("\n")) {
    const [, namespace = "", state, ...numbers] = LINE.exec(line) ?? [];
    if (namespace === "") continue;
    const [pid = 0, privateKib = 0, sharedKib = 0, cpuMs = 0, ageMs = 0] = numbers.map(Number);
    usage.set(namespace, { alive: state === "alive", pid, privateKib, sharedKib, cpuMs, ageMs });
  }
  return usage;
}

/** Parses the restarts in the answer of `vm_usage`, into words; a line of another form is left out. */
export function parseRestarts(text: string): Map<string, string> {
  const all = new Map<string, ObservedRecovery[]>();
  for (const line of text.split("\n")) {
    const [, namespace = "", words = ""] = RECOVERY.exec(line) ?? [];
    if (namespace !== "") all.set(namespace, [...(all.get(namespace) ?? []), parseRecovery(words)]);
  }
  return new Map([...all].map(([name, recoveries]) => [name, recoveryWords(name, recoveries, { namespaces: [name] })]));
}
