import { appendFileSync, existsSync, readFileSync, statSync, truncateSync } from "node:fs";
import { messageOf } from "./errors";
import { report } from "./printable";

/** A timed piece of work: a call on a droplet, or a phase of a clone. */
export interface Span {
  /** The row in the viewer: `vm7`, `the droplet`. */
  readonly row: string;
  readonly name: string;
  /** ms since 1970. */
  readonly begun: number;
  /** ms */
  readonly took: number;
  readonly about?: Readonly<Record<string, string>>;
}

const END = "\n]\n";

function traceFile(): string | undefined {
  const file = process.env.HORNET_TRACE;
  return file === "" ? undefined : file;
}

/**
 * Appends to the file that HORNET_TRACE names, in the trace event format of browsers' trace viewers. Its array form needs no
 * closing bracket there, so a run that dies leaves a readable file, and several processes can append. {@link closeTrace}
 * closes the array for JSON parsers.
 */
export class Trace {
  /** This process's number for each row. */
  private readonly rows = new Map<string, number>();
  /** The files that this process has written to. */
  private readonly opened = new Set<string>();
  /** Those that could not be written. */
  private readonly failed = new Set<string>();

  /** Appends a span, if HORNET_TRACE names a file. */
  span({ row, name, begun, took, about = {} }: Span): void {
    const file = traceFile();
    if (file === undefined) return;
    const events: object[] = [];
    let thread = this.rows.get(row);
    if (thread === undefined) {
      thread = this.rows.size + 1;
      this.rows.set(row, thread);
      events.push({ ph: "M", name: "thread_name", pid: process.pid, tid: thread, args: { name: row } });
    }
    const at = { pid: process.pid, tid: thread, ts: Math.round(begun * 1000), dur: Math.round(took * 1000) };
    events.push({ ph: "X", name, cat: "hornet", ...at, args: about });
    this.append(file, events.map((event) => `${JSON.stringify(event)},\n`).join(""));
  }

  /** Appends the phases of a call that has just ended as spans, one after another. */
  phases(row: string, timings: Readonly<Record<string, number>>): void {
    const phases = Object.entries(timings);
    // A viewer needs the spans of one row to be nested: the call's span ended a moment ago.
    let begun = Date.now() - 1 - phases.reduce((sum, [, took]) => sum + took, 0);
    for (const [name, took] of phases) {
      this.span({ row, name, begun, took });
      begun += took;
    }
  }

  /** A full disk must not fail the call that was traced: it has changed the droplet. */
  private append(file: string, text: string): void {
    if (this.failed.has(file)) return;
    try {
      if (!this.opened.has(file)) {
        this.opened.add(file);
        // An earlier run closed the array; this run continues it.
        if (existsSync(file) && readFileSync(file, "utf8").endsWith(END)) reopen(file);
      }
      appendFileSync(file, existsSync(file) ? text : `[\n${text}`, { mode: 0o600 });
    } catch (error) {
      this.failed.add(file);
      reportUnwritable(file, error);
    }
  }
}

function reopen(file: string): void {
  truncateSync(file, statSync(file).size - END.length);
  appendFileSync(file, ",\n");
}

/** Closes the file's array after a run, so that the file is valid JSON. */
export function closeTrace(): void {
  const file = traceFile();
  if (file === undefined || !existsSync(file) || !readFileSync(file, "utf8").endsWith(",\n")) return;
  try {
    truncateSync(file, statSync(file).size - ",\n".length);
    appendFileSync(file, END);
  } catch (error) {
    reportUnwritable(file, error);
  }
}

function reportUnwritable(file: string, error: unknown): void {
  report(`the trace ${file} cannot be written (HORNET_TRACE): ${messageOf(error)}`);
}
