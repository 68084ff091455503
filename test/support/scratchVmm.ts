import { execFileSync } from "node:child_process";
import { copyFileSync, mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";

/**
 * A VMM for tests: the stand-in's stub, which checks everything that it is given and runs no guest. On its console it
 * says what a guest with the identity service says when it waits.
 *
 * @returns the folder that holds it, and the path to give to a droplet
 */
export function scratchVmm(): { readonly folder: string; readonly path: string } {
  const script = resolve(__dirname, "../../sandbox/vmm/build.sh");
  const built = execFileSync(script, { encoding: "utf8", stdio: ["ignore", "pipe", "inherit"] }).trim();
  const folder = mkdtempSync(join(tmpdir(), "hornet-vmm-"));
  copyFileSync(join(built, "firecracker-stub"), join(folder, "stub"));
  const path = join(folder, "firecracker");
  writeFileSync(
    path,
    `#!/bin/sh
case "$*" in *--api-sock*) echo "hornet-identity: waiting closed" ;; esac
exec /opt/stub "$@"
`,
    { mode: 0o755 },
  );
  return { folder, path };
}
