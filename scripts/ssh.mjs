// @ts-check
/**
 * `npm run ssh -- [-s STACK] NAME [ARGUMENT…]`: ssh to a clone, or to the droplet itself, with the ssh_config that `up`
 * wrote. It needs nothing but ssh, so it runs no set-up. Arguments after the name go to ssh unchanged.
 */
import { spawn } from "node:child_process";
import { existsSync, readFileSync, readdirSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

const checkout = resolve(dirname(fileURLToPath(import.meta.url)), "..");

/** @param {string} message */
function refuse(message) {
  console.error(`error: ${message}`);
  return 2;
}

/**
 * The hosts of a stack's ssh_config, and of those that it includes: a stack with several droplets has one for each.
 * @param {string} folder
 */
function hostsIn(folder) {
  const below = readdirSync(folder, { withFileTypes: true }).filter((entry) => entry.isDirectory());
  const files = [folder, ...below.map(({ name }) => join(folder, name))].map((one) => join(one, "ssh_config"));
  return files.flatMap((file) =>
    existsSync(file) ? [...readFileSync(file, "utf8").matchAll(/^Host (?!\*)(\S+)$/gm)].map((match) => match[1]) : [],
  );
}

/**
 * @param {readonly string[]} args
 * @returns {number | Promise<number>} the exit code
 */
function main(args) {
  const named = args[0] === "-s" || args[0] === "--stack";
  const stack = named ? (args[1] ?? "") : "local";
  const [name, ...rest] = named ? args.slice(2) : args;
  const usage =
    "npm run ssh -- [-s STACK] NAME [COMMAND…]; NAME is a clone, such as vm0, or droplet, or one of several droplets.";
  if (name === undefined || name.startsWith("-") || stack === "") return refuse(`which one? ${usage}`);
  const file = join(process.env.HORNET_STATE || join(checkout, ".hornet"), stack, "ssh_config");
  const up = stack === "local" ? "npm run up" : `pulumi up -s ${stack}`;
  if (!existsSync(file)) return refuse(`the stack ${stack} is not up, there is no ${file}. Run: ${up}`);
  const known = hostsIn(dirname(file));
  if (!known.includes(name)) return refuse(`the stack ${stack} has no ${name}; it has ${known.join(", ")}.`);
  return new Promise((done) => {
    // Ctrl-C belongs to the remote command.
    process.on("SIGINT", () => undefined);
    const child = spawn("ssh", ["-F", file, name, ...rest], { stdio: "inherit" });
    child.on("error", (error) => done(refuse(`ssh could not be started: ${error.message}`)));
    child.on("exit", (code) => done(code ?? 255));
  });
}

process.exitCode = await main(process.argv.slice(2));
