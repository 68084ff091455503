// @ts-check
/**
 * Finds the Pulumi CLI, or has tools/build-pulumi.sh build it: `node scripts/setup/pulumi.mjs` prints the folder that holds
 * `pulumi` and `pulumi-language-nodejs`. A machine on which the CLI is ready needs no shell and no other program for this.
 */
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { accessSync, constants, readFileSync, statSync } from "node:fs";
import { homedir, machine, type } from "node:os";
import { delimiter, dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { SetupError, run, say } from "./run.mjs";

const tools = resolve(dirname(fileURLToPath(import.meta.url)), "../../tools");
const script = join(tools, "build-pulumi.sh");

/** The files that a build depends on. */
const inputs = [
  script,
  ...["pulumi-cli", "pulumi-language-nodejs"].flatMap((folder) =>
    ["go.mod", "go.sum", "tools.go"].map((file) => join(tools, folder, file)),
  ),
];

/** The oldest CLI that Hornet works with: major and minor version. */
const OLDEST = [3, 230];

/** Hornet's folder in the user's cache. */
export function cacheFolder(env = process.env) {
  return resolve(env.HORNET_CACHE || join(env.XDG_CACHE_HOME || join(homedir(), ".cache"), "hornet"));
}

/** @param {string} file */
function isProgram(file) {
  try {
    accessSync(file, constants.X_OK);
    return statSync(file).isFile();
  } catch {
    return false;
  }
}

/** @param {string} version such as v3.259.0 */
function isRecent(version) {
  const [major = 0, minor = 0] = (/(\d+)\.(\d+)/.exec(version) ?? []).slice(1).map(Number);
  const [oldestMajor = 0, oldestMinor = 0] = OLDEST;
  return major > oldestMajor || (major === oldestMajor && minor >= oldestMinor);
}

/**
 * The CLI on PATH, or why Hornet cannot use it.
 * @param {NodeJS.ProcessEnv} env
 * @returns {{ folder?: string, fault?: string }}
 */
function installed(env) {
  const folders = (env.PATH ?? "")
    .split(delimiter)
    .filter((folder) => folder !== "")
    .map((folder) => resolve(folder));
  const folder = folders.find((one) => isProgram(join(one, "pulumi")));
  if (folder === undefined) return {};
  const pulumi = join(folder, "pulumi");
  const asked = spawnSync(pulumi, ["version"], {
    env: { ...env, PULUMI_SKIP_UPDATE_CHECK: "1" },
    encoding: "utf8",
    stdio: ["ignore", "pipe", "ignore"],
  });
  if (asked.status !== 0) return {};
  const version = asked.stdout.trim();
  if (!isRecent(version)) return { fault: `${pulumi} is ${version}, older than ${OLDEST.join(".")}: not used` };
  // The engine looks for it beside itself, then on PATH.
  if ([folder, ...folders].some((one) => isProgram(join(one, "pulumi-language-nodejs")))) return { folder };
  return { fault: `${pulumi} has no pulumi-language-nodejs beside it or on PATH: not used` };
}

/**
 * The folder of a build: equal inputs have the same.
 * @param {NodeJS.ProcessEnv} env
 */
function buildFolder(env) {
  const hash = createHash("sha256").update(`${type()} ${machine()}\n`);
  for (const file of inputs) hash.update(readFileSync(file));
  return join(cacheFolder(env), "pulumi", hash.digest("hex").slice(0, 16));
}

/**
 * The folder of a CLI that is ready.
 * @returns {string | undefined} undefined where one has to be built
 */
export function readyCli(env = process.env) {
  const { folder, fault } = installed(env);
  if (folder !== undefined) return folder;
  if (fault !== undefined) say(`pulumi: ${fault}`);
  const built = join(buildFolder(env), "bin");
  return isProgram(join(built, "pulumi")) ? built : undefined;
}

/**
 * Builds the CLI.
 * @param {(line: string) => void} onLine gets each line of its progress
 * @returns {Promise<string>} the folder
 * @throws {SetupError}
 */
export async function buildCli(onLine) {
  const folder = buildFolder(process.env);
  await run([script, folder], { onLine: (line, stream) => stream === "stderr" && onLine(line) });
  return join(folder, "bin");
}

if (process.argv[1] && resolve(process.argv[1]) === fileURLToPath(import.meta.url)) {
  try {
    process.stdout.write(`${readyCli() ?? (await buildCli(say))}\n`);
  } catch (error) {
    if (!(error instanceof SetupError)) throw error;
    process.exitCode = 1;
  }
}
