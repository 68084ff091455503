/**
 * `npm run test:kvm -- --firecracker PATH --kernel PATH [--rootfs PATH] [--next PATH] [--resume] [--state FOLDER] [STORY…]`:
 * tests whether Hornet works on this machine with a real Firecracker. Each story of test/e2e runs by itself in a simulated
 * droplet; a table has the results. The first boot is measured, and every limit of the stories follows it; stories restore its
 * snapshot unless they need another. The kernel is a guest kernel that this Firecracker can boot; the default rootfs is
 * Hornet's own guest image. `--next` names a newer Firecracker, for the story that upgrades a fleet.
 *
 * The results are in the folder `.hornet/test-kvm`, or in that of `--state`; with `--resume` a story that passed on the same
 * files and the same commit does not run again.
 */
import { execFileSync } from "node:child_process";
import { accessSync, closeSync, constants, openSync, realpathSync, statSync } from "node:fs";
import { relative, resolve } from "node:path";
import { parseArgs } from "node:util";
import { runStory } from "./kvm/jest";
import { measureBoot, scaleFor, UNMEASURED } from "./kvm/measure";
import { resultTable, Results } from "./kvm/results";
import { chosen } from "./kvm/stories";
import { checkout } from "../operator/localPaths";

const USAGE =
  "npm run test:kvm -- --firecracker PATH --kernel PATH [--rootfs PATH] [--next PATH] [--resume] [--state FOLDER] [STORY…]";

/** The folder in which npm was called; paths on the command line are relative to it. */
const calledFrom = process.env.INIT_CWD ?? process.cwd();

/** The reason why the stories cannot run here; undefined where they can. */
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

/** Identifies what the stories run on: results of another subject do not count. */
function subjectOf(files: readonly string[]): string {
  const of = (path: string): string => {
    const { size, mtimeMs } = statSync(path);
    return `${path} ${size} ${mtimeMs}`;
  };
  let commit = "no commit";
  try {
    commit = execFileSync("git", ["rev-parse", "HEAD"], { cwd: checkout, encoding: "utf8", stdio: "pipe" }).trim();
  } catch {
    // A checkout without git.
  }
  return [commit, ...files.map(of)].join("; ");
}

/** Measures a boot, unless an earlier run did. @returns the factor for every limit */
async function measured(results: Results, snapshot: string): Promise<number> {
  if (results.boot === undefined) {
    console.log("measuring a boot: a droplet, a snapshot, one clone");
    process.env.HORNET_TEST_TIMEOUT_SCALE = String(UNMEASURED);
    results.boot = await measureBoot(snapshot);
  }
  const scale = scaleFor(results.boot);
  console.log(`a boot takes ${results.boot.toFixed(0)} s: the factor for every limit is ${scale.toFixed(1)}`);
  return scale;
}

/** @returns the exit code; 0 where every story passed or all are skipped */
export async function main(args: readonly string[]): Promise<number> {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      firecracker: { type: "string" },
      kernel: { type: "string" },
      rootfs: { type: "string" },
      next: { type: "string" },
      resume: { type: "boolean", default: false },
      state: { type: "string" },
    },
  });
  const { firecracker, kernel, rootfs, next } = values;
  if (firecracker === undefined || kernel === undefined) throw new Error(USAGE);
  const selected = chosen(positionals, { two: next !== undefined });
  const vmm = resolve(calledFrom, firecracker);
  const obstructed = obstacle(vmm);
  if (obstructed !== undefined) {
    console.log(`skipped: ${obstructed}`);
    return 0;
  }
  process.env.HORNET_TEST_FIRECRACKER = realpathSync(vmm);
  process.env.HORNET_TEST_KERNEL = readable("kernel", resolve(calledFrom, kernel));
  if (rootfs !== undefined) process.env.HORNET_TEST_ROOTFS = readable("rootfs", resolve(calledFrom, rootfs));
  if (next !== undefined) process.env.HORNET_TEST_FIRECRACKER_NEXT = readable("next", resolve(calledFrom, next));
  const { HORNET_TEST_FIRECRACKER: program, HORNET_TEST_KERNEL: image, HORNET_TEST_ROOTFS: disk = [] } = process.env;
  const files = [program, image, disk].flat();
  const folder = values.state === undefined ? resolve(checkout, ".hornet/test-kvm") : resolve(calledFrom, values.state);
  const results = Results.open(folder, subjectOf(files), values.resume);
  const snapshot = resolve(folder, "snapshot");
  const scale = await measured(results, snapshot);
  const env = { ...process.env, HORNET_TEST_SNAPSHOT: snapshot, HORNET_TEST_TIMEOUT_SCALE: String(scale) };

  for (const story of selected) {
    const [name] = story;
    if (results.of(name)?.passed === true) {
      console.log(`${name}: passed before`);
      continue;
    }
    console.log(`${name}: runs`);
    const result = await runStory(folder, story, env);
    results.add(name, result);
    console.log(`${name}: ${result.passed ? "passed" : `failed: ${result.why}`} (${result.seconds.toFixed(0)} s)`);
  }

  const rows = selected.map(([name]) => [name, results.of(name)] as const);
  console.log(`\n${resultTable(rows)}\n`);
  const failed = rows.filter(([, result]) => result?.passed !== true);
  if (failed.length === 0) return 0;
  console.log(
    `Logs: ${relative(calledFrom, folder) || "."}. To run the failed stories again, add --resume to the command.`,
  );
  return 1;
}
