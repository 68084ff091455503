import { readFileSync, readdirSync, readlinkSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import type { ProcessId } from "./state";

/** Identifies the process `pid`; undefined where there is none, or only a zombie. */
export function identify(pid: number): ProcessId | undefined {
  let stat: string;
  try {
    stat = readFileSync(`/proc/${pid}/stat`, "utf8");
  } catch {
    return undefined;
  }
  // The second field is the command in parentheses and may hold anything, so count from the last parenthesis:
  // the state is the first field after it, the start time the twentieth.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  const startTime = fields[19];
  if (startTime === undefined || fields[0] === "Z" || fields[0] === "X") return undefined;
  return { pid, startTime };
}

/** Whether exactly this process runs, not a later one with the same pid. */
export function isAlive(process: ProcessId): boolean {
  return identify(process.pid)?.startTime === process.startTime;
}

/** Sends a signal to exactly this process; does nothing where it has ended. */
export function signal(target: ProcessId, name: NodeJS.Signals): void {
  if (!isAlive(target)) return;
  try {
    process.kill(target.pid, name);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}

/** Waits until `done` holds; false where it does not within `limit` milliseconds. */
export async function waitUntil(done: () => boolean, limit: number): Promise<boolean> {
  const end = Date.now() + limit;
  while (!done()) {
    if (Date.now() > end) return false;
    await sleep(20);
  }
  return true;
}

const namespaceKinds = ["net", "mnt", "pid", "uts", "ipc"] as const;

function namespacesOf(pid: string): string[] {
  return namespaceKinds.flatMap((kind) => {
    try {
      return [readlinkSync(`/proc/${pid}/ns/${kind}`)];
    } catch {
      return [];
    }
  });
}

/** The namespaces of a process that are not also those of this one, as `kind:[inode]`. */
export function ownNamespaces(process: ProcessId): string[] {
  const outside = new Set(namespacesOf("self"));
  return isAlive(process) ? namespacesOf(String(process.pid)).filter((namespace) => !outside.has(namespace)) : [];
}

/** All processes of this machine that are in one of `namespaces` now. */
export function membersOf(namespaces: readonly string[]): ProcessId[] {
  const searched = new Set(namespaces);
  return readdirSync("/proc")
    .filter((entry) => /^\d+$/.test(entry))
    .filter((pid) => namespacesOf(pid).some((namespace) => searched.has(namespace)))
    .flatMap((pid) => identify(Number(pid)) ?? []);
}
