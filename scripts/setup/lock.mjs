// @ts-check
import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { say } from "./run.mjs";

/** @param {string} owner the pid in a lock file */
function isAlive(owner) {
  const pid = Number(owner);
  if (!Number.isInteger(pid) || pid <= 0) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return /** @type {NodeJS.ErrnoException} */ (error).code === "EPERM";
  }
}

/** @param {string} file */
function read(file) {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return undefined;
  }
}

/**
 * Removes a lock whose owner has ended. It renames the file first, so that only one of several processes removes it.
 * @param {string} file
 * @param {string} owner
 */
function breakLock(file, owner) {
  const aside = `${file}.${process.pid}`;
  try {
    renameSync(file, aside);
  } catch {
    return;
  }
  // Another process may have taken the lock before the rename: restore it then.
  if (read(aside) !== owner) renameSync(aside, file);
  else rmSync(aside);
}

/**
 * Runs work when no other set-up of this checkout runs.
 * @template T
 * @param {string} file
 * @param {() => Promise<T>} work
 * @returns {Promise<T>}
 */
export async function withLock(file, work) {
  mkdirSync(dirname(file), { recursive: true });
  let reported = false;
  for (;;) {
    try {
      writeFileSync(file, String(process.pid), { flag: "wx" });
      break;
    } catch (error) {
      if (/** @type {NodeJS.ErrnoException} */ (error).code !== "EEXIST") throw error;
    }
    const owner = read(file);
    // Empty: its owner is about to write its pid. If it still is empty later, the owner has died.
    if (owner === "") await sleep(200);
    if (owner !== undefined && !isAlive(owner) && read(file) === owner) {
      breakLock(file, owner);
      continue;
    }
    if (owner !== undefined && !reported) say(`another set-up runs (pid ${owner}); waiting for it`);
    reported = true;
    await sleep(200);
  }
  const release = () => rmSync(file, { force: true });
  process.once("exit", release);
  try {
    return await work();
  } finally {
    release();
    process.removeListener("exit", release);
  }
}
