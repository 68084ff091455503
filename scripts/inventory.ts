/**
 * `npm run --silent inventory [-- -s STACK] [--list | --host NAME]`: an Ansible inventory of a stack's clones. The stack may also
 * be named by HORNET_STACK, since Ansible passes no further arguments to an inventory script.
 */
import { resolve } from "node:path";
import { parseArgs } from "node:util";
import type { Paths } from "../automation/cli";
import { inventoryOf } from "../automation/inventory";
import { LOCAL, checkout } from "../operator/localPaths";
import { openExisting, stackOptions } from "./open";

/** @returns the exit code */
export async function main(args: readonly string[], paths: Paths): Promise<number> {
  const { values } = parseArgs({
    args: [...args],
    options: { ...stackOptions, list: { type: "boolean" }, host: { type: "string" } },
  });
  const stack = values.stack === LOCAL ? (process.env.HORNET_STACK ?? LOCAL) : values.stack;
  const state = await (await openExisting(paths, { ...values, stack })).state();
  const inventory = inventoryOf(state, (file) => resolve(values.cwd ?? checkout, file));
  const answer = values.host === undefined ? inventory : (inventory._meta.hostvars[values.host] ?? {});
  process.stdout.write(`${JSON.stringify(answer, null, 2)}\n`);
  return 0;
}
