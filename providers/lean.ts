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
      const isPlain = typeof value === "object" && value?.constructor === Object;
      const field = isPlain ? objectFor(shape[key], value) : undefined;
      return [key, field && isPlain ? withoutDefaults(field, value) : value];
    });
  return Object.fromEntries(kept) as T;
}

/** The schema of an object; of several that may stand there, the one that is of this form. */
function objectFor(field: z.ZodType | undefined, value: object): z.ZodObject | undefined {
  const options = field instanceof z.ZodUnion ? (field.options as readonly z.ZodType[]) : [field];
  return options.find((one): one is z.ZodObject => one instanceof z.ZodObject && one.safeParse(value).success);
}
