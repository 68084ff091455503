/**
 * `npm run pulumi -- ARGUMENT…`: the Pulumi CLI that the set-up found. It works on the stack `local`, with its state,
 * passphrase and config file; for another stack it uses the user's own backend and login.
 */
import { stackOf, takesConfigFile } from "./arguments";
import { LOCAL, checkout, localPaths } from "../operator/localPaths";
import { assertBackendWhole, prepareStack } from "../automation/local/stack";
import { runPulumi, type Paths } from "../automation/cli";

/** @returns the CLI's exit code */
export async function main(args: readonly string[], paths: Paths): Promise<number> {
  process.chdir(checkout);
  const stack = stackOf(args);
  if (stack !== LOCAL) {
    if (stack !== "") assertBackendWhole(stack);
    return (await runPulumi(paths, stack, args)).code;
  }
  await prepareStack(paths);
  const end = args.indexOf("--");
  const before = end < 0 ? args : args.slice(0, end);
  const config = takesConfigFile(before) ? ["--config-file", localPaths().config] : [];
  return (await runPulumi(paths, LOCAL, [...before, ...config, ...args.slice(before.length)])).code;
}
