/**
 * Declares resources with the SDK's stack traces off.
 *
 * The SDK takes a stack trace for every resource and for some thirty promises of each, and translates every line of it
 * through source maps: with them, `up` of 250 clones took 22 s instead of 9. The engine also keeps the resource's trace in the
 * state: a third of a clone's entry, which changes with every change of this program.
 *
 * @param declare creates the resources; its errors have no stack trace
 */
export function withoutStackTraces<T>(declare: () => T): T {
  // The SDK's search for forgotten promises shows these traces.
  if (process.env.PULUMI_DEBUG_PROMISE_LEAKS !== undefined) return declare();
  const usual = Object.getOwnPropertyDescriptor(Error, "stackTraceLimit");
  // For a resource's trace the SDK sets the limit to infinity, so a limit of 0 does not last. V8 takes no trace if the limit is
  // no plain property.
  Object.defineProperty(Error, "stackTraceLimit", { get: () => 0, set: () => undefined, configurable: true });
  try {
    return declare();
  } finally {
    if (usual === undefined) Reflect.deleteProperty(Error, "stackTraceLimit");
    else Object.defineProperty(Error, "stackTraceLimit", usual);
  }
}

/**
 * Leaves out the SDK's stack traces of promises for the rest of this process. Clones are declared without any; the other
 * resources and the SDK's own calls make some six hundred, and the first of them loads the source maps of the SDK: a quarter of
 * a second of CPU.
 */
export function withoutPromiseTraces(): void {
  const usual = prepared();
  if (usual === undefined || process.env.PULUMI_DEBUG_PROMISE_LEAKS !== undefined) return;
  Error.prepareStackTrace = (error, frames) =>
    frames[0]?.getFunctionName() === "debuggablePromise" ? String(error) : usual(error, frames);
}

/** What makes the text of a trace; undefined if V8 itself does, which is quick. */
function prepared(): ((error: Error, frames: NodeJS.CallSite[]) => unknown) | undefined {
  return Reflect.get(Error, "prepareStackTrace") as never;
}
