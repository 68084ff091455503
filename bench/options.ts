import { accessSync, constants, existsSync } from "node:fs";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";

/** The parts of the bench, in the order of the table. */
export const PARTS = [
  "work",
  "up",
  "add",
  "jail",
  "droplets",
  "network",
  "reach",
  "bytes",
  "transfer",
  "guests",
  "identity",
  "hostile",
  "change",
] as const;

/** One of {@link PARTS}. */
export type PartName = (typeof PARTS)[number];

/** The options of a run. */
export interface BenchOptions {
  /** The archive's script; undefined: its columns are empty. */
  readonly baseline: string | undefined;
  readonly runs: number;
  /** Clones, side by side with the script. */
  readonly counts: readonly number[];
  /** Clones for Hornet and the engine floor alone. */
  readonly scale: readonly number[];
  /** Sizes of fleets to which one clone is added. */
  readonly add: readonly number[];
  /** Another checkout of Hornet, measured beside this one; undefined: none. */
  readonly old: string | undefined;
  /** A stack with several droplets, each with so many clones; undefined: it is not measured. */
  readonly droplets: { readonly count: number; readonly each: number } | undefined;
  /** Real guests at once. */
  readonly guests: number;
  /** Size of the memory file and of the disk, in MiB, and how much of them is not zero, in percent. */
  readonly size: number;
  readonly fill: number;
  readonly only: readonly PartName[];
  readonly json: string | undefined;
  readonly plots: string | undefined;
}

/** Measure, or compare two earlier results. */
export type Command =
  | { readonly kind: "measure"; readonly options: BenchOptions }
  | { readonly kind: "compare"; readonly files: readonly [string, string] }
  | { readonly kind: "help" };

/** The folder where npm was called: paths on the command line are relative to it. */
const calledFrom = process.env.INIT_CWD ?? process.cwd();

export const usage = `npm run bench [-- OPTIONS]
  --baseline PATH   the archive's swarm-spawn-alpine-v2.sh, run side by side; without it that column is empty
  --runs N          how often to measure everything; the table shows medians (default 5)
  --counts 3,10     clones, side by side with the script
  --scale 50,100    clones for Hornet and the engine floor alone, measured once
  --add 3,100       sizes of fleets to which one clone is added (default 3,30)
  --old FOLDER      another checkout of Hornet, whose commands are measured after each of this one's (work, up)
  --droplets 10x25  a stack on 10 droplets with 25 clones each, against one droplet with all of them, measured once
  --guests N        emulated guests at once (default 10)
  --size MIB        size of the memory file and of the disk (default 256)
  --fill PERCENT    how much of both is not zero (default 50)
  --only PART…      ${PARTS.join(", ")}
  --json FILE       where the result goes as JSON (default .hornet/bench.json)
  --plots FOLDER    draws the result as SVG there
npm run bench -- --compare A.json B.json
`;

/**
 * Reads the command line.
 * @throws Error that names the wrong option and a valid form
 */
export function parseCommand(args: readonly string[]): Command {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      baseline: { type: "string" },
      runs: { type: "string", default: "5" },
      counts: { type: "string", default: "3,10" },
      scale: { type: "string", default: "" },
      add: { type: "string", default: "3,30" },
      old: { type: "string" },
      droplets: { type: "string" },
      guests: { type: "string", default: "10" },
      size: { type: "string", default: "256" },
      fill: { type: "string", default: "50" },
      only: { type: "string", multiple: true, default: [] },
      json: { type: "string" },
      plots: { type: "string" },
      compare: { type: "boolean", default: false },
      help: { type: "boolean", short: "h", default: false },
    },
  });
  if (values.help) return { kind: "help" };
  if (values.compare) {
    const [before, after, ...more] = positionals.map((path) => resolve(calledFrom, path));
    if (before === undefined || after === undefined || more.length > 0) {
      throw new Error("--compare takes the JSON files of two runs: npm run bench -- --compare A.json B.json");
    }
    return { kind: "compare", files: [before, after] };
  }
  const path = (given: string | undefined): string | undefined =>
    given === undefined ? undefined : resolve(calledFrom, given);
  return {
    kind: "measure",
    options: {
      baseline: readable(path(values.baseline)),
      runs: whole("--runs", values.runs, 1, 1000),
      counts: wholes("--counts", values.counts),
      scale: wholes("--scale", values.scale),
      add: wholes("--add", values.add),
      old: checkoutAt(path(values.old)),
      droplets: several(values.droplets),
      guests: whole("--guests", values.guests, 1, 253),
      size: whole("--size", values.size, 16, 65536),
      fill: whole("--fill", values.fill, 0, 100),
      only: parts([...values.only, ...positionals]),
      json: path(values.json),
      plots: path(values.plots),
    },
  };
}

/** `--only a b`, `--only a --only b` and `--only a,b` are the same. */
function parts(given: readonly string[]): PartName[] {
  const names = given.flatMap((text) => text.split(",")).filter((name) => name !== "");
  const unknown = names.find((name) => !PARTS.some((part) => part === name));
  if (unknown !== undefined) throw new Error(`there is no part ${unknown} to measure; there are ${PARTS.join(", ")}`);
  return PARTS.filter((part) => names.length === 0 || names.includes(part));
}

function whole(option: string, text: string, least: number, most: number): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < least || value > most) {
    throw new Error(`${option} ${text}: it is a whole number from ${least} to ${most}`);
  }
  return value;
}

/** `10x25`. */
function several(text: string | undefined): BenchOptions["droplets"] {
  if (text === undefined) return undefined;
  const [, count, each] = /^(\d{1,3})x(\d{1,3})$/.exec(text) ?? [];
  const droplets = { count: Number(count), each: Number(each) };
  if (droplets.count > 1 && droplets.each > 0 && droplets.count * droplets.each <= 253) return droplets;
  throw new Error(`--droplets ${text}: it is a number of droplets and of clones on each, at most 253 together: 10x25`);
}

/** The default network is a /24, which holds 253 clones. */
function wholes(option: string, text: string): number[] {
  const counts = text.split(",").filter((one) => one !== "");
  return counts.map((one) => whole(option, one, 1, 253));
}

function checkoutAt(path: string | undefined): string | undefined {
  if (path === undefined || existsSync(join(path, "bench/run.mjs"))) return path;
  throw new Error(`--old: ${path} is no checkout of Hornet: it has no bench/run.mjs`);
}

function readable(path: string | undefined): string | undefined {
  if (path === undefined) return undefined;
  try {
    accessSync(path, constants.R_OK);
    return path;
  } catch {
    throw new Error(`--baseline: ${path} is not a readable file`);
  }
}
