import { median, type Series } from "./measurements";
import type { Result } from "./result";
import { columns, show } from "./table";

/** A change below this share is noise of the machine. */
const NOISE = 0.1;

/** The change of one measured value. */
export type Verdict = "better" | "worse" | "same" | "only before" | "only after";

/** One series in two results. */
export interface Change {
  readonly name: string;
  readonly before: Series | undefined;
  readonly after: Series | undefined;
  readonly verdict: Verdict;
}

/** True where the ranges of both do not overlap; always false for a single run each. */
function apart(before: readonly number[], after: readonly number[]): boolean {
  return Math.min(...after) > Math.max(...before) || Math.max(...after) < Math.min(...before);
}

function judge(before: Series, after: Series): Verdict {
  const [then, now] = [median(before.values), median(after.values)];
  if (Math.abs(now - then) <= NOISE * then || !apart(before.values, after.values)) return "same";
  return now > then ? "worse" : "better";
}

/** All series of either result, in the order of their files. Less is always better. */
export function compareResults(before: Result, after: Result): Change[] {
  const names = [...new Set([...Object.keys(before.series), ...Object.keys(after.series)])];
  return names.map((name) => {
    const [then, now] = [before.series[name], after.series[name]];
    if (then === undefined) return { name, before: then, after: now, verdict: "only after" };
    if (now === undefined) return { name, before: then, after: now, verdict: "only before" };
    return { name, before: then, after: now, verdict: judge(then, now) };
  });
}

/** The changes as a table, with a line about the machines where they differ. */
export function changeTable(before: Result, after: Result): string {
  const changes = compareResults(before, after);
  const told = (series: Series | undefined): string =>
    series === undefined ? "-" : show(median(series.values), series.unit);
  const cells = changes.map(({ name, before: then, after: now, verdict }) => {
    const factor = then === undefined || now === undefined ? NaN : median(now.values) / median(then.values);
    return [name, told(then), told(now), Number.isFinite(factor) ? factor.toFixed(2) : "", verdict];
  });
  const differing = Object.keys({ ...before.machine, ...after.machine })
    .filter((key) => before.machine[key] !== after.machine[key])
    .map((key) => `${key}: ${before.machine[key] ?? "-"} -> ${after.machine[key] ?? "-"}\n`);
  const worse = changes.filter(({ verdict }) => verdict === "worse").length;
  const better = changes.filter(({ verdict }) => verdict === "better").length;
  return (
    differing.join("") +
    columns([["", "BEFORE", "AFTER", "FACTOR", ""], ...cells]) +
    `${better} better, ${worse} worse, ${changes.length - better - worse} as before or in one of them only\n`
  );
}
