// @ts-check
import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { say } from "./run.mjs";

/** @param {string} owner the pid that a lock file holds */
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
 * Removes a lock whose owner is gone. Renamed first, so that of two who see it only one removes it.
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
  // Somebody may have taken the lock between the look and the rename: then it is given back.
  if (read(aside) !== owner) renameSync(aside, file);
  else rmSync(aside);
}

/**
 * Runs work while no other set-up of this checkout runs; waits for the other one.
 * @template T
 * @param {string} file
 * @param {() => Promise<T>} work
 * @returns {Promise<T>}
 */
export async function withLock(file, work) {
  mkdirSync(dirname(file), { recursive: true });
  let told = false;
  for (;;) {
    try {
      writeFileSync(file, String(process.pid), { flag: "wx" });
      break;
    } catch (error) {
      if (/** @type {NodeJS.ErrnoException} */ (error).code !== "EEXIST") throw error;
    }
    const owner = read(file);
    // Empty: made a moment ago and about to be filled; looked at again, then taken for a leftover.
    if (owner === "") await sleep(200);
    if (owner !== undefined && !isAlive(owner) && read(file) === owner) {
      breakLock(file, owner);
      continue;
    }
    if (owner !== undefined && !told) say(`another set-up runs (pid ${owner}); waiting for it`);
    told = true;
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
