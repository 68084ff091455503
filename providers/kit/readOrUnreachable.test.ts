import { z } from "zod";
import { CommandError, UnreachableError } from "../../host/errors";
import { Operation } from "../operation/operation";
import { readOrUnreachable } from "./readOrUnreachable";

const current = {
  droplet: { host: "203.0.113.10", user: "root", port: 22 },
  owner: "x",
  runtimeDir: "/r",
  vmmTimeout: 1,
};
const outputs: z.ZodType<object> = z.object({});

const operation = new Operation();
const droplet = operation.droplet(current.droplet);

afterEach(() => jest.useRealTimers());

test("an unreachable droplet is drift, reported once with the reason, and is not tried again at once", async () => {
  jest.useFakeTimers();
  let tries = 0;
  const read = (): Promise<never> => {
    tries += 1;
    return Promise.reject(new UnreachableError("cannot use it: refused", { again: "cannot use it, as was said" }));
  };
  expect(await readOrUnreachable({ read, outputs }, droplet, current)).toEqual({
    outputs: {},
    drift: ["cannot use it: refused"],
    reported: false,
  });
  const again = { outputs: {}, drift: ["cannot use it, as was said"], reported: true };
  expect(await readOrUnreachable({ read, outputs }, droplet, current)).toEqual(again);
  expect(tries).toBe(1);
  const there = { outputs: {}, drift: [] };
  const fine = (): Promise<typeof there> => Promise.resolve(there);
  // Another droplet, or what is on the operator's machine, has nothing to do with it.
  expect(
    await readOrUnreachable({ read: fine, outputs }, operation.droplet({ ...current.droplet, port: 23 }), current),
  ).toBe(there);
  expect(await readOrUnreachable({ read: fine, outputs, here: true }, droplet, current)).toBe(there);
  jest.advanceTimersByTime(10_001);
  expect(await readOrUnreachable({ read: fine, outputs }, droplet, current)).toBe(there);
});

test("any other failure is thrown", async () => {
  const error = new CommandError({ what: "look", droplet: "d", command: "c", code: 1, stderr: "" });
  const other = operation.droplet({ ...current.droplet, port: 24 });
  await expect(readOrUnreachable({ read: () => Promise.reject(error), outputs }, other, current)).rejects.toBe(error);
});
