/**
 * `npm run pulumi -- ARGUMENT…`: the Pulumi CLI that the set-up found. It works on the stack `local`, with its state,
 * passphrase and config file; for another stack it uses the user's own backend and login.
 */
import { existsSync } from "node:fs";
import { placeOf } from "../automation/place";
import { declaredFleets, hasSeveral } from "../automation/size";
import { readStackFile } from "../config/stackFile";
import { folderOf, stackOf, takesConfigFile } from "./arguments";
import { LOCAL, checkout, localPaths } from "../operator/localPaths";
import { assertBackendWhole, prepareStack } from "../automation/local/stack";
import { goingOn, runPulumi, type Paths } from "../automation/cli";

/** @returns the CLI's exit code */
export async function main(args: readonly string[], paths: Paths): Promise<number> {
  process.chdir(checkout);
  const stack = stackOf(args);
  if (stack !== LOCAL) {
    if (stack !== "") assertBackendWhole(stack);
    return (await runPulumi(paths, stack, args, { env: variables(paths, stack, args) })).code;
  }
  await prepareStack(paths);
  const end = args.indexOf("--");
  const before = end < 0 ? args : args.slice(0, end);
  const config = takesConfigFile(before) ? ["--config-file", localPaths().config] : [];
  const given = [...before, ...config, ...args.slice(before.length)];
  return (await runPulumi(paths, LOCAL, given, { env: variables(paths, LOCAL, args) })).code;
}

/** With several droplets, one that fails must not end the operation on the others. */
function variables(paths: Paths, stack: string, args: readonly string[]): Readonly<Record<string, string>> {
  if (stack === "") return {};
  const folder = folderOf(args);
  const { configFile } = placeOf(paths, { stack, ...(folder !== undefined && { workDir: folder }) });
  return goingOn(existsSync(configFile) && hasSeveral(declaredFleets(readStackFile(configFile).raw)));
}
