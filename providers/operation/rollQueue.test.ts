import { setTimeout as sleep } from "node:timers/promises";
import { RollQueue } from "./rollQueue";

let queue: RollQueue;
beforeEach(() => (queue = new RollQueue()));

/** Lets clones take turns; gives the order in which they began, the most at a time, and what became of each. */
async function roll(
  names: readonly string[],
  width: number,
  failing: readonly string[] = [],
): Promise<{ order: string[]; most: number; outcomes: string[] }> {
  const order: string[] = [];
  let running = 0;
  let most = 0;
  const outcomes = await Promise.all(
    names.map((name) =>
      queue
        .take(name, width, async () => {
          order.push(name);
          most = Math.max(most, (running += 1));
          await sleep(5);
          running -= 1;
          if (failing.includes(name)) throw new Error(`${name} is broken`);
          return `${name} moved`;
        })
        .catch((error: unknown) => (error as Error).message),
    ),
  );
  return { order, most, outcomes };
}

test("clones roll in the order of their names, with numbers as numbers, up to the width at a time", async () => {
  const names = ["vm10", "vm2", "vm1", "vm9"];
  expect(await roll(names, 1)).toMatchObject({ order: ["vm1", "vm2", "vm9", "vm10"], most: 1 });
  expect(await roll(names, 3)).toMatchObject({ order: ["vm1", "vm2", "vm9", "vm10"], most: 3 });
});

test("a clone that asks late, as on a busy machine, still comes before those of higher names", async () => {
  const order: string[] = [];
  const turn = (name: string): Promise<void> =>
    queue.take(name, 1, () => {
      order.push(name);
      return Promise.resolve();
    });
  const all = [turn("vm4"), turn("vm3")];
  await sleep(200);
  all.push(turn("vm0"));
  await sleep(200);
  all.push(turn("vm1"));
  await Promise.all(all);
  expect(order).toEqual(["vm0", "vm1", "vm3", "vm4"]);
});

test("the first failure stops the clones that have not begun, and their error says so", async () => {
  const { order, outcomes } = await roll(["vm0", "vm1", "vm2", "vm3"], 1, ["vm1"]);
  expect(order).toEqual(["vm0", "vm1"]);
  expect(outcomes.slice(0, 2)).toEqual(["vm0 moved", "vm1 is broken"]);
  for (const outcome of outcomes.slice(2))
    expect(outcome).toContain("was left on the snapshot that it has: vm1 failed");
});

test("the next roll starts from scratch", async () => {
  await roll(["vm0", "vm1"], 1, ["vm0"]);
  expect((await roll(["vm0", "vm1"], 1)).outcomes).toEqual(["vm0 moved", "vm1 moved"]);
});

test("the first clone rolls alone as a canary, and its failure stops all others, whatever the width", async () => {
  const { order, outcomes } = await roll(["vm0", "vm1", "vm2"], 3, ["vm0"]);
  expect(order).toEqual(["vm0"]);
  for (const outcome of outcomes.slice(1)) expect(outcome).toContain("vm0 failed");
});

test("where a failure lasts, a clone that asks after all others ended stays too, as on a slow droplet", async () => {
  queue.failureLasts = true;
  await roll(["vm1", "vm2"], 1, ["vm1"]);
  const late = await roll(["vm9"], 1);
  expect(late.order).toEqual([]);
  expect(late.outcomes[0]).toContain("vm9 was left on the snapshot that it has: vm1 failed");
});
