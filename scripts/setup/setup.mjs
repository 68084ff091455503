// @ts-check
/**
 * Prepares a fresh machine: `node scripts/setup/setup.mjs [--for up|test|operator] [--json]`.
 *
 *   up        for `npm run up`: packages, node_modules, the Pulumi CLI, VMM, guest kernel and image
 *   test      the same, and the packages of the tests
 *   operator  for a droplet elsewhere: node_modules, the Pulumi CLI, ssh
 *
 * Runs before node_modules exists, so it is plain JavaScript without dependencies. It skips what already exists.
 */
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { withLock } from "./lock.mjs";
import { installNodeModules, nodeModulesMatch } from "./node-modules.mjs";
import { installPackages, listedPackages, missingPackages } from "./packages.mjs";
import { buildCli, cacheFolder, readyCli } from "./pulumi.mjs";
import { SetupError, run, say } from "./run.mjs";
import { checkInstallable, checkNode, thisSystem } from "./system.mjs";

/** @typedef {"up" | "test" | "operator"} Purpose */
/**
 * Absolute paths of the results. `path` lists the folders for the front of PATH, so that the Pulumi CLI finds its plugins.
 * @typedef {object} Paths
 * @property {string} pulumi the folder of `pulumi` and `pulumi-language-nodejs`
 * @property {string[]} path
 * @property {string} [firecracker] the VMM stand-in
 * @property {string} [firecrackerStub] the one that answers at once and runs nothing
 * @property {string} [kernel]
 * @property {string} [rootfs]
 */

const checkout = resolve(dirname(fileURLToPath(import.meta.url)), "../..");

/** Whether to report cached steps too: if the user runs the set-up alone. */
let reportCached = false;

/**
 * Runs one step under a heading, and prints how long it took; a step that prints nothing was cached.
 * @template T
 * @param {string} title
 * @param {(heading: () => void) => Promise<T>} work calls `heading` before it does anything that takes time
 * @returns {Promise<T>}
 */
async function step(title, work) {
  const start = process.hrtime.bigint();
  let silent = true;
  const result = await work(() => {
    if (silent) say(`== ${title}`);
    silent = false;
  });
  const seconds = Number(process.hrtime.bigint() - start) / 1e9;
  if (!silent) say(`== ${title}: done in ${seconds.toFixed(1)} s`);
  else if (reportCached) say(`== ${title}: cached`);
  return result;
}

/**
 * Runs a build script, which prints its result's folder on stdout and progress, if it has any work, on stderr.
 * @param {string} title
 * @param {string} script
 * @returns {Promise<string>} the folder
 */
function build(title, script) {
  return step(title, async (heading) => {
    const folder = await run([join(checkout, script)], {
      onLine: (line, stream) => {
        if (stream === "stdout") return;
        heading();
        say(line);
      },
    });
    return folder.trim();
  });
}

/** @param {readonly string[]} missing */
function packages(missing) {
  return step("Debian packages", async (heading) => {
    if (missing.length === 0) return;
    heading();
    await installPackages(missing);
  });
}

const CLI = "Pulumi CLI";
const NODE_MODULES = "node_modules";

function pulumiCli() {
  return step(CLI, async (heading) => {
    const ready = readyCli();
    if (ready !== undefined) return ready;
    return buildCli((line) => {
      heading();
      say(line);
    });
  });
}

function nodeModules() {
  return step(NODE_MODULES, async (heading) => {
    if (nodeModulesMatch(checkout)) return;
    heading();
    await installNodeModules(checkout);
  });
}

/**
 * Waits for all, so that no work goes on after an error; then throws the first error.
 * @template {readonly Promise<unknown>[]} T
 * @param {[...T]} works
 */
async function all(works) {
  await Promise.allSettled(works);
  return Promise.all(works);
}

