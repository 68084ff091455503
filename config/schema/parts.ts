/** Building blocks of the schema. What a key means, its unit and an example stand in its metadata, once. */
import { z } from "zod";
import { egressList } from "../../model/arguments/network";
import { egressText, environment } from "../../model/values";

/** Metadata of a key, as faults and the reference read it. */
export interface KeyMeta {
  /** What the key means, with its unit. */
  readonly description: string;
  /** A value that is right. */
  readonly example: unknown;
  /** The type in words, where the schema alone does not say it. */
  readonly type?: string;
  /** What to say of any wrong value, where one sentence does better than the schema's own checks. */
  readonly problem?: string;
  /** Whether the key must be set though the schema takes its absence (a cross check says it better). */
  readonly required?: boolean;
}

/** A mapping that may be left out as a whole: its keys then have their defaults. */
export function section<Fields extends z.ZodRawShape>(
  fields: Fields,
  meta: KeyMeta,
): z.ZodPrefault<z.ZodObject<Fields, z.core.$strict>> {
  const object = z.strictObject(fields);
  return object.prefault({} as z.input<typeof object> & {}).meta({ ...meta });
}

/** An environment, with the type that the reference shows. */
export function env(meta: KeyMeta): z.ZodPrefault<typeof environment> {
  return environment
    .prefault({})
    .meta({ type: "mapping of names to text (numbers and booleans become text)", ...meta });
}

/** What guests may open connections to: one entry, a list, or the list below `allow`. */
export function egress(description: string, example: unknown): z.ZodOptional<z.ZodType<{ allow: string[] }>> {
  const item = { description: "An entry.", example: "10.0.0.1/32" };
  const allow = egressList
    .default([])
    .meta({ description: "The list, in the form of earlier versions.", example: ["10.0.0.1/32"] });
  return z
    .union([
      z.strictObject({ allow }),
      egressList.meta(item).transform((list) => ({ allow: list })),
      egressText.transform((entry) => ({ allow: [entry] })),
    ])
    .optional()
    .meta({ description, example, type: "one entry or a list: internet, none, everything, networks, names, ports" });
}
