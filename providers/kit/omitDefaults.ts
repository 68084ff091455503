import { isDeepStrictEqual } from "node:util";
import type { z } from "zod";

/**
 * Inputs without those that equal their schema's default; parsing restores them. The state has the same form whether a program
 * gives a default or omits it, and the engine handles fewer properties.
 */
export function omitDefaults<T extends object>(schema: z.ZodObject, inputs: T): T {
  const shape: Readonly<Record<string, z.ZodType | undefined>> = schema.shape;
  const kept = Object.entries(inputs).filter(([key, value]) => {
    if (value === undefined) return false;
    const filledIn = shape[key]?.safeParse(undefined);
    return filledIn?.success !== true || !isDeepStrictEqual(filledIn.data, value);
  });
  return Object.fromEntries(kept) as T;
}
