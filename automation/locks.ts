/** The locks of Pulumi's file backend, one JSON file for each running operation. */
import { existsSync, readFileSync, readdirSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { z } from "zod";
import { readJson } from "./json";

const lock = z.object({ pid: z.int(), hostname: z.string() });

/**
 * Whether a stack is locked, and only by runs of this machine that have ended: a killed run leaves its lock. A lock of another
 * machine, or one that cannot be read, is not stale: Pulumi reports it.
 *
 * @param folder the folder of the stack's locks
 */
export function areStale(folder: string): boolean {
  const files = existsSync(folder) ? readdirSync(folder).filter((name) => name.endsWith(".json")) : [];
  const holders = files.map((name) => lock.safeParse(readJson(join(folder, name))).data);
  return holders.length > 0 && holders.every((holder) => holder?.hostname === hostname() && !isRunning(holder.pid));
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
  return !isZombie(pid);
}

/** A killed run that nobody has reaped still has its pid. */
function isZombie(pid: number): boolean {
  const file = `/proc/${pid}/stat`;
  if (!existsSync(file)) return false;
  const stat = readFileSync(file, "utf8");
  return /^[ZX]/.test(stat.slice(stat.lastIndexOf(")") + 2));
}
