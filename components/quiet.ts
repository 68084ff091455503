/**
 * Makes resources of the SDK's without spelling out where in the program that was.
 *
 * The SDK takes the stack of every resource, and of some thirty promises that it makes for one, as text. Under ts-node
 * each line of such a text goes through source maps, which takes 40 ms a clone; and the resource's own goes into the
 * state, which the engine writes twice for every step: a fifth of it, with paths of the machine that `up` ran on. An
 * error that is thrown here still has its stack, because that becomes text only when somebody reads it.
 */
export function withoutStacks<T>(make: () => T): T {
  const usual = Object.getOwnPropertyDescriptor(Error, "prepareStackTrace");
  // The SDK's own search for promises that were forgotten shows them.
  if (process.env.PULUMI_DEBUG_PROMISE_LEAKS === undefined) Error.prepareStackTrace = () => "";
  try {
    return make();
  } finally {
    if (usual === undefined) Reflect.deleteProperty(Error, "prepareStackTrace");
    else Object.defineProperty(Error, "prepareStackTrace", usual);
  }
}
