import { spawn } from "node:child_process";
import { join } from "node:path";
import { checkout } from "../../sandbox/droplet/paths";
import type { DriveRequest, DriveResult } from "./driveTypes";

/**
 * Runs drive.ts in a separate process.
 *
 * @throws Error with its stderr, where it fails
 */
export function drive(request: DriveRequest): Promise<DriveResult> {
  return new Promise((done, fail) => {
    const argv = ["-r", join(checkout, "register.cjs"), join(checkout, "bench/support/drive.ts")];
    const child = spawn(process.execPath, argv, { cwd: checkout, stdio: ["pipe", "pipe", "pipe"] });
    let stdout = "";
    let stderr = "";
    child.stdout.setEncoding("utf8").on("data", (text: string) => (stdout += text));
    child.stderr.setEncoding("utf8").on("data", (text: string) => (stderr += text));
    child.on("error", fail);
    child.on("close", (code) => {
      if (code === 0) done(JSON.parse(stdout) as DriveResult);
      else fail(new Error(`Hornet's work on the bench's droplet failed:\n${stderr}`));
    });
    child.stdin.end(JSON.stringify(request));
  });
}
