import { appendFileSync, existsSync } from "node:fs";

/** Something that took time: a call on a droplet, or a phase of a clone. */
export interface Span {
  /** Whose it is; every row of the picture is one of these: `vm7`, `the droplet`. */
  readonly row: string;
  readonly name: string;
  /** ms since 1970. */
  readonly begun: number;
  /** ms */
  readonly took: number;
  readonly about?: Readonly<Record<string, string>>;
}

const rows = new Map<string, number>();

/**
 * Appends a span to the file that HORNET_TRACE names, if it names one, in the trace event format that browsers' trace
 * viewers open (its array form needs no closing bracket, so a run that dies leaves a file that can be read).
 */
export function traceSpan({ row, name, begun, took, about = {} }: Span): void {
  const file = process.env.HORNET_TRACE;
  if (file === undefined || file === "") return;
  const events: object[] = [];
  let thread = rows.get(row);
  if (thread === undefined) {
    thread = rows.size + 1;
    rows.set(row, thread);
    events.push({ ph: "M", name: "thread_name", pid: process.pid, tid: thread, args: { name: row } });
  }
  const at = { pid: process.pid, tid: thread, ts: Math.round(begun * 1000), dur: Math.round(took * 1000) };
  events.push({ ph: "X", name, cat: "hornet", ...at, args: about });
  const text = events.map((event) => `${JSON.stringify(event)},\n`).join("");
  appendFileSync(file, existsSync(file) ? text : `[\n${text}`, { mode: 0o600 });
}
