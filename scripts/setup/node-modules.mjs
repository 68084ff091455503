// @ts-check
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { run } from "./run.mjs";

/** @typedef {Record<string, { version?: string, integrity?: string, optional?: boolean, link?: boolean }>} Locked */

/**
 * @param {string} file
 * @returns {Locked | undefined}
 */
function locked(file) {
  try {
    const { packages } = JSON.parse(readFileSync(file, "utf8"));
    delete packages[""];
    return packages;
  } catch {
    return undefined;
  }
}

/**
 * Whether node_modules is what package-lock.json asks for, by npm's own record of what it installed, which it writes
 * last: after an interrupted install there is none.
 * @param {string} checkout
 */
export function nodeModulesMatch(checkout) {
  const wanted = locked(join(checkout, "package-lock.json"));
  const present = locked(join(checkout, "node_modules/.package-lock.json"));
  if (!wanted || !present) return false;
  // Optional packages may be for other systems.
  return (
    Object.entries(wanted).every(([path, { version, integrity, optional }]) => {
      const found = present[path];
      return found ? found.version === version && found.integrity === integrity : optional === true;
    }) && Object.keys(present).every((path) => path in wanted)
  );
}

/**
 * Runs no installation scripts: none of the packages needs one, and that of @pulumi/command asks a Pulumi CLI on PATH to
 * download its plugin, which the CLI does by itself when a program uses the package.
 *
 * @param {string} folder with a package-lock.json
 * @returns {Promise<void>}
 */
export async function installNodeModules(folder) {
  await run(["npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts"], { cwd: folder });
}
