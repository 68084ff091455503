/**
 * `npm run status [-- -s STACK] [--json] [--fast] [--cwd FOLDER]`: shows a stack's droplets and clones, what they cost and what
 * differs from the declaration. `--fast` looks for no drift. It changes nothing.
 */
import { parseArgs } from "node:util";
import { StackError } from "../automation";
import type { Paths } from "../automation/cli";
import { dropletTitle, fleetReport, isAsDeclared, type FleetReport, type ReportedClone } from "../automation/report";
import { messageOf } from "../host/errors";
import { printable, report } from "../host/printable";
import { openExisting, stackOptions } from "./open";
import { columns } from "./table";

/** @returns 0 if all is as declared, 1 if something differs, 2 if a droplet or the state could not be read */
export async function main(args: readonly string[], paths: Paths): Promise<number> {
  const { values } = parseArgs({
    args: [...args],
    options: { ...stackOptions, json: { type: "boolean" }, fast: { type: "boolean" } },
  });
  try {
    const stack = await openExisting(paths, values);
    const found = await fleetReport(stack, { compare: values.fast !== true });
    process.stdout.write(values.json === true ? `${JSON.stringify(found, null, 2)}\n` : statusText(found));
    if (found.droplets.some(({ error }) => error !== "")) return 2;
    return isAsDeclared(found) ? 0 : 1;
  } catch (error) {
    if (!(error instanceof StackError)) throw error;
    report(`error: ${messageOf(error)}`);
    return 2;
  }
}

/** A report for a terminal. */
export function statusText(found: FleetReport): string {
  const { stack, droplets, ready, compared } = found;
  if (droplets.length === 0) return `The stack ${stack} has nothing on any droplet.\n`;
  const lines = droplets.flatMap((droplet) => [
    `${stack} on ${dropletTitle(droplet)}: ${droplet.clones.length} ${droplet.clones.length === 1 ? "clone" : "clones"}, snapshot ${short(droplet.snapshot)}` +
      (droplet.generations.length > 1 ? `, ${droplet.generations.length - 1} earlier kept` : ""),
    ...(droplet.operation === "" ? [] : [`  now: ${droplet.operation}`]),
    ...(droplet.error === "" ? [] : [`  error: ${droplet.error.replaceAll("\n", "\n  ")}`]),
    ...droplet.drift.map((words) => `  drift: ${words}`),
    ...droplet.clones.flatMap(({ name, restarts }) => (restarts === "" ? [] : [`  ${name}: ${restarts}`])),
    ...(droplet.clones.length === 0 ? [] : [columns([HEAD, ...droplet.clones.map(rowOf)])]),
  ]);
  const times = ready.clones === 0 ? [] : [`ready after p50 ${s(ready.p50)}, p95 ${s(ready.p95)}, p99 ${s(ready.p99)}`];
  const end = compared ? (isAsDeclared(found) ? ["All is as declared."] : []) : ["Drift was not looked for."];
  return `${[...lines, ...times, ...end].map((line) => line.split("\n").map(printable).join("\n").trimEnd()).join("\n")}\n`;
}

const HEAD = ["CLONE", "ADDRESS", "STATE", "READY", "MEMORY", "SHARED", "CPU", "UP", "SNAPSHOT", "DRIFT"];

function rowOf({ name, address, state, ready, usage, snapshot, drift }: ReportedClone): string[] {
  const costs =
    usage === undefined
      ? ["", "", "", ""]
      : [
          `${Math.round(usage.privateKib / 1024)} MiB`,
          `${Math.round(usage.sharedKib / 1024)} MiB`,
          `${usage.ageMs === 0 ? 0 : Math.round((100 * usage.cpuMs) / usage.ageMs)} %`,
          age(usage.ageMs),
        ];
  return [name, address, state, ready ? "yes" : "", ...costs, short(snapshot), drift.join("; ")];
}

function short(digest: string): string {
  return digest === "" ? "none" : digest.replace(/^sha256:/, "").slice(0, 12);
}

function s(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`;
}

function age(ms: number): string {
  const minutes = Math.floor(ms / 60_000);
  if (minutes < 1) return `${Math.floor(ms / 1000)} s`;
  if (minutes < 60) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  return hours < 48 ? `${hours} h` : `${Math.floor(hours / 24)} d`;
}
