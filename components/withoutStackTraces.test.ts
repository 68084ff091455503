import * as pulumi from "@pulumi/pulumi";
import { withoutPromiseTraces, withoutStackTraces } from "./withoutStackTraces";

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

test("the SDK's promises have no translated trace, and every other error has its own", () => {
  const usual = Object.getOwnPropertyDescriptor(Error, "prepareStackTrace");
  const translated: string[] = [];
  const trace = (error: Error): string => `${error.message}, translated`;
  Error.prepareStackTrace = (error) => {
    translated.push(error.message);
    return trace(error);
  };
  try {
    withoutPromiseTraces();
    const debuggablePromise = (): string | undefined => new Error("a promise").stack;
    expect(debuggablePromise()).toBe("Error: a promise");
    expect(new Error("a fault").stack).toBe("a fault, translated");
    expect(translated).toEqual(["a fault"]);
  } finally {
    if (usual === undefined) Reflect.deleteProperty(Error, "prepareStackTrace");
    else Object.defineProperty(Error, "prepareStackTrace", usual);
  }
});
