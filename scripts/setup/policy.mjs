// @ts-check
import { existsSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";

/** Debian's package scripts run it before they start a service; exit code 101 forbids the start. */
const policy = "/usr/sbin/policy-rc.d";
const saved = `${policy}.before-hornet`;
const mark = "# Put here by Hornet's set-up while it installs packages; removed at its end.";

function restore() {
  if (!existsSync(policy) || !readFileSync(policy, "utf8").includes(mark)) return;
  if (existsSync(saved)) renameSync(saved, policy);
  else rmSync(policy);
}

/**
 * Runs work, during which installing a package starts no service. Also restores the policy after a set-up that was killed.
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
