import { readFileSync } from "node:fs";
import type { z } from "zod";
import { reference, REFERENCE_FILE } from "./reference";
import { configSchema } from "./schema";
import { fieldsOf, itemOf, metaOf } from "./schema/walk";

test("docs/config.md matches the schema (else: node -r ./register.cjs config/reference.ts --write)", () => {
  expect(readFileSync(REFERENCE_FILE, "utf8")).toBe(reference());
});

function keysOf(prefix: string, schema: z.core.$ZodType): readonly (readonly [string, z.core.$ZodType])[] {
  const item = itemOf(schema);
  const below = Object.entries(fieldsOf(schema)).flatMap(([key, field]) => [
    [`${prefix}${key}`, field] as const,
    ...keysOf(`${prefix}${key}.`, field),
  ]);
  return item === undefined ? below : [...below, ...keysOf(prefix, item)];
}

test.each(keysOf("", configSchema).filter(([key]) => !key.startsWith("snapshot.from.droplet.")))(
  "%s has a meaning and a valid example",
  (key, schema) => {
    const meta = metaOf(schema);
    expect(meta?.description).toMatch(/^[A-Z].*\.$/);
    expect(reference()).toContain(meta?.description);
    expect(reference()).toContain(key.split(".").at(-1));
    expect((schema as z.ZodType).safeParse(meta?.example)).toMatchObject({ success: true });
  },
);
