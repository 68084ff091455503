import { HornetError } from "../errors";
import { READ_ONLY, REMOVING } from "./library";
import { quote } from "../quote";

/** One call of a library function on a droplet. */
export interface Call {
  /** What it is for, in words: "create namespace vm7". Stands in every error. */
  readonly what: string;
  /** A function of droplet/. */
  readonly run: string;
  /** Shell variables that the function reads. They are data: quoted once, here, and never in an argument list. */
  readonly vars?: Readonly<Record<string, string>>;
  /** What the function reads on stdin; the place for secrets. */
  readonly stdin?: string;
  /** The limit in ms; reached, the call and all that it started is killed. Default: the connection's timeout. */
  readonly timeoutMs?: number;
  /** How many times the usual limit it may take: for copies and digests of large files. Default 1. */
  readonly patience?: number;
  /** Bytes that it may print on stdout; beyond, it is ended. Default: 16 MiB. */
  readonly maxBytes?: number;
  /** What to do when it fails. */
  readonly hint?: string;
}

/**
 * The code of a call, for a shell of its own: its variables, then the function, fed by a builtin so that stdin is in no
 * argument list. `exec`, for what is redirected for a group of commands, bash leaves open a second time under another number.
 */
export function encode({ run, vars = {}, stdin }: Call): string {
  const assignments = Object.entries(vars).map(([name, value]) => {
    if (!/^[a-z][a-z_0-9]*$/.test(name)) throw new Error(`not a variable's name: ${name}`);
    return `${name}=${quote(value)}\n`;
  });
  // A shell drops the character, and the lane would wait for the byte that is missing.
  for (const text of [...Object.values(vars), stdin ?? ""]) {
    if (text.includes("\0")) throw new HornetError(`what ${run} is to work with holds a NUL character`);
  }
  const guarded = withLineage(run, vars);
  // No pipe: with pipefail a function that ends before it has read all would fail for whoever feeds it.
  const fed = stdin === undefined ? guarded : `exec < <(printf %s ${quote(stdin)}) && ${guarded}`;
  return `${assignments.join("")}${fed}\n`;
}

/** A call that changes a droplet for a state runs only where that state's lineage owns it; see droplet/owner/lineage.sh. */
function withLineage(run: string, { lineage }: Readonly<Record<string, string>>): string {
  if (lineage === undefined || READ_ONLY.has(run)) return run;
  return REMOVING.has(run) ? `keep_lineage && ${run} && release_lineage` : `enter_lineage && ${run}`;
}
