import { appendFileSync } from "node:fs";

/**
 * Every change of a droplet passes the library's `effect`, which names it first. With HORNET_EFFECTS set to a file, the
 * names are appended there: that is how tests enumerate the points at which an operation can be cut off. `K` asks
 * this process to die as a crash would: the point was chosen by HORNET_FAULT (see library/common.sh).
 */
export function recordEffect(kind: "E" | "K", name: string): void {
  const file = process.env.HORNET_EFFECTS;
  if (file !== undefined) appendFileSync(file, `${name}\n`);
  if (kind === "K") process.kill(process.pid, "SIGKILL");
}

/** The settings that the library's `effect` reads, as shell assignments. */
export function faultSettings(): Record<string, string> {
  return {
    hornet_fault: process.env.HORNET_FAULT ?? "",
    hornet_trace: process.env.HORNET_EFFECTS === undefined ? "" : "1",
  };
}
