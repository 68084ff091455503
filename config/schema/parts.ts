/** Building blocks of the schema. What a key means, its unit and an example stand in its metadata, once. */
import { z } from "zod";
import { macProblem } from "../../model/formats";

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

/** Seconds of a week: the longest limit. */
const WEEK = 7 * 24 * 3600;

/** Text that the check finds nothing wrong with. */
export function text(problemOf: (value: string) => string | undefined): z.ZodString {
  return z.string().superRefine((value, context) => {
    const problem = problemOf(value);
    if (problem !== undefined) context.addIssue({ code: "custom", message: problem });
  });
}

/** A whole number, `least` or more. */
export function count(least: number): z.ZodInt {
  return z.int().min(least);
}

/** Seconds, `least` or more. ssh(1) and timers count ms in 32 bits, so a week is the most that all of them can wait. */
export function seconds(least: number): z.ZodInt {
  return z.int().min(least).max(WEEK);
}

/** A TCP or UDP port. */
export function port(): z.ZodInt {
  return z.int().min(1).max(65535);
}

/** A MAC address, in lower case as the kernel prints it. */
export function mac(): z.ZodPipe<z.ZodString, z.ZodTransform<string, string>> {
  return text(macProblem).transform((value) => value.toLowerCase());
}

/** A mapping that may be left out as a whole: its keys then have their defaults. */
export function section<Fields extends z.ZodRawShape>(
  fields: Fields,
  meta: KeyMeta,
): z.ZodPrefault<z.ZodObject<Fields, z.core.$strict>> {
  const object = z.strictObject(fields);
  return object.prefault({} as z.input<typeof object> & {}).meta({ ...meta });
}
