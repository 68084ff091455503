import { closeSync, fsyncSync, mkdirSync, openSync, renameSync, rmSync, writeSync } from "node:fs";
import { dirname } from "node:path";

/**
 * Writes a file whole: a reader gets the old content or the new one, also after a full disk, a kill or a power cut. The text
 * goes into a draft beside the file, to the disk, and is then renamed.
 *
 * @param mode the file's mode; folders that are missing are made for the user alone
 * @throws where the text cannot be written; the file is then as it was, and no draft is left
 */
export function writeWhole(file: string, text: string, mode = 0o600): void {
  const folder = dirname(file);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const draft = `${file}.${process.pid}.draft`;
  try {
    writeSynced(draft, text, mode);
    renameSync(draft, file);
  } catch (error) {
    rmSync(draft, { force: true });
    throw error;
  }
  syncFolder(folder);
}

function writeSynced(file: string, text: string, mode: number): void {
  rmSync(file, { force: true });
  const descriptor = openSync(file, "wx", mode);
  try {
    const bytes = Buffer.from(text, "utf8");
    // A disk that becomes full takes a part, and fails only at the next write.
    for (let at = 0; at < bytes.length;) at += writeSync(descriptor, bytes, at);
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

/** The rename itself reaches the disk with its folder. */
function syncFolder(folder: string): void {
  const descriptor = openSync(folder, "r");
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}
