// @ts-check
/**
 * The commands of package.json: `node scripts/hornet.mjs COMMAND [ARGUMENT…]`. Each first runs the set-up, which is quick
 * where it has run before, and then its TypeScript. Works on a fresh clone, so nothing here needs node_modules.
 */
import { createRequire } from "node:module";
import { SetupError } from "./setup/run.mjs";
import { setUp } from "./setup/setup.mjs";

/**
 * The set-up and the module of each command. A module exports `main(args, paths)`, which returns the exit code.
 * @type {Record<string, { purpose: import("./setup/setup.mjs").Purpose, module: string }>}
 */
const commands = {
  up: { purpose: "up", module: "./up.ts" },
  down: { purpose: "up", module: "./down.ts" },
  droplet: { purpose: "up", module: "../sandbox/droplet/cli.ts" },
  image: { purpose: "up", module: "./image.ts" },
  pulumi: { purpose: "operator", module: "./pulumi.ts" },
  promote: { purpose: "operator", module: "./promote.ts" },
  status: { purpose: "operator", module: "./status.ts" },
  watch: { purpose: "operator", module: "./watch.ts" },
  map: { purpose: "operator", module: "./map.ts" },
  inventory: { purpose: "operator", module: "./inventory.ts" },
  chaos: { purpose: "test", module: "../test/chaos/run.ts" },
  fuzz: { purpose: "test", module: "../test/fuzz/run.ts" },
  doctor: { purpose: "operator", module: "./doctor/doctor.ts" },
  "test:kvm": { purpose: "test", module: "./test-kvm.ts" },
};

/** @param {readonly string[]} argv */
async function main([name = "", ...args]) {
  const command = commands[name];
  if (!command) throw new SetupError(`there is no command ${name}; there are ${Object.keys(commands).join(", ")}.`);
  const paths = await setUp(command.purpose);
  const require = createRequire(import.meta.url);
  require("../lazySdk.cjs").install();
  require("../register.cjs");
  // The droplets' command line is a separate program, which reads its own arguments.
  process.argv = [process.argv[0] ?? "node", command.module, ...args];
  const loaded = require(command.module);
  if (typeof loaded.main === "function") process.exitCode = await loaded.main(args, paths);
}

for (const signal of /** @type {const} */ (["SIGINT", "SIGTERM"])) {
  process.on(signal, () => {
    // A child on the same terminal gets the signal too; this process waits for it and takes over its exit code.
    if (process.listenerCount(signal) === 1) process.exit(130);
  });
}
/**
 * An error in words, with its causes: "Failed to load native binding" alone does not say that the cache folder is not safe.
 * @param {unknown} error
 * @returns {string}
 */
function inWords(error) {
  if (!(error instanceof Error)) return String(error);
  const causes = [error.cause ?? []].flat().map((cause) => inWords(cause).split("\n")[0] ?? "");
  return [error.message, ...causes].join("\n  ");
}

main(process.argv.slice(2)).catch((error) => {
  console.error(`\nerror: ${inWords(error)}`);
  process.exitCode = 1;
});
