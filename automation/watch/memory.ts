/** What a watcher remembers between its looks, and between its runs: a small file. */
import { z } from "zod";
import { writeWhole } from "../../host/wholeFile";
import { readJson } from "../json";

const schema = z.object({
  /** Each drift of the last look, as `URN MESSAGE`. */
  open: z.array(z.string()).default([]),
  /** ms since 1970 of the restarts of each clone by a repair. */
  restarts: z.record(z.string(), z.array(z.number())).default({}),
  seen: z.number().default(0),
  repaired: z.number().default(0),
  failures: z.number().default(0),
  /** Restarts by their reason. */
  reasons: z.record(z.string(), z.number()).default({}),
});

/** See {@link readMemory}. */
export type Memory = z.infer<typeof schema>;

/** Reads a watcher's memory; a missing or damaged one is empty, since it holds nothing but counts. */
export function readMemory(file: string): Memory {
  return schema.safeParse(readJson(file)).data ?? schema.parse({});
}

/** Writes a watcher's memory. */
export function writeMemory(file: string, memory: Memory): void {
  writeWhole(file, `${JSON.stringify(memory)}\n`);
}

/** ms in which a clone has a budget of restarts. */
export const BUDGET_MS = 3_600_000;

/** Whether repairs have restarted a clone as often as its budget allows. */
export function isExhausted({ restarts }: Memory, clone: string, budget: number, now: number): boolean {
  return (restarts[clone] ?? []).filter((time) => now - time < BUDGET_MS).length >= budget;
}

/** Notes a restart by a repair, and forgets those that no budget counts any more. */
export function noteRestart(memory: Memory, clone: string, reason: string, now: number): void {
  const recent = (memory.restarts[clone] ?? []).filter((time) => now - time < BUDGET_MS);
  memory.restarts[clone] = [...recent, now];
  const kind = reasonKind(reason);
  memory.reasons[kind] = (memory.reasons[kind] ?? 0) + 1;
}

/** The kind of a restart's reason: metrics need few of them. */
export function reasonKind(reason: string): string {
  const code = /VMM exited with (\d+)/.exec(reason)?.[1];
  if (reason.includes("killed by memory limit")) return "memory-limit";
  if (reason.includes("limit of file sizes")) return "file-size-limit";
  if (code === "137") return "killed";
  if (code !== undefined) return `exit-${code}`;
  if (reason.includes("exit status unknown")) return "ended";
  if (reason.includes("does not answer")) return "hung";
  if (reason.includes("booted")) return "droplet-rebooted";
  if (reason.includes("disk")) return "disk";
  if (reason.includes("namespace") || reason.includes("tap")) return "network";
  return "other";
}
