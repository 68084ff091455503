// @ts-check
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync, readdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { withoutServices } from "./policy.mjs";
import { SetupError, run, say } from "./run.mjs";
import { installCommand } from "./system.mjs";

const lists = "/var/lib/apt/lists";
const quiet = { ...process.env, DEBIAN_FRONTEND: "noninteractive", LC_ALL: "C.UTF-8" };
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
 * Those of the named packages that are not installed, by one look into dpkg's database.
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

/** Counts what apt and dpkg do, and says every few seconds how far they are. */
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
  await run(["apt-get", "update", "-q", ...options], { env: quiet });
}

/**
 * Installs packages with what they need and nothing more. No service of theirs is started, now or at the next boot.
 * @param {readonly string[]} names
 * @throws {SetupError} with the end of what apt said
 */
export async function installPackages(names) {
  const install = () =>
    withoutServices(() =>
      run(["apt-get", "install", "-q", "--no-install-recommends", ...options, ...names], {
        env: quiet,
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
    // Lists that are older than the archive name files that are gone.
    await update();
    await install();
  }
  const left = missingPackages(names);
  if (left.length > 0)
    throw new SetupError(`still missing after installing: ${left.join(" ")}\nRun: ${installCommand(left)}`);
  if (names.includes("openssh-server")) {
    // The package switches its service on for the next boot; droplets bring their own sshd.
    // The helper wants to be called as a package's own script calls it.
    const env = { ...process.env, DPKG_MAINTSCRIPT_PACKAGE: "openssh-server" };
    await run(["deb-systemd-helper", "disable", "ssh.service"], { env });
  }
}
