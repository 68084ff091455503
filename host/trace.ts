import { appendFileSync, existsSync, readFileSync, statSync, truncateSync } from "node:fs";

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
/** The files that this process has written to. */
const begunFiles = new Set<string>();
const END = "\n]\n";

function traceFile(): string | undefined {
  const file = process.env.HORNET_TRACE;
  return file === "" ? undefined : file;
}

/**
 * Appends a span to the file that HORNET_TRACE names, if it names one, in the trace event format that browsers' trace
 * viewers open. Its array form needs no closing bracket there, so a run that dies leaves a file that can be read, and
 * several processes can append; {@link closeTrace} closes it for all who read JSON.
 */
export function traceSpan({ row, name, begun, took, about = {} }: Span): void {
  const file = traceFile();
  if (file === undefined) return;
  const events: object[] = [];
  let thread = rows.get(row);
  if (thread === undefined) {
    thread = rows.size + 1;
    rows.set(row, thread);
    events.push({ ph: "M", name: "thread_name", pid: process.pid, tid: thread, args: { name: row } });
  }
  const at = { pid: process.pid, tid: thread, ts: Math.round(begun * 1000), dur: Math.round(took * 1000) };
  events.push({ ph: "X", name, cat: "hornet", ...at, args: about });
  append(file, events.map((event) => `${JSON.stringify(event)},\n`).join(""));
}

function append(file: string, text: string): void {
  if (!begunFiles.has(file)) {
    begunFiles.add(file);
    // One of an earlier run, which goes on.
    if (existsSync(file) && readFileSync(file, "utf8").endsWith(END)) reopen(file);
  }
  appendFileSync(file, existsSync(file) ? text : `[\n${text}`, { mode: 0o600 });
}

function reopen(file: string): void {
  truncateSync(file, statSync(file).size - END.length);
  appendFileSync(file, ",\n");
}

/** Closes the file's array once a run is over, so that the whole of it is JSON. */
export function closeTrace(): void {
  const file = traceFile();
  if (file === undefined || !existsSync(file) || !readFileSync(file, "utf8").endsWith(",\n")) return;
  truncateSync(file, statSync(file).size - ",\n".length);
  appendFileSync(file, END);
}
