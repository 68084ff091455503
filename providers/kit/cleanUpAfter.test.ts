import { cleanUpAfter } from "./cleanUpAfter";

const fail = (words: string) => () => Promise.reject(new Error(words));

test("a success is not cleaned up", async () => {
  expect(await cleanUpAfter(() => Promise.resolve(1), fail("clean"))).toBe(1);
});

test("after a clean-up, the first failure is reported", async () => {
  await expect(cleanUpAfter(fail("first"), () => Promise.resolve())).rejects.toThrow(/^first$/);
});

test("if the clean-up fails too, both failures are reported", async () => {
  await expect(cleanUpAfter(fail("first"), fail("second"))).rejects.toThrow(
    "first\n  and removing what was made failed too:\n  second",
  );
});
