import { closeSync, fsyncSync, mkdirSync, openSync, renameSync, rmSync, writeSync } from "node:fs";
import { dirname } from "node:path";

/**
 * Replaces a file atomically: a reader gets the old content or the new one, even after a full disk, a kill or a power cut.
 * It writes a draft beside the file, syncs it and renames it.
 *
 * @param mode the file's mode; it creates missing folders with mode 0700
 * @param durable whether it waits for the disk; without that a power cut may leave an empty file
 * @throws if the text cannot be written; the file is then unchanged, and no draft is left
 */
export function writeWhole(file: string, text: string, mode = 0o600, durable = true): void {
  const folder = dirname(file);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const draft = `${file}.${process.pid}.draft`;
  try {
    writeNew(draft, text, mode, durable);
    renameSync(draft, file);
  } catch (error) {
    rmSync(draft, { force: true });
    throw error;
  }
  if (durable) syncFolder(folder);
}

function writeNew(file: string, text: string, mode: number, durable: boolean): void {
  rmSync(file, { force: true });
  const descriptor = openSync(file, "wx", mode);
  try {
    const bytes = Buffer.from(text, "utf8");
    // A disk that becomes full accepts a part, and fails only at the next write.
    for (let at = 0; at < bytes.length;) at += writeSync(descriptor, bytes, at);
    if (durable) fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

/** Makes a rename in the folder durable. */
function syncFolder(folder: string): void {
  const descriptor = openSync(folder, "r");
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}
