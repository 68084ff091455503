import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { atExit } from "./atExit";

/** A folder that only this user can read. */
export interface PrivateFolder {
  readonly path: string;
  /** Removes the folder and its content. */
  remove(): void;
}

/**
 * Makes a folder that only this user can read, for a control socket for example. Its path is short, because a socket's
 * path holds 107 bytes. It is removed when the process exits, unless that is killed.
 */
export function privateFolder(): PrivateFolder {
  const path = mkdtempSync(join(tmpdir(), "hornet-"));
  const discard = (): void => rmSync(path, { recursive: true, force: true });
  const cancel = atExit(discard);
  return {
    path,
    remove: () => {
      discard();
      cancel();
    },
  };
}
