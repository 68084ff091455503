import { execFileSync } from "node:child_process";
import { copyFileSync, mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { settings } from "./settings";

/** The stand-in's stub, which checks everything that it is given and runs no guest. */
function stub(): string {
  const script = resolve(__dirname, "../../sandbox/vmm/build.sh");
  const built = execFileSync(script, { encoding: "utf8", stdio: ["ignore", "pipe", "inherit"] }).trim();
  return join(built, "firecracker-stub");
}

/**
 * A VMM for tests: the stub, or the real Firecracker that {@link settings} names. On its console it says what a guest
 * with the identity service says when it waits.
 *
 * @returns the folder that holds it, and the path to give to a droplet
 */
export function scratchVmm(): { readonly folder: string; readonly path: string } {
  const folder = mkdtempSync(join(tmpdir(), "hornet-vmm-"));
  copyFileSync(settings().firecracker ?? stub(), join(folder, "stub"));
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
