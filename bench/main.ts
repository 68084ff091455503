/** `npm run bench`: measures Hornet against the archive's script, the kernel and the engine. See docs/performance.md. */
import { resolve } from "node:path";
import type { Paths } from "../automation/cli";
import { checkout } from "../operator/localPaths";
import { parseCommand, usage, type BenchOptions, type PartName } from "./options";
import { add } from "./parts/add";
import { bytes } from "./parts/bytes";
import { change } from "./parts/change";
import { droplets } from "./parts/droplets";
import { guests } from "./parts/guests";
import { hostile } from "./parts/hostile";
import { identity } from "./parts/identity";
import { jail } from "./parts/jail";
import { network } from "./parts/network";
import { measureOld } from "./parts/old";
import { reach } from "./parts/reach";
import { transfer } from "./parts/transfer";
import { up } from "./parts/up";
import { work } from "./parts/work";
import { changeTable } from "./report/compare";
import { Measurements } from "./report/measurements";
import { writePlots } from "./report/plots";
import { describeMachine, readResult, writeResult } from "./report/result";
import { ratios } from "./report/rows";
import { resultTable } from "./report/table";
import type { BenchPaths, Context, Part } from "./support/context";
import { Stages } from "./support/stage";

const parts: Readonly<Record<PartName, Part>> = {
  work,
  up,
  add,
  jail,
  droplets,
  network,
  reach,
  bytes,
  transfer,
  guests,
  identity,
  hostile,
  change,
};

/**
 * @returns 0 where everything could be measured, whatever the numbers; 1 where something could not
 * @throws Error on a wrong command line
 */
export async function main(args: readonly string[], paths: Paths & Partial<BenchPaths>): Promise<number> {
  const command = parseCommand(args);
  if (command.kind === "help") {
    process.stdout.write(usage);
    return 0;
  }
  if (command.kind === "compare") {
    const [before, after] = command.files;
    process.stdout.write(changeTable(readResult(before), readResult(after)));
    return 0;
  }
  const { firecracker, firecrackerStub } = paths;
  if (firecracker === undefined || firecrackerStub === undefined) throw new Error("the set-up made no VMM stand-in");
  return measure({ ...paths, firecracker, firecrackerStub }, command.options);
}

async function measure(paths: BenchPaths, options: BenchOptions): Promise<number> {
  const stages = new Stages();
  // Droplets outlive the process that started them, so an interrupted run removes them before it ends.
  const interrupt = (): void => void stages.end().finally(() => process.exit(130));
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, interrupt);
  const results = new Measurements();
  const failures = new Map<PartName, string>();
  let run = 0;
  const say = (what: string): void => void process.stderr.write(`run ${run + 1}/${options.runs}: ${what}\n`);
  const context: Context = { options, paths, stages, results, say };
  try {
    for (; run < options.runs; run++) {
      for (const name of options.only.filter((part) => !failures.has(part))) {
        await parts[name](context, run).catch(async (error: unknown) => {
          failures.set(name, error instanceof Error ? error.message : String(error));
          // Its leftovers must not disturb the other parts.
          await stages.clear();
        });
      }
      if (options.old !== undefined) await measureOld(context, options.old);
    }
  } finally {
    for (const signal of ["SIGINT", "SIGTERM"] as const) process.removeListener(signal, interrupt);
    await stages.end();
  }
  report(options, results);
  for (const [name, why] of failures) console.error(`\nerror: ${name} could not be measured: ${why}`);
  return failures.size === 0 ? 0 : 1;
}

function report(options: BenchOptions, { all }: Measurements): void {
  const machine = describeMachine();
  const file = options.json ?? resolve(checkout, ".hornet/bench.json");
  writeResult(file, machine, options, all);
  if (options.plots !== undefined) writePlots(options.plots, all);
  process.stdout.write(
    `\n${machine.cpus ?? "?"} cores, ${machine.cpu ?? "?"}, Linux ${machine.kernel ?? "?"}; ` +
      `medians of ${options.runs} runs; ${options.size} MiB files, ${options.fill} % not zero\n\n` +
      `${resultTable(all, ratios(all))}\n${file}\n`,
  );
}
