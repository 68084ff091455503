/** `npm run down [-- --droplet]`: destroys the stack `local`, and with --droplet removes the simulated droplet too. */
import { existsSync } from "node:fs";
import { stopDroplet } from "../sandbox/droplet";
import { checkpointing, resourcesIn } from "../automation/checkpoints";
import { localFleets, refreshConfig } from "../automation/local/config";
import { hasSeveral } from "../automation/size";
import { LOCAL, checkout, localPaths } from "../operator/localPaths";
import { startDroplets } from "./droplets";
import { prepareStack } from "../automation/local/stack";
import { refuseOtherStack } from "./arguments";
import { goingOn, localOptions, runPulumi, unattendedOptions, type Paths } from "../automation/cli";

/**
 * @param args `--droplet`, and further arguments for `pulumi destroy`
 * @returns Pulumi's exit code
 */
export async function main(args: readonly string[], paths: Paths): Promise<number> {
  refuseOtherStack("destroy", args);
  process.chdir(checkout);
  const withDroplet = args.includes("--droplet");
  const code = await destroy(
    args.filter((arg) => arg !== "--droplet"),
    paths,
  );
  if (code !== 0) return code;
  const names = localFleets().flatMap(({ simulated }) => simulated ?? []);
  if (!withDroplet) {
    for (const name of names) {
      console.log(`The simulated droplet ${name} stays; npm run down -- --droplet removes it.`);
    }
    return 0;
  }
  if (names.length === 0)
    throw new Error("--droplet: the stack is not on a simulated droplet; there is nothing to stop.");
  for (const name of names) {
    const was = await stopDroplet(name, { purge: true });
    console.log(was ? `The simulated droplet ${name} is removed.` : `There was no simulated droplet ${name}.`);
  }
  return 0;
}

async function destroy(args: readonly string[], paths: Paths): Promise<number> {
  if (!existsSync(localPaths().stackFile)) {
    // The config names the droplet for --droplet.
    refreshConfig();
    console.log("Nothing to remove: npm run up has not run here.");
    return 0;
  }
  await prepareStack(paths);
  await startDroplets(paths);
  const fleets = localFleets();
  const fixed = ["destroy", ...unattendedOptions(), ...localOptions()];
  // A state without the claim knows nothing else either; the claim is removed last.
  const { first, env } = checkpointing(fleets, resourcesIn(localPaths().stackFile));
  const variables = { ...(first.length > 0 ? {} : env), ...goingOn(hasSeveral(fleets)) };
  return (await runPulumi(paths, LOCAL, [...fixed, ...args], { env: variables })).code;
}
