import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** Which end this process where nobody else listens; the engine ends its providers by the first of them. */
const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

/** The private folders of this process that are still there. */
const folders = new Set<string>();

function discardAll(): void {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
}

/** Node tells nobody of an end by a signal. Where others listen too, it is theirs to say whether this is the end. */
function onSignal(signal: NodeJS.Signals): void {
  if (process.listenerCount(signal) > 1) return;
  discardAll();
  process.off(signal, onSignal);
  process.kill(process.pid, signal);
}

/**
 * A folder only we can read, for a control socket; a short path, because a socket's path holds 107 bytes. It goes with
 * the process at the latest, unless that is killed.
 */
export function privateFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "hornet-"));
  if (folders.size === 0) {
    process.once("exit", discardAll);
    for (const signal of SIGNALS) process.on(signal, onSignal);
  }
  folders.add(folder);
  return folder;
}

/** Takes a folder of {@link privateFolder} away. */
export function discardFolder(folder: string): void {
  rmSync(folder, { recursive: true, force: true });
  folders.delete(folder);
  if (folders.size > 0) return;
  process.off("exit", discardAll);
  for (const signal of SIGNALS) process.off(signal, onSignal);
}