/** Builds VMM, guest kernel and guest image, which need Debian's packages. */
async function builds() {
  const [vmm, kernel, image] = await all([
    build("VMM stand-in", "sandbox/vmm/build.sh"),
    build("guest kernel", "guest/build-kernel.sh"),
    build("guest image", "guest/build-image.sh"),
  ]);
  const files = {
    firecracker: join(vmm, "firecracker"),
    firecrackerStub: join(vmm, "firecracker-stub"),
    kernel: join(kernel, "vmlinux"),
    rootfs: join(image, "rootfs.ext4"),
  };
  const absent = Object.values(files).filter((path) => !existsSync(path));
  if (absent.length > 0) throw new SetupError(`a build succeeded without making ${absent.join(", ")}.`);
  return files;
}

/**
 * The lock of this checkout's set-ups. It is not in the checkout, which may be read-only.
 */
function lockFile() {
  const digest = createHash("sha256").update(checkout).digest("hex").slice(0, 16);
  return join(cacheFolder(), `setup-${digest}.lock`);
}

/**
 * @param {string} pulumi the folder of the CLI
 * @returns {Paths}
 */
function operatorPaths(pulumi) {
  // Pulumi's own releases contain this program, which starts dynamic providers, and warn of a second one on PATH.
  const complete = existsSync(join(pulumi, "pulumi-resource-pulumi-nodejs"));
  return { pulumi, path: complete ? [pulumi] : [pulumi, join(checkout, "node_modules/@pulumi/pulumi")] };
}

/**
 * @param {Purpose} purpose
 * @returns {Promise<Paths>}
 * @throws {SetupError} that names what is missing and what to run
 */
export async function setUp(purpose) {
  const system = thisSystem();
  checkNode(system);
  const missing = () => (purpose === "operator" ? [] : missingPackages(listedPackages(purpose === "test")));
  const absent = missing();
  if (purpose !== "operator") checkInstallable(system, absent);
  else if (spawnSync("ssh", ["-V"], { stdio: "ignore" }).error) {
    throw new SetupError("ssh is missing: install the OpenSSH client (Debian: apt-get install openssh-client).");
  }
  const ready = purpose === "operator" ? readyCli() : undefined;
  if (ready !== undefined && nodeModulesMatch(checkout)) {
    for (const title of [CLI, NODE_MODULES]) await step(title, () => Promise.resolve());
    return operatorPaths(ready);
  }
  return withLock(lockFile(), async () => {
    // Asked again where some were missing: another set-up may have installed them while this one waited.
    const stillMissing = () => (absent.length === 0 ? [] : missing());
    // Without these certificates Go can fetch nothing.
    if (stillMissing().includes("ca-certificates")) await packages(["ca-certificates"]);
    // Steps that need no Debian package run beside the installation of packages.
    const early = all([pulumiCli(), nodeModules()]);
    early.catch(() => undefined);
    /** @type {Partial<Paths>} */
    let built = {};
    if (purpose !== "operator") {
      try {
        await packages(stillMissing());
        built = await builds();
      } catch (error) {
        await early.catch(() => undefined);
        throw error;
      }
    }
    const [pulumi] = await early;
    return { ...operatorPaths(pulumi), ...built };
  });
}

async function main() {
  const { values } = parseArgs({
    options: { for: { type: "string", default: "up" }, json: { type: "boolean", default: false } },
  });
  const purpose = values.for;
  if (purpose !== "up" && purpose !== "test" && purpose !== "operator") {
    throw new SetupError(`--for ${purpose}: use up, test or operator.`);
  }
  reportCached = true;
  const paths = await setUp(purpose);
  if (values.json) process.stdout.write(`${JSON.stringify(paths, null, 2)}\n`);
  else for (const [name, path] of Object.entries(paths)) say(`${name}: ${String(path)}`);
}

if (process.argv[1] && resolve(process.argv[1]) === fileURLToPath(import.meta.url)) {
  for (const signal of /** @type {const} */ (["SIGINT", "SIGTERM"])) process.once(signal, () => process.exit(130));
  main().catch((error) => {
    console.error(error instanceof SetupError ? `\nerror: ${error.message}` : error);
    process.exitCode = 1;
  });
}
