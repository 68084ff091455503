// @ts-check
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync, readdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { withoutServices } from "./policy.mjs";
import { SetupError, run, say } from "./run.mjs";
import { installCommand } from "./system.mjs";

const lists = "/var/lib/apt/lists";
const unattended = { ...process.env, DEBIAN_FRONTEND: "noninteractive", LC_ALL: "C.UTF-8" };
const options = ["-y", "-o", "Dpkg::Use-Pty=0", "-o", "DPkg::Lock::Timeout=600"];

/**
 * The packages of debian-packages.txt.
 * @param {boolean} forTests whether to include those that only tests and benchmarks need
 * @returns {string[]}
 */
export function listedPackages(forTests) {
  return readFileSync(join(dirname(fileURLToPath(import.meta.url)), "debian-packages.txt"), "utf8")
    .split("\n")
    .map((line) => line.replace(/#.*/, "").trim())
    .filter((line) => line !== "" && (forTests || !line.endsWith("[test]")))
    .map((line) => line.replace(/\s*\[test\]$/, ""));
}

/**
 * The named packages that are not installed, by one query of dpkg's database.
 * @param {readonly string[]} names
 * @returns {string[]}
 */
export function missingPackages(names) {
  const asked = spawnSync("dpkg-query", ["-W", "-f", "${db:Status-Status} ${Package}\n", ...names], {
    encoding: "utf8",
  });
  if (asked.error) return [...names];
  const installed = new Set(asked.stdout.split("\n").flatMap((line) => /^installed (.*)$/.exec(line)?.[1] ?? []));
  return names.filter((name) => !installed.has(name));
}

/** Follows the output of apt and dpkg, and reports their progress every few seconds. */
function progress() {
  let total = 0;
  let fetched = 0;
  let set = 0;
  let next = Date.now() + 5000;
  return (/** @type {string} */ line) => {
    total = Number(/(\d+) newly installed/.exec(line)?.[1] ?? total);
    if (line.startsWith("Get:")) fetched++;
    if (line.startsWith("Setting up ")) set++;
    if (Date.now() < next) return;
    next = Date.now() + 5000;
    say(`packages: ${fetched} fetched, ${set} set up, of ${total}`);
  };
}

async function update() {
  say("packages: fetching the lists (apt-get update)");
  await run(["apt-get", "update", "-q", ...options], { env: unattended });
}

/**
 * Installs packages with their dependencies, but without recommended packages. Starts none of their services, now or at the
 * next boot.
 * @param {readonly string[]} names
 * @throws {SetupError} with the end of apt's output
 */
export async function installPackages(names) {
  const install = () =>
    withoutServices(() =>
      run(["apt-get", "install", "-q", "--no-install-recommends", ...options, ...names], {
        env: unattended,
        onLine: progress(),
      }),
    );
  say(`packages: installing ${names.join(" ")}`);
  const known =
    existsSync(lists) && readdirSync(lists).some((file) => file.endsWith("Packages") || file.includes("Packages."));
  if (!known) await update();
  try {
    await install();
  } catch (error) {
    if (!known) throw error;
    // Lists that are older than the archive name files that the archive no longer has.
    await update();
    await install();
  }
  const left = missingPackages(names);
  if (left.length > 0)
    throw new SetupError(`still missing after installing: ${left.join(" ")}\nRun: ${installCommand(left)}`);
  if (names.includes("openssh-server")) {
    // The package enables its service for the next boot, but droplets run their own sshd. The helper refuses to run outside
    // of a package's script unless this variable is set.
    const env = { ...process.env, DPKG_MAINTSCRIPT_PACKAGE: "openssh-server" };
    await run(["deb-systemd-helper", "disable", "ssh.service"], { env });
  }
}
