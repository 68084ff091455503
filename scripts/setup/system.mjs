// @ts-check
import { readFileSync } from "node:fs";
import { SetupError } from "./run.mjs";

/**
 * The properties of this machine that the set-up needs.
 * @typedef {{ platform: string, id: string, version: string, root: boolean, node: string }} System
 */

/** @returns {System} */
export function thisSystem() {
  let text = "";
  try {
    text = readFileSync("/etc/os-release", "utf8");
  } catch {
    // Not a Linux, or one without this file.
  }
  /** @param {string} key */
  const field = (key) => new RegExp(`^${key}="?([^"\n]*)"?$`, "m").exec(text)?.[1] ?? "";
  return {
    platform: process.platform,
    id: field("ID"),
    version: field("VERSION_ID"),
    root: process.getuid?.() === 0,
    node: process.versions.node,
  };
}

/**
 * @param {System} system
 * @throws {SetupError}
 */
export function checkNode({ node }) {
  if (Number(node.split(".")[0]) < 20) {
    throw new SetupError(`Node ${node} is too old: Hornet needs Node 20 or newer.`);
  }
}

/** @param {readonly string[]} packages */
export function installCommand(packages) {
  return `apt-get install --no-install-recommends ${packages.join(" ")}`;
}

/**
 * Refuses a system on which the set-up cannot install packages or make droplets.
 * @param {System} system
 * @param {readonly string[]} missing
 * @throws {SetupError} that lists the missing packages and the command to run
 */
export function checkInstallable({ platform, id, version, root }, missing) {
  const operator =
    "To drive a droplet elsewhere, only Node, Pulumi and ssh are needed: node scripts/setup/setup.mjs --for operator";
  const list = missing.map((name) => `  ${name}`).join("\n");
  if (platform !== "linux" || !((id === "debian" && version === "12") || id === "ubuntu")) {
    const here = platform === "linux" ? `${id || "an unknown Linux"} ${version}`.trim() : platform;
    throw new SetupError(
      `Simulated droplets and guests need Debian 12 (or Ubuntu, as far as it has these packages); this is ${here}.\n` +
        `Missing packages, by their names in Debian 12:\n${list}\n${operator}`,
    );
  }
  if (root) return;
  if (missing.length > 0) {
    throw new SetupError(
      `These packages are missing, and only root can install them:\n${list}\nRun: sudo ${installCommand(missing)}\n` +
        "Simulated droplets need root too; run this as root.",
    );
  }
  throw new SetupError(
    `Simulated droplets consist of namespaces and mounts, which only root can make; run this as root.\n${operator}`,
  );
}
