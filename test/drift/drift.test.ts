/** Every kind of drift: what a read says of it, what one up makes of it, and that a destroy right after leaves nothing. */
import { clears } from "../chaos/converge";
import { succeed } from "../chaos/operations";
import { Random } from "../chaos/random";
import { Stage } from "../chaos/stage";
import { fleet, tryDestroy, tryDrift } from "./check";
import { drifts } from "./table";

const SEED = Number(process.env.HORNET_CHAOS_SEED ?? "1");
/** How many kinds are followed by a destroy here; `npm run chaos` does it with all. */
const DESTROYS = 6;

jest.setTimeout(60_000);

let stage: Stage;

beforeAll(async () => {
  stage = await Stage.open("inside");
  await succeed(stage, "up", fleet);
});
afterAll(() => stage.close());

/** What one kind leaves wrong must not fail the next ones. */
async function startAnew(): Promise<void> {
  await stage.wipe();
  await succeed(stage, "up", fleet);
}

test.each(drifts)("$kind", async (drift) => {
  try {
    expect(await tryDrift(stage, drift)).toEqual([]);
  } catch (error) {
    await startAnew();
    throw error;
  }
});

test("kinds of drift are unique, and after all of them destroy leaves nothing", async () => {
  expect(new Set(drifts.map(({ kind }) => kind)).size).toBe(drifts.length);
  expect(await clears(stage, fleet)).toEqual([]);
});

test("another count touches only added and removed clones, and reading costs the same for any number", async () => {
  expect(await clears(stage, fleet)).toEqual([]);
  const cost: string[][] = [];
  for (const [count, ...touched] of [
    [1, "vm0"],
    [4, "vm1", "vm2", "vm3"],
    [2, "vm2", "vm3"],
  ] as const) {
    const up = await stage.operate("up", { ...fleet, count });
    expect(up).toMatchObject({ died: false, errors: [] });
    const clones = up.died ? [] : up.steps.map(({ resource }) => resource.split(" ")[1] ?? "");
    expect(new Set(clones.filter((name) => /^vm\d/.test(name)))).toEqual(new Set(touched));
    await succeed(stage, "read", { ...fleet, count });
    cost.push(stage.calls().sort());
  }
  expect(cost).toEqual([cost[0], cost[0], cost[0]]);
  expect(cost[0]).toContain("gather_facts");
  expect(await clears(stage, fleet)).toEqual([]);
});

test("a destroy right after a drift leaves nothing either", async () => {
  const random = new Random(SEED);
  for (let at = 0; at < DESTROYS; at += 1) {
    const drift = random.pick(drifts);
    expect({ kind: drift.kind, wrong: await tryDestroy(stage, drift) }).toEqual({ kind: drift.kind, wrong: [] });
  }
});
