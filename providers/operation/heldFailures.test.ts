/** A failure on one droplet of several, in an engine that stops at the first failure. */
import { HeldFailures } from "./heldFailures";

const east = "hornet:p/s/east:1";
const west = "hornet:p/s/west:2";
const fails = (): Promise<never> => Promise.reject(new Error("no connection"));

function held(more: object = {}): { failures: HeldFailures; said: string[] } {
  const said: string[] = [];
  const failures = new HeldFailures({ goesOn: false, quietMs: 20, most: 2, say: (line) => said.push(line), ...more });
  return { failures, said };
}

test("the failure waits until the work on the other droplet is done, and each droplet gets a line", async () => {
  const { failures, said } = held();
  const order: string[] = [];
  failures.note(east, "vm0");
  failures.note(east, "vm0");
  failures.note(west, "vm1");
  let finish = (): void => undefined;
  const failing = failures.run(west, fails).catch(() => order.push("failed"));
  const working = failures.run(east, () => new Promise<void>((resolve) => (finish = resolve)));
  await new Promise((resolve) => setTimeout(resolve, 100));
  expect(order).toEqual([]);
  order.push("done");
  finish();
  await Promise.all([failing, working]);
  expect(order).toEqual(["done", "failed"]);
  expect(said).toEqual(["droplet east: all 1 clones are as declared", "droplet west: failed; its errors say why"]);
});

test("two failures do not wait for each other", async () => {
  const { failures, said } = held();
  failures.note(east, "vm0");
  await expect(Promise.all([failures.run(west, fails), failures.run(east, fails)])).rejects.toThrow("no connection");
  await new Promise((resolve) => setTimeout(resolve, 100));
  expect(said).toEqual(["droplet east: failed; its errors say why", "droplet west: failed; its errors say why"]);
});

test.each([
  ["the engine goes on anyway", { goesOn: true }, west],
  ["as many as may wait do so", { most: 0 }, west],
  ["the stack has one droplet", {}, "hornet:p/s:3"],
])("nothing waits where %s", async (_where, more, owner) => {
  const { failures, said } = held({ quietMs: 1e9, ...more });
  failures.note(owner);
  await expect(failures.run(owner, fails)).rejects.toThrow("no connection");
  expect(said).toEqual([]);
});
