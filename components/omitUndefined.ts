/** An object without the keys whose value is `undefined`: such an input differs from a missing one. */
export function omitUndefined<T extends object>(args: T): { [K in keyof T]: Exclude<T[K], undefined> } {
  const entries = Object.entries(args).filter(([, value]) => value !== undefined);
  return Object.fromEntries(entries) as { [K in keyof T]: Exclude<T[K], undefined> };
}
