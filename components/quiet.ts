import * as pulumi from "@pulumi/pulumi";

/**
 * An output's value without the note of where it comes from. The engine keeps a list of what a resource depends on, twice:
 * for one that is told of every clone of a fleet that is most of its state. The order is that of the values all the same.
 */
export function withoutOrigin<T>(output: pulumi.Output<T>): pulumi.Input<T> {
  // Of a preview not all values are known, and an output alone can say so.
  if (pulumi.runtime.isDryRun()) return output;
  return new Promise<pulumi.Unwrap<T>>((resolve) => {
    (output as pulumi.Output<pulumi.Unwrap<T>>).apply(resolve);
  }) as pulumi.Input<T>;
}

/**
 * Makes resources of the SDK's without spelling out where in the program that was.
 *
 * The SDK takes the stack of every resource, and of some thirty promises that it makes for one, as text. Under ts-node
 * each line of such a text goes through source maps, which takes 40 ms a clone; and the resource's own goes into the
 * state, which the engine writes twice for every step: a fifth of it, with paths of the machine that `up` ran on. An
 * error that is thrown here still says where, because that becomes text only when somebody reads it; but not from where
 * that was called, since each line costs something already when it is noted.
 */
export function withoutStacks<T>(make: () => T): T {
  // The SDK's own search for promises that were forgotten shows them.
  if (process.env.PULUMI_DEBUG_PROMISE_LEAKS !== undefined) return make();
  const usual = Object.getOwnPropertyDescriptor(Error, "prepareStackTrace");
  const lines = Error.stackTraceLimit;
  Error.prepareStackTrace = () => "";
  Error.stackTraceLimit = 1;
  try {
    return make();
  } finally {
    Error.stackTraceLimit = lines;
    if (usual === undefined) Reflect.deleteProperty(Error, "prepareStackTrace");
    else Object.defineProperty(Error, "prepareStackTrace", usual);
  }
}
