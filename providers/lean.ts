import { isDeepStrictEqual } from "node:util";
import { z } from "zod";

/**
 * Data without what a schema fills in by itself, at any depth: what is left says the same once it is parsed again. The
 * engine writes a resource's properties again and again, so what need not stand there is left out.
 */
export function withoutDefaults<T extends object>(schema: z.ZodObject, data: T): T {
  const shape: Readonly<Record<string, z.ZodType>> = schema.shape;
  const kept = Object.entries(data)
    .filter(([key, value]) => {
      const filledIn = shape[key]?.safeParse(undefined);
      return filledIn?.success !== true || !isDeepStrictEqual(filledIn.data, value);
    })
    .map(([key, value]: [string, unknown]) => {
      const field = shape[key];
      const isPlain = typeof value === "object" && value?.constructor === Object;
      return [key, field instanceof z.ZodObject && isPlain ? withoutDefaults(field, value) : value];
    });
  return Object.fromEntries(kept) as T;
}
