import * as pulumi from "@pulumi/pulumi";
import { withoutStackTraces } from "./withoutStackTraces";

/** What the SDK sends to the engine with a resource, which keeps it in the state. */
const { callsites } = pulumi.Resource as unknown as { callsites: () => object[] };

test("the SDK captures no stack traces inside, and captures them again afterwards", () => {
  const before = Error.stackTraceLimit;
  expect(callsites().length).toBeGreaterThan(0);
  expect(withoutStackTraces(() => withoutStackTraces(callsites))).toEqual([]);
  expect(() =>
    withoutStackTraces(() => {
      throw new Error("a fault");
    }),
  ).toThrow("a fault");
  expect(Error.stackTraceLimit).toBe(before);
  expect(callsites().length).toBeGreaterThan(0);
});
