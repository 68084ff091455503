import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** The private folders of this process that are still there. */
const folders = new Set<string>();

function discardAll(): void {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
}

/**
 * A folder only we can read, for a control socket; a short path, because a socket's path holds 107 bytes. It goes with
 * the process at the latest.
 */
export function privateFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "hornet-"));
  if (folders.size === 0) process.once("exit", discardAll);
  folders.add(folder);
  return folder;
}

/** Takes a folder of {@link privateFolder} away. */
export function discardFolder(folder: string): void {
  rmSync(folder, { recursive: true, force: true });
  folders.delete(folder);
  if (folders.size === 0) process.off("exit", discardAll);
}
