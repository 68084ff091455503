/** The measured boot: from a droplet with nothing on it to one clone that is ready. */
import { dropletPaths } from "../../sandbox/droplet/paths";
import { keepSnapshot } from "../../test/support/sharedSnapshot";
import { World, droplet } from "../../test/support/world";

/** The limits of the stories are enough for a machine that needs this long, in s. */
const REFERENCE = 30;
/** The factor for the limits of the measured boot itself, before the machine's speed is known. */
export const UNMEASURED = 20;

/** The factor for every limit on a machine whose measured boot took `seconds`. */
export function scaleFor(seconds: number): number {
  return Math.max(1, seconds / REFERENCE);
}

/**
 * @param folder where its snapshot is kept for the stories
 * @returns how long the boot took, in s
 */
export async function measureBoot(folder: string): Promise<number> {
  const world = await World.begin();
  try {
    await world.configure({ "hornet:fleet.count": 1 });
    const begun = performance.now();
    await world.npm("up");
    const seconds = (performance.now() - begun) / 1000;
    await keepSnapshot(dropletPaths(droplet).swarm, folder);
    await world.npm("down");
    return seconds;
  } finally {
    await world.end();
  }
}
