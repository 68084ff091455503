import { HornetError } from "../errors";
import { kindOf, type CallName, type MustHave, type VarsOf } from "./calls";
import { quote } from "../quote";

/** What every call has beside the function and its variables. */
interface CallOptions {
  /** What it is for, in words: "create namespace vm7". Stands in every error. */
  readonly what: string;
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

/** One call of a function of droplet/, with the variables that it reads; of several functions, with those of all. */
export type Call<Name extends CallName> = CallOptions & { readonly run: Name } & ([MustHave<Name>] extends [never]
    ? { readonly vars?: VarsOf<Name> }
    : { readonly vars: VarsOf<Name> });

/** A call as a lane takes it. */
export interface AnyCall extends CallOptions {
  readonly run: string;
  /** Data: quoted once, in {@link encode}, and never in an argument list. */
  readonly vars?: Readonly<Record<string, string>>;
}

/**
 * The code of a call, for a shell of its own: its variables, then the function, fed by a builtin so that stdin is in no
 * argument list. `exec`, for what is redirected for a group of commands, bash leaves open a second time under another number.
 */
export function encode({ run, vars = {}, stdin }: AnyCall): string {
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
  const kind = kindOf(run);
  if (lineage === undefined || kind === "reads") return run;
  return kind === "removes" ? `keep_lineage && ${run} && release_lineage` : `enter_lineage && ${run}`;
}
