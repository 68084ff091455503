import {
  accessSync,
  closeSync,
  constants,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  renameSync,
  rmSync,
  writeSync,
} from "node:fs";
import { dirname, resolve } from "node:path";
import { HornetError, messageOf } from "./errors";

/**
 * Replaces a file atomically: a reader gets the old content or the new one, even after a full disk, a kill or a power cut.
 * It writes a draft beside the file, syncs it and renames it.
 *
 * @param mode the file's mode; it creates missing folders with mode 0700
 * @param durable whether it waits for the disk; without that a power cut may leave an empty file
 * @throws HornetError if the text cannot be written; the file is then unchanged, and no draft is left
 */
export function writeWhole(file: string, text: string, mode = 0o600, durable = true): void {
  const folder = dirname(file);
  makeFolder(folder);
  const draft = `${file}.${process.pid}.draft`;
  try {
    writeNew(draft, text, mode, durable);
    renameSync(draft, file);
  } catch (error) {
    removeDraft(draft);
    throw unwritable(resolve(file), error);
  }
  if (durable) syncFolder(folder);
}

/**
 * Makes a folder, and those above it, with mode 0700.
 *
 * @throws HornetError if it cannot be made
 */
export function makeFolder(folder: string): void {
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
  } catch (error) {
    throw unwritable(resolve(folder), error);
  }
}

function removeDraft(draft: string): void {
  try {
    rmSync(draft, { force: true });
  } catch {
    // On a file system that is read-only there is none.
  }
}

const FULL = /^(ENOSPC|EDQUOT):/;

/** A folder of the operator that is read-only or full is no bug of Hornet's. */
function unwritable(path: string, error: unknown): HornetError {
  const why = FULL.test(messageOf(error)) ? messageOf(error) : (closedFolder(dirname(path)) ?? messageOf(error));
  return new HornetError(`${path} cannot be written: ${why}`, {
    next: FULL.test(why)
      ? "make room there, then run the same command again"
      : "name a folder that you can write to in the variable HORNET_STATE, or let this user write there",
  });
}

/** Why a folder, or what there is of those above it, cannot be written to. Node says ENOENT of a folder below a read-only one. */
function closedFolder(folder: string): string | undefined {
  if (!existsSync(folder) && folder !== dirname(folder)) return closedFolder(dirname(folder));
  try {
    accessSync(folder, constants.W_OK);
    return undefined;
  } catch (error) {
    return messageOf(error);
  }
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
