import { accessSync, constants, mkdtempSync, rmSync } from "node:fs";
import { homedir, tmpdir } from "node:os";
import { join } from "node:path";
import { atExit } from "./atExit";

/** A folder that only this user can read. */
export interface PrivateFolder {
  readonly path: string;
  /** Removes the folder and its content. */
  remove(): void;
}

/** Bytes that the path above may have: a socket's path holds 107 (unix(7)), of which the folder and ssh's own suffix take 33. */
const ROOM = 70;

function isWritable(path: string): boolean {
  try {
    accessSync(path, constants.W_OK);
    return true;
  } catch {
    return false;
  }
}

/** TMPDIR; where its path is too long for a socket, another folder that this user can write to. */
function folderAbove(): string {
  const all = [tmpdir(), process.env.XDG_RUNTIME_DIR ?? "", "/tmp", homedir()];
  return all.find((path) => path !== "" && Buffer.byteLength(path) <= ROOM && isWritable(path)) ?? tmpdir();
}

/**
 * Makes a folder that only this user can read, for a control socket for example. Its path is short, because a socket's
 * path holds 107 bytes. It is removed when the process exits, unless that is killed.
 */
export function privateFolder(): PrivateFolder {
  const path = mkdtempSync(join(folderAbove(), "hornet-"));
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
