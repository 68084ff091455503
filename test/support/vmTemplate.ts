import type { Driver } from "./scratchProvider";
import type { Stage } from "./scratchStage";

/** Makes what every clone of a test needs: an artifact and a bridge. */
export async function makeTemplate(
  stage: Stage,
): Promise<{ readonly artifact: unknown; readonly common: readonly Driver[] }> {
  const made = await stage.artifact();
  await made.create();
  const bridge = await stage.bridge();
  await bridge.create();
  return { artifact: made.outs.artifact, common: [bridge, made] };
}

/** Deletes these in order, and checks that nothing is left on the droplet. */
export async function deleteAll(stage: Stage, ...drivers: readonly Pick<Driver, "delete">[]): Promise<void> {
  for (const driver of drivers) await driver.delete();
  expect(await stage.changesSince(stage.before)).toEqual([]);
}
