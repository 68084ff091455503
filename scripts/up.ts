/** `npm run up`: the simulated droplet, then the stack `local` on it, then how to reach its clones. */
import { checkpointing, resourcesIn } from "../automation/checkpoints";
import { localFleets } from "../automation/local/config";
import { hasSeveral } from "../automation/size";
import { LOCAL, checkout, localPaths } from "../operator/localPaths";
import { prepareStack } from "../automation/local/stack";
import { startDroplets } from "./droplets";
import { readChanges, readClones } from "./result";
import { goingOn, localOptions, runPulumi, unattendedOptions, usesStandIn, type Paths } from "../automation/cli";
import { refuseOtherStack } from "./arguments";
import { changeLine, cloneTable } from "./table";

const STAND_IN_NOTE =
  "Hornet's stand-in for the plugin of @pulumi/command runs hornet:steps, because this CLI cannot download it (docs/steps.md)\n";

/**
 * @param args further arguments for `pulumi up`
 * @returns Pulumi's exit code
 */
export async function main(args: readonly string[], paths: Paths): Promise<number> {
  refuseOtherStack("up", args);
  process.chdir(checkout);
  await prepareStack(paths);
  const fleets = localFleets();
  const several = hasSeveral(fleets);
  await startDroplets(
    paths,
    fleets.flatMap(({ simulated }) => simulated ?? []),
  );
  if (usesStandIn(paths, LOCAL)) process.stdout.write(STAND_IN_NOTE);
  const fixed = ["up", ...unattendedOptions(), ...localOptions()];
  const { first, env } = checkpointing(fleets, resourcesIn(localPaths().stackFile));
  if (first.length > 0) {
    const claimed = await runPulumi(paths, LOCAL, [...fixed, ...first.flatMap((urn) => ["--target", urn])], {
      env: goingOn(several),
    });
    // One droplet of several that cannot be claimed fails below too, and the others go on.
    if (claimed.code !== 0 && !several) return claimed.code;
  }
  const { code } = await runPulumi(paths, LOCAL, [...fixed, ...args], { env: { ...env, ...goingOn(several) } });
  if (code !== 0) return code;
  process.stdout.write(`${changeLine(readChanges())}\n\n${cloneTable(readClones())}`);
  return 0;
}
