import { z } from "zod";
import { CommandError, UnreachableError } from "../../host/errors";
import { readAnyhow } from "./readOrUnreachable";

const current = {
  droplet: { host: "203.0.113.10", user: "root", port: 22 },
  owner: "x",
  runtimeDir: "/r",
  vmmTimeout: 1,
};
const outputs: z.ZodType<object> = z.object({});

afterEach(() => jest.useRealTimers());

test("a droplet that cannot be reached is a difference, told with its reason once, and is not tried again at once", async () => {
  jest.useFakeTimers();
  let tries = 0;
  const read = (): Promise<never> => {
    tries += 1;
    return Promise.reject(new UnreachableError("cannot use it: refused", "cannot use it, as was said"));
  };
  expect(await readAnyhow({ read, outputs }, current)).toEqual({
    outputs: {},
    drift: ["cannot use it: refused"],
    told: false,
  });
  const again = { outputs: {}, drift: ["cannot use it, as was said"], told: true };
  expect(await readAnyhow({ read, outputs }, current)).toEqual(again);
  expect(tries).toBe(1);
  const there = { outputs: {}, drift: [] };
  const fine = (): Promise<typeof there> => Promise.resolve(there);
  // Another droplet, or what is on the operator's machine, has nothing to do with it.
  expect(await readAnyhow({ read: fine, outputs }, { ...current, droplet: { ...current.droplet, port: 23 } })).toBe(
    there,
  );
  expect(await readAnyhow({ read: fine, outputs, here: true }, current)).toBe(there);
  jest.advanceTimersByTime(10_001);
  expect(await readAnyhow({ read: fine, outputs }, current)).toBe(there);
});

test("another failure is one", async () => {
  const error = new CommandError({ what: "look", droplet: "d", command: "c", code: 1, stderr: "" });
  const other = { ...current, droplet: { ...current.droplet, port: 24 } };
  await expect(readAnyhow({ read: () => Promise.reject(error), outputs }, other)).rejects.toBe(error);
});
