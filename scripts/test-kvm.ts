/**
 * `npm run test:kvm -- --firecracker PATH --kernel PATH [--rootfs PATH] [--timeout-scale N]`: the end-to-end stories with
 * a real Firecracker in place of the stand-in. The kernel is a guest kernel that this Firecracker can boot; the rootfs is
 * Hornet's own guest image unless one is given. Every limit is multiplied with N.
 */
import { spawn } from "node:child_process";
import { accessSync, closeSync, constants, openSync, realpathSync } from "node:fs";
import { resolve } from "node:path";
import { parseArgs } from "node:util";
import { checkout } from "./local/paths";

/** Nested virtualisation may be a hundred times slower than the machine: a guest then boots in a minute. */
const DEFAULT_SCALE = "5";

/** Where npm was called, which paths on the command line are relative to. */
const calledFrom = process.env.INIT_CWD ?? process.cwd();

/** Why the stories cannot run here; undefined where they can. */
function obstacle(firecracker: string): string | undefined {
  try {
    closeSync(openSync("/dev/kvm", "r+"));
  } catch (error) {
    return `/dev/kvm cannot be used: ${(error as Error).message}`;
  }
  try {
    accessSync(firecracker, constants.X_OK);
  } catch {
    return `${firecracker} is not an executable file`;
  }
  return undefined;
}

function readable(option: string, path: string): string {
  try {
    accessSync(path, constants.R_OK);
  } catch {
    throw new Error(`--${option}: ${path} is not a readable file.`);
  }
  return realpathSync(path);
}

/** @returns Jest's exit code; 0 where the stories are skipped */
export async function main(args: readonly string[]): Promise<number> {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      firecracker: { type: "string" },
      kernel: { type: "string" },
      rootfs: { type: "string" },
      "timeout-scale": { type: "string", default: DEFAULT_SCALE },
    },
  });
  const { firecracker, kernel, rootfs, "timeout-scale": scale } = values;
  if (firecracker === undefined || kernel === undefined) {
    throw new Error("npm run test:kvm -- --firecracker PATH --kernel PATH [--rootfs PATH] [--timeout-scale N]");
  }
  if (!(Number(scale) > 0)) throw new Error(`--timeout-scale ${scale}: it is a number above 0.`);
  const vmm = resolve(calledFrom, firecracker);
  const reason = obstacle(vmm);
  if (reason !== undefined) {
    console.log(`skipped: ${reason}`);
    return 0;
  }
  const env = {
    ...process.env,
    HORNET_TEST_FIRECRACKER: realpathSync(vmm),
    HORNET_TEST_KERNEL: readable("kernel", resolve(calledFrom, kernel)),
    ...(rootfs !== undefined && { HORNET_TEST_ROOTFS: readable("rootfs", resolve(calledFrom, rootfs)) }),
    HORNET_TEST_TIMEOUT_SCALE: scale,
  };
  return runJest(["--runInBand", "--verbose", ...(positionals.length > 0 ? positionals : ["test/e2e"])], env);
}

function runJest(args: readonly string[], env: NodeJS.ProcessEnv): Promise<number> {
  return new Promise((done, fail) => {
    const jest = resolve(checkout, "node_modules/jest/bin/jest.js");
    const child = spawn(process.execPath, [jest, ...args], { cwd: checkout, env, stdio: "inherit" });
    child.on("error", fail);
    child.on("close", (code) => done(code ?? 128));
  });
}
