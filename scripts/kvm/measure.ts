/** The measured boot: from an empty droplet to one clone that is ready. */
import { dropletPaths } from "../../sandbox/droplet/paths";
import { keepSnapshot } from "../../test/support/sharedSnapshot";
import { World, droplet } from "../../test/support/world";

/** The longest boot for which the stories' limits suffice, seconds. */
const REFERENCE = 30;
/** The factor for the limits of the measured boot itself, before the machine's speed is known. */
export const UNMEASURED = 20;

/** The factor for every limit on a machine whose measured boot took `seconds`. */
export function scaleFor(seconds: number): number {
  return Math.max(1, seconds / REFERENCE);
}

/**
 * @param folder receives the snapshot, which the stories restore
 * @returns duration of the boot, seconds
 */
export async function measureBoot(folder: string): Promise<number> {
  const world = await World.begin();
  try {
    await world.configure({ "hornet:fleet.count": 1 });
    const start = performance.now();
    await world.npm("up");
    const seconds = (performance.now() - start) / 1000;
    await keepSnapshot(dropletPaths(droplet).swarm, folder);
    await world.npm("down");
    return seconds;
  } finally {
    await world.end();
  }
}
