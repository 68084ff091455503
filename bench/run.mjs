// @ts-check
/**
 * `npm run bench [-- OPTIONS]` and `npm run bench -- --compare A B`; see docs/performance.md. Runs the set-up
 * first, which is quick where it has run before, and then bench/main.ts.
 */
import { createRequire } from "node:module";
import { setUp } from "../scripts/setup/setup.mjs";

/** @param {readonly string[]} args */
async function main(args) {
  const looksOnly = args.includes("--compare") || args.includes("--help");
  const paths = await setUp(looksOnly ? "operator" : "test");
  const require = createRequire(import.meta.url);
  require("../register.cjs");
  process.exitCode = await require("./main.ts").main(args, paths);
}

main(process.argv.slice(2)).catch((error) => {
  console.error(`\nerror: ${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = 1;
});
