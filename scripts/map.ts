/**
 * `npm run map [-- -s STACK] [--out FILE] [--fast] [--cwd FOLDER]`: writes a stack's droplets and clones as one HTML page, which
 * needs no network. `npm run watch -- --map FILE` keeps one up to date.
 */
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import type { Paths } from "../automation/cli";
import { fleetPage } from "../automation/map/page";
import { fleetReport } from "../automation/report";
import { writeWhole } from "../host/wholeFile";
import { stateFolder } from "../operator/simulatedDroplet";
import { openExisting, stackOptions } from "./open";

/** @returns the exit code */
export async function main(args: readonly string[], paths: Paths): Promise<number> {
  const { values } = parseArgs({
    args: [...args],
    options: { ...stackOptions, out: { type: "string" }, fast: { type: "boolean" } },
  });
  const stack = await openExisting(paths, values);
  const file = resolve(values.out ?? join(stateFolder(), values.stack, "map.html"));
  writeWhole(file, fleetPage(await fleetReport(stack, { compare: values.fast !== true })));
  console.log(file);
  return 0;
}
