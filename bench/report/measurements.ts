import { z } from "zod";

/** The unit of a value. */
export const unitSchema = z.enum(["ms", "bytes", "count"]);
/** See {@link unitSchema}. */
export type Unit = z.infer<typeof unitSchema>;

/** The values of one measured thing, one a run. */
export const seriesSchema = z.object({ unit: unitSchema, values: z.array(z.number()) });
/** See {@link seriesSchema}. */
export type Series = z.infer<typeof seriesSchema>;

/** Collects what is measured, by name: `work.hornet.10` is Hornet's work on the droplet for ten clones. */
export class Measurements {
  private readonly series = new Map<string, { readonly unit: Unit; readonly values: number[] }>();

  add(name: string, unit: Unit, value: number): void {
    const known = this.series.get(name);
    if (known === undefined) this.series.set(name, { unit, values: [value] });
    else known.values.push(value);
  }

  get all(): Readonly<Record<string, Series>> {
    return Object.fromEntries(this.series);
  }
}

/** The middle value; of an even number of values the mean of the two in the middle. NaN where there is none. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((one, other) => one - other);
  const middle = sorted.length / 2;
  const above = sorted[Math.floor(middle)] ?? NaN;
  return Number.isInteger(middle) ? ((sorted[middle - 1] ?? NaN) + above) / 2 : above;
}

/** The value that `share` of all values do not exceed; NaN where there is none. */
export function percentile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((one, other) => one - other);
  return sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] ?? NaN;
}

/**
 * How many times `other` the values are. Both sides of a run are measured one right after the other, so the median of
 * the runs' own ratios is shown: whatever slows the machine for a while slows both.
 */
export function ratioOf(values: readonly number[], other: readonly number[]): number {
  if (values.length !== other.length) return median(values) / median(other);
  return median(values.map((value, run) => value / (other[run] ?? NaN)));
}
