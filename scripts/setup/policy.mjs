// @ts-check
import { existsSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";

/** Asked by Debian's package scripts before they start a service; 101 means: do not. */
const policy = "/usr/sbin/policy-rc.d";
const saved = `${policy}.before-hornet`;
const mark = "# Put here by Hornet's set-up while it installs packages; removed at its end.";

function restore() {
  if (!existsSync(policy) || !readFileSync(policy, "utf8").includes(mark)) return;
  if (existsSync(saved)) renameSync(saved, policy);
  else rmSync(policy);
}

/**
 * Runs work, during which installing a package starts no service. A leftover of a set-up that was killed is undone.
 * @template T
 * @param {() => Promise<T>} work
 * @returns {Promise<T>}
 */
export async function withoutServices(work) {
  restore();
  if (existsSync(policy)) renameSync(policy, saved);
  writeFileSync(policy, `#!/bin/sh\n${mark}\nexit 101\n`, { mode: 0o755 });
  process.once("exit", restore);
  try {
    return await work();
  } finally {
    restore();
    process.removeListener("exit", restore);
  }
}
