import { setTimeout as sleep } from "node:timers/promises";
import { SnapshotShare } from "./snapshotShare";

type Share = SnapshotShare<string>;
const nothing = (): Promise<undefined> => Promise.resolve(undefined);
const any = (): boolean => true;

function maker(share: Share, name: string, made: string[], fails = false): Promise<unknown> {
  return share.firstOrOffer(any, nothing, async () => {
    made.push(name);
    await sleep(1);
    if (fails) throw new Error(`${name} is full`);
    return { found: name, offer: name };
  });
}

test("one droplet makes the snapshot, and the others take it from there", async () => {
  const share: Share = new SnapshotShare();
  const made: string[] = [];
  expect(await Promise.all(["a", "b", "c"].map((name) => maker(share, name, made)))).toEqual([
    { found: "a" },
    { offer: "a" },
    { offer: "a" },
  ]);
  expect(made).toEqual(["a"]);
});

test("after a failure the next droplet makes it", async () => {
  const share: Share = new SnapshotShare();
  const made: string[] = [];
  const [first, second] = await Promise.allSettled([maker(share, "a", made, true), maker(share, "b", made)]);
  expect(first).toMatchObject({ status: "rejected" });
  expect(second).toMatchObject({ value: { found: "b" } });
});

test("an offer that is found elsewhere serves all, but none whose CPU it does not fit", async () => {
  const share: Share = new SnapshotShare();
  const found = jest.fn(() => Promise.resolve("peer"));
  const make = (): Promise<{ found: string; offer: string }> => Promise.resolve({ found: "own", offer: "own" });
  expect(await share.firstOrOffer(any, found, make)).toEqual({ offer: "peer" });
  expect(await share.firstOrOffer(any, found, make)).toEqual({ offer: "peer" });
  expect(found).toHaveBeenCalledTimes(1);
  expect(await share.firstOrOffer((offer) => offer !== "peer", nothing, make)).toEqual({ found: "own" });
});

test("droplets that have the files themselves do not wait for each other, and the others wait for them", async () => {
  const share: Share = new SnapshotShare();
  const begun: string[] = [];
  const own = (name: string, fails = false): Promise<string> =>
    share.own(async () => {
      begun.push(name);
      await sleep(10);
      expect(begun).toEqual(["a", "b"]);
      if (fails) throw new Error(`${name} is full`);
      return { found: name, offer: name };
    });
  const find = jest.fn(nothing);
  const make = (): Promise<{ found: string; offer: string }> => Promise.resolve({ found: "c", offer: "c" });
  const [a, b, c] = await Promise.allSettled([own("a", true), own("b"), share.firstOrOffer(any, find, make)]);
  expect(a).toMatchObject({ status: "rejected" });
  expect(b).toMatchObject({ value: "b" });
  expect(c).toMatchObject({ value: { offer: "b" } });
  expect(find).not.toHaveBeenCalled();
});
