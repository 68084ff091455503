/**
 * `npm run fuzz [-- --seconds N] [--seed N] [TARGET…]`: the targets that `npm test` runs for a moment, each for minutes,
 * with a new seed. A failure prints its input as a line for test/fuzz/corpus.
 */
import { spawnSync } from "node:child_process";
import { randomInt } from "node:crypto";
import { join } from "node:path";
import { parseArgs } from "node:util";

const checkout = join(__dirname, "../..");

/** The command's exit code. */
export function main(args: readonly string[]): number {
  const { values, positionals } = parseArgs({
    args: [...args],
    options: { seconds: { type: "string", default: "300" }, seed: { type: "string" } },
    allowPositionals: true,
  });
  const seed = values.seed ?? String(randomInt(2 ** 31));
  console.log(`seed ${seed}, ${values.seconds} s for each target`);
  const paths = positionals.length === 0 ? ["test/fuzz/"] : positionals.map((name) => `test/fuzz/${name}.test.ts`);
  const run = spawnSync(
    process.execPath,
    [join(checkout, "node_modules/jest/bin/jest.js"), "--maxWorkers=2", ...paths],
    {
      cwd: checkout,
      stdio: "inherit",
      env: { ...process.env, HORNET_FUZZ_SECONDS: values.seconds, HORNET_FUZZ_SEED: seed },
    },
  );
  return run.status ?? 1;
}
