import { z } from "zod";

/** The unit of a value. */
export const unitSchema = z.enum(["ms", "bytes", "count"]);
/** See {@link unitSchema}. */
export type Unit = z.infer<typeof unitSchema>;

/** The values of one series, one for each run. */
export const seriesSchema = z.object({ unit: unitSchema, values: z.array(z.number()) });
/** See {@link seriesSchema}. */
export type Series = z.infer<typeof seriesSchema>;

/** Collects measured values by name: `work.hornet.10` is Hornet's work on the droplet for ten clones. */
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

/** The median; for an even number of values the mean of the middle two. NaN without values. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((one, other) => one - other);
  const middle = sorted.length / 2;
  const above = sorted[Math.floor(middle)] ?? NaN;
  return Number.isInteger(middle) ? ((sorted[middle - 1] ?? NaN) + above) / 2 : above;
}

/** The value that `share` of all values do not exceed; NaN without values. */
export function percentile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((one, other) => one - other);
  return sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] ?? NaN;
}

/**
 * The ratio of the values to `other`. Both sides of a run are measured one right after the other, so this is the median of
 * the ratios of the runs: whatever slows the machine for a while slows both.
 */
export function ratioOf(values: readonly number[], other: readonly number[]): number {
  if (values.length !== other.length) return median(values) / median(other);
  return median(values.map((value, run) => value / (other[run] ?? NaN)));
}
