import type { Session } from "../../host/session/session";
import { whenThereIsRoom } from "./bootThrottle";

/** A session of which only the number of cores is asked. */
function sessionWith(answers: readonly (string | Error)[]): Session {
  const left = [...answers];
  const call = (): Promise<string> => {
    const next = left.shift() ?? "";
    return next instanceof Error ? Promise.reject(next) : Promise.resolve(next);
  };
  return { call } as unknown as Session;
}

const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

const LIMIT = 60_000;

test("a guest a core wakes up at once, the others in their order; one that fails gives its place up", async () => {
  const session = sessionWith(["2\n"]);
  const awake: number[] = [];
  const ends: (() => void)[] = [];
  const start = (id: number, fails = false): Promise<void> =>
    whenThereIsRoom(session, LIMIT, async () => {
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

test("one that takes long makes room, also on a single core, and is waited for all the same", async () => {
  const session = sessionWith(["1\n"]);
  const hung: ((text: string) => void)[] = [];
  const hang = (): Promise<string> => whenThereIsRoom(session, 40, () => new Promise((resolve) => hung.push(resolve)));
  const first = [hang(), hang()];
  expect(await whenThereIsRoom(session, LIMIT, () => Promise.resolve("ready"))).toBe("ready");
  for (const end of hung) end("late");
  expect(await Promise.all(first)).toEqual(["late", "late"]);
});

test("a droplet that could not be asked is asked again", async () => {
  const session = sessionWith([new Error("lost"), "2"]);
  await expect(whenThereIsRoom(session, LIMIT, () => Promise.resolve(1))).rejects.toThrow("lost");
  expect(await whenThereIsRoom(session, LIMIT, () => Promise.resolve(1))).toBe(1);
});
