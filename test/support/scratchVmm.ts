import { execFileSync } from "node:child_process";
import { copyFileSync, existsSync, mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { giveWords } from "../../sandbox/vmm/versions";
import { settings } from "./settings";

/** The folder of the stand-in's programs. */
function standIn(): string {
  const script = resolve(__dirname, "../../sandbox/vmm/build.sh");
  return execFileSync(script, { encoding: "utf8", stdio: ["ignore", "pipe", "inherit"] }).trim();
}

const WORDS = "hornet-identity: waiting closed";

/**
 * A VMM for tests: the stand-in's stub, which checks everything that it is given and runs no guest, with the jailer beside
 * it; or the real Firecracker that {@link settings} names. On its console it says what a guest with the identity service says
 * when it waits.
 *
 * @returns the folder that holds it, and the path to give to a droplet
 */
export function scratchVmm(): { readonly folder: string; readonly path: string } {
  const folder = mkdtempSync(join(tmpdir(), "hornet-vmm-"));
  const path = join(folder, "firecracker");
  const real = settings().firecracker;
  if (real === undefined) {
    const built = standIn();
    copyFileSync(join(built, "firecracker-stub"), join(folder, "stub"));
    copyFileSync(join(folder, "stub"), path);
    giveWords(path, WORDS);
    copyFileSync(join(built, "jailer"), join(folder, "jailer"));
    return { folder, path };
  }
  copyFileSync(real, join(folder, "stub"));
  const jailer = join(dirname(real), "jailer");
  if (existsSync(jailer)) {
    // A script cannot run in a jail: these guests say nothing.
    copyFileSync(real, path);
    copyFileSync(jailer, join(folder, "jailer"));
    return { folder, path };
  }
  const script = `#!/bin/sh
case "$*" in *--api-sock*) echo "${WORDS}" ;; esac
exec /opt/stub "$@"
`;
  writeFileSync(path, script, { mode: 0o755 });
  return { folder, path };
}
