/**
 * `npm run watch -- [-s STACK] [--every 60s] [--repair] [--restarts 5] [--log FILE] [--metrics FILE]`: says in words what differs
 * on a stack's droplets, once or again and again, and repairs it with --repair. docs/watch.md describes it.
 */
import { appendFileSync, mkdirSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import { CancelledError, type FleetStack } from "../automation";
import type { Paths } from "../automation/cli";
import { askDroplets } from "../automation/live";
import { fleetPage } from "../automation/map/page";
import { reportOf } from "../automation/report";
import { look, type LogEntry, type Look } from "../automation/watch/look";
import { readMemory, writeMemory } from "../automation/watch/memory";
import { metricsText } from "../automation/watch/metrics";
import { messageOf } from "../host/errors";
import { printable, report } from "../host/printable";
import { writeWhole } from "../host/wholeFile";
import { stateFolder } from "../operator/simulatedDroplet";
import { openExisting, stackOptions } from "./open";

/** The longest pause after failed repairs, in ms. */
const LONGEST_PAUSE_MS = 900_000;

/** Seconds after which a browser reads the map again. */
const REFRESH_S = 15;

/** How a watcher looks, and where it writes. */
export interface Settings {
  readonly stack: Pick<FleetStack, "name" | "drift" | "preview" | "up" | "state" | "clones">;
  /** ms between two looks; undefined: one look. */
  readonly every: number | undefined;
  readonly repair: boolean;
  readonly budget: number;
  readonly log: string;
  readonly memory: string;
  readonly metrics: string | undefined;
  /** The page that shows the fleet; see npm run map. */
  readonly map: string | undefined;
}

/** @returns 0 if all is as declared in the end, 1 if something differs, 2 if a droplet or the state could not be read */
export async function main(args: readonly string[], paths: Paths): Promise<number> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      ...stackOptions,
      every: { type: "string" },
      repair: { type: "boolean", default: false },
      restarts: { type: "string", default: "5" },
      log: { type: "string" },
      metrics: { type: "string" },
      map: { type: "string" },
    },
  });
  const budget = Number(values.restarts);
  if (!Number.isInteger(budget) || budget < 0)
    throw new Error("--restarts is a number of restarts in an hour, such as 5");
  const folder = join(stateFolder(), values.stack);
  return watch({
    stack: await openExisting(paths, values),
    every: values.every === undefined ? undefined : durationOf(values.every),
    repair: values.repair,
    budget,
    log: resolve(values.log ?? join(folder, "watch.jsonl")),
    memory: join(folder, "watch.json"),
    metrics: values.metrics === undefined ? undefined : resolve(values.metrics),
    map: values.map === undefined ? undefined : resolve(values.map),
  });
}

/** `90`, `90s`, `5m` or `1h` in ms. */
export function durationOf(text: string): number {
  const [, number, unit = "s"] = /^(\d{1,6})([smh]?)$/.exec(text) ?? [];
  const ms = Number(number) * ({ s: 1000, m: 60_000, h: 3_600_000 }[unit === "" ? "s" : unit] ?? NaN);
  if (!(ms >= 1000)) throw new Error("--every is a time of at least a second, such as 60s, 5m or 1h");
  return ms;
}

/** ms until the next look; it doubles with each failure in a row. */
export function pauseAfter(failures: number, every: number): number {
  return Math.min(every * 2 ** failures, Math.max(every, LONGEST_PAUSE_MS));
}

/** Looks once, or until SIGINT or SIGTERM. Returns the exit code of {@link main}. */
export async function watch(settings: Settings): Promise<number> {
  const ending = new AbortController();
  const end = (): void => ending.abort();
  const ended = (): boolean => ending.signal.aborted;
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, end);
  try {
    for (let failures = 0, code = 0; ;) {
      const found = await lookOnce(settings, ending.signal);
      if (found.error instanceof CancelledError) return code;
      code = codeOf(found);
      failures = found.error === undefined ? 0 : failures + 1;
      if (settings.every === undefined || ended()) return code;
      await sleep(pauseAfter(failures, settings.every), undefined, { signal: ending.signal }).catch(() => undefined);
      if (ended()) return code;
    }
  } finally {
    for (const signal of ["SIGINT", "SIGTERM"] as const) process.off(signal, end);
  }
}

function codeOf({ error, unreachable, drift }: Look): number {
  if (error !== undefined || unreachable.length > 0) return 2;
  return drift.length > 0 ? 1 : 0;
}

async function lookOnce({ stack, repair, budget, ...files }: Settings, signal: AbortSignal): Promise<Look> {
  const memory = readMemory(files.memory);
  const log = (entry: LogEntry): void => {
    const at = new Date().toISOString();
    try {
      mkdirSync(dirname(files.log), { recursive: true, mode: 0o700 });
      appendFileSync(files.log, `${JSON.stringify({ at, stack: stack.name, ...entry })}\n`, { mode: 0o600 });
    } catch (error) {
      // On a full disk it goes on repairing; what follows is on its stdout.
      report(`${files.log} cannot be written: ${messageOf(error)}`);
    }
    console.log(printable(`${at} ${entry.event}: ${entry.clone ?? entry.resource ?? stack.name}: ${entry.message}`));
  };
  const found = await look(stack, memory, { repair, budget, signal, log });
  writeMemory(files.memory, memory);
  if (found.error === undefined && found.drift.length === 0 && found.unreachable.length === 0) {
    console.log(`${new Date().toISOString()} ${stack.name}: ${found.repaired ? "repaired" : "as declared"}`);
  }
  if (files.metrics !== undefined) {
    const clones = await stack.clones().catch(() => []);
    // node_exporter runs as another user.
    writeWhole(files.metrics, metricsText(stack.name, found, memory, { clones, now: Date.now() }), 0o644);
  }
  if (files.map !== undefined && found.error === undefined) {
    const state = await stack.state();
    const seen = reportOf(stack.name, state, await askDroplets(state.droplets), { drift: found.drift, compared: true });
    writeWhole(files.map, fleetPage(seen, REFRESH_S));
  }
  return found;
}
