import { BootThrottle } from "./bootThrottle";

/** The throttle of a droplet that answers how many cores it has. */
function throttleWith(answers: readonly (string | Error)[]): BootThrottle {
  const left = [...answers];
  const call = (): Promise<string> => {
    const next = left.shift() ?? "";
    return next instanceof Error ? Promise.reject(next) : Promise.resolve(next);
  };
  return new BootThrottle(() => ({ call }));
}

const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

const LIMIT = 60_000;

test("one guest per core boots at once, the others follow in order, and a failure frees its slot", async () => {
  const throttle = throttleWith(["2\n"]);
  const awake: number[] = [];
  const ends: (() => void)[] = [];
  const start = (id: number, fails = false): Promise<void> =>
    throttle.run(LIMIT, async () => {
      awake.push(id);
      await new Promise<void>((resolve) => (ends[id] = resolve));
      if (fails) throw new Error("not ready");
    });
  const all = [start(0, true), start(1), start(2), start(3)];
  const outcome = Promise.allSettled(all);
  await settled();
  expect(awake).toEqual([0, 1]);
  ends[0]?.();
  await settled();
  expect(awake).toEqual([0, 1, 2]);
  ends[2]?.();
  await settled();
  expect(awake).toEqual([0, 1, 2, 3]);
  for (const end of ends) end();
  expect((await outcome).map(({ status }) => status)).toEqual(["rejected", "fulfilled", "fulfilled", "fulfilled"]);
});

test("a slow boot frees its slot, also on a single core, and its result still counts", async () => {
  const throttle = throttleWith(["1\n"]);
  const hung: ((text: string) => void)[] = [];
  const hang = (): Promise<string> => throttle.run(40, () => new Promise((resolve) => hung.push(resolve)));
  const first = [hang(), hang()];
  expect(await throttle.run(LIMIT, () => Promise.resolve("ready"))).toBe("ready");
  for (const end of hung) end("late");
  expect(await Promise.all(first)).toEqual(["late", "late"]);
});

test("the number of cores is asked again after a failure", async () => {
  const throttle = throttleWith([new Error("lost"), "2"]);
  await expect(throttle.run(LIMIT, () => Promise.resolve(1))).rejects.toThrow("lost");
  expect(await throttle.run(LIMIT, () => Promise.resolve(1))).toBe(1);
});
