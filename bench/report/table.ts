import { median, type Series, type Unit } from "./measurements";
import type { Ratio } from "./rows";

/** A value in a readable unit: `870 ms`, `1.32 s`, `4.0 KB`, `256 MiB`. */
export function show(value: number, unit: Unit): string {
  if (Number.isNaN(value)) return "-";
  if (unit === "count") return String(value);
  if (unit === "ms") {
    if (value < 10) return `${value.toFixed(1)} ms`;
    return value < 1000 ? `${value.toFixed(0)} ms` : `${(value / 1000).toFixed(2)} s`;
  }
  if (value < 1e6) return value < 1000 ? `${value.toFixed(0)} B` : `${(value / 1000).toFixed(1)} KB`;
  return `${(value / 1024 / 1024).toFixed(1)} MiB`;
}

/** Rows of cells in columns, right-aligned except the first. */
export function columns(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_title, column) => Math.max(...rows.map((row) => (row[column] ?? "").length)));
  const cell = (text: string, at: number): string =>
    at === 0 ? text.padEnd(widths[at] ?? 0) : text.padStart(widths[at] ?? 0);
  return rows.map((row) => `${row.map(cell).join("  ").trimEnd()}\n`).join("");
}

/** The lowest and the highest value, where there is more than one. */
function spread({ values, unit }: Series): string {
  return values.length < 2 ? "" : `${show(Math.min(...values), unit)} … ${show(Math.max(...values), unit)}`;
}

/** The result as a table. */
export function resultTable(series: Readonly<Record<string, Series>>, rows: readonly Ratio[]): string {
  const cells = rows.map(({ title, series: name, against, ratio, limit, met }) => {
    const own = series[name];
    const other = against === undefined ? undefined : series[against.series];
    return [
      title,
      own === undefined ? "-" : show(median(own.values), own.unit),
      own === undefined ? "" : spread(own),
      against === undefined
        ? ""
        : `${against.what} ${other === undefined ? "-" : show(median(other.values), other.unit)}`,
      Number.isNaN(ratio) ? "" : ratio.toFixed(ratio < 0.1 ? 3 : 2),
      limit === undefined ? "" : `<= ${limit.toFixed(limit < 0.1 ? 3 : 2)}`,
      met === undefined ? "" : met ? "met" : "MISSED",
    ];
  });
  return columns([["", "HORNET", "LOWEST … HIGHEST", "HELD AGAINST", "RATIO", "GOAL", ""], ...cells]);
}
