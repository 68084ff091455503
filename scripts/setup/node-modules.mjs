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
 * Whether node_modules matches package-lock.json, by npm's own record of the installed packages. npm writes the record last,
 * so an interrupted install has none.
 * @param {string} checkout
 */
export function nodeModulesMatch(checkout) {
  const desired = locked(join(checkout, "package-lock.json"));
  const present = locked(join(checkout, "node_modules/.package-lock.json"));
  if (!desired || !present) return false;
  // Optional packages may be for other systems.
  return (
    Object.entries(desired).every(([path, { version, integrity, optional }]) => {
      const found = present[path];
      return found ? found.version === version && found.integrity === integrity : optional === true;
    }) && Object.keys(present).every((path) => path in desired)
  );
}

/**
 * Installs without the packages' scripts: none is needed, and that of @pulumi/command makes a Pulumi CLI on PATH download its
 * plugin, which the CLI does by itself when a program uses the package. Installs all packages also where NODE_ENV is
 * `production`: npm would leave some out, and each command would find the folder incomplete and install again.
 *
 * @param {string} folder with a package-lock.json
 * @returns {Promise<void>}
 */
export async function installNodeModules(folder) {
  await run(["npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts", "--include=dev"], { cwd: folder });
}
