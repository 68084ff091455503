import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { cpus, release, totalmem } from "node:os";
import { dirname, resolve } from "node:path";
import { z } from "zod";
import type { BenchOptions } from "../options";
import { median, seriesSchema, type Series } from "./measurements";
import { ratios } from "./rows";

const resultSchema = z.object({
  format: z.literal(1),
  machine: z.record(z.string(), z.union([z.string(), z.number()])),
  series: z.record(z.string(), seriesSchema),
});

/** The parts of a result's file that the bench reads back. */
export type Result = z.infer<typeof resultSchema>;

/** The conditions besides Hornet that the numbers depend on. */
export function describeMachine(): Result["machine"] {
  return {
    cpus: cpus().length,
    cpu: cpus()[0]?.model ?? "unknown",
    memory: totalmem(),
    kernel: release(),
    node: process.version,
    commit: commit(),
  };
}

function commit(): string {
  try {
    const options = { cwd: resolve(__dirname, "../.."), encoding: "utf8", stdio: "pipe" } as const;
    return execFileSync("git", ["describe", "--always", "--dirty"], options).trim();
  } catch {
    return "unknown";
  }
}

/** Writes a result as JSON: every value of every run, the medians, and the ratios with their goals. */
export function writeResult(
  file: string,
  machine: Result["machine"],
  options: BenchOptions,
  series: Readonly<Record<string, Series>>,
): void {
  const { runs, counts, scale, add, guests, size, fill, only } = options;
  const told = Object.entries(series).map(([name, one]) => [name, { ...one, median: median(one.values) }]);
  const result = {
    format: 1,
    made: new Date().toISOString(),
    machine,
    options: { runs, counts, scale, add, guests, size, fill, only, baseline: options.baseline !== undefined },
    series: Object.fromEntries(told) as unknown,
    ratios: ratios(series)
      .filter(({ ratio }) => !Number.isNaN(ratio))
      .map(({ title, series: name, against, ratio, limit, met }) => ({
        title,
        series: name,
        against,
        ratio,
        limit,
        met,
      })),
  };
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, `${JSON.stringify(result, null, 2)}\n`);
}

/**
 * Reads a result's file.
 * @throws Error where it is none
 */
export function readResult(file: string): Result {
  try {
    return resultSchema.parse(JSON.parse(readFileSync(file, "utf8")));
  } catch (error) {
    const why = error instanceof z.ZodError ? z.prettifyError(error) : String(error);
    throw new Error(`${file} is not a result of npm run bench: ${why}`, { cause: error });
  }
}
