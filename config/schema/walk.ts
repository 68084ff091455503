/** Ways through the schema: from a key's path to the key's schema, and from there to its metadata. */
import { z } from "zod";
import type { KeyMeta } from "./parts";

/** A key's place in the config, the top-level key first; numbers are places in a list. */
export type KeyPath = readonly (string | number)[];

/** The schema without what makes it optional, gives it a default or converts its value. */
export function unwrap(schema: z.core.$ZodType): z.core.$ZodType {
  if (schema instanceof z.ZodOptional || schema instanceof z.ZodDefault || schema instanceof z.ZodPrefault) {
    return unwrap(schema.unwrap());
  }
  return schema instanceof z.ZodPipe ? unwrap(schema.in) : schema;
}

/** The keys of a mapping with fixed keys, whatever else it may be; empty for everything else. */
export function fieldsOf(schema: z.core.$ZodType): Readonly<Record<string, z.core.$ZodType>> {
  const inner = unwrap(schema);
  if (inner instanceof z.ZodUnion)
    return Object.assign({}, ...inner.options.map(fieldsOf)) as ReturnType<typeof fieldsOf>;
  return inner instanceof z.ZodObject ? inner.shape : {};
}

/** What a mapping with free keys, or a list, has in it; undefined for everything else. */
export function itemOf(schema: z.core.$ZodType): z.core.$ZodType | undefined {
  const inner = unwrap(schema);
  if (inner instanceof z.ZodRecord) return inner.valueType;
  if (inner instanceof z.ZodUnion) return inner.options.map(itemOf).find((item) => item !== undefined);
  return inner instanceof z.ZodArray ? inner.element : undefined;
}

/** The schema at a path, or undefined where no key can be. */
export function schemaAt(root: z.core.$ZodType, path: KeyPath): z.core.$ZodType | undefined {
  return path.reduce<z.core.$ZodType | undefined>((schema, key) => {
    if (schema === undefined) return undefined;
    const fields = fieldsOf(schema);
    return Object.hasOwn(fields, key) ? fields[key] : itemOf(schema);
  }, root);
}

/** The metadata of a key, from whichever layer of its schema has it. */
export function metaOf(schema: z.core.$ZodType): KeyMeta | undefined {
  const own = z.globalRegistry.get(schema);
  if (own !== undefined && "example" in own) return own as unknown as KeyMeta;
  if (schema instanceof z.ZodOptional || schema instanceof z.ZodDefault || schema instanceof z.ZodPrefault) {
    return metaOf(schema.unwrap());
  }
  return undefined;
}
