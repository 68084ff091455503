import { HornetError } from "../errors";
import { kindOf, type CallName, type MustHave, type VarsOf } from "./calls";
import { quote } from "../quote";

/** The options of every call besides the function and its variables. */
interface CallOptions {
  /** Its purpose: "create namespace vm7". Every error contains it. */
  readonly what: string;
  /** The function's stdin; use it for secrets. */
  readonly stdin?: string;
  /** After so many ms Hornet kills the call and its descendants. Default: the connection's timeout. */
  readonly timeoutMs?: number;
  /** Factor of the default limit, for copies and digests of large files. Default 1. */
  readonly patience?: number;
  /** Hornet kills it if it prints more bytes to stdout. Default: 16 MiB. */
  readonly maxBytes?: number;
  /** The next step if it fails. */
  readonly hint?: string;
}

/** One call of a function of droplet/, with the variables that it reads. */
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
 * The code of a call, for a subshell: its variables, then the function. A builtin feeds its stdin, so that stdin is in no
 * argument list. `exec` redirects, because bash leaves a second descriptor open when it redirects a group of commands.
 */
export function encode({ run, vars = {}, stdin }: AnyCall): string {
  const assignments = Object.entries(vars).map(([name, value]) => {
    if (!/^[a-z][a-z_0-9]*$/.test(name)) throw new Error(`not a variable's name: ${name}`);
    return `${name}=${quote(value)}\n`;
  });
  // A shell drops NUL bytes, and the lane would wait for the missing byte.
  for (const text of [...Object.values(vars), stdin ?? ""]) {
    if (text.includes("\0")) throw new HornetError(`an argument of ${run} contains a NUL byte`);
  }
  const guarded = withLineage(run, vars);
  // No pipe: with pipefail a function that ends before it has read everything would fail because of its feeder.
  const fed = stdin === undefined ? guarded : `exec < <(printf %s ${quote(stdin)}) && ${guarded}`;
  return `${assignments.join("")}${fed}\n`;
}

/** A call that changes a droplet runs only if its state's lineage owns the fleet there; see droplet/owner/lineage.sh. */
function withLineage(run: string, { lineage }: Readonly<Record<string, string>>): string {
  const kind = kindOf(run);
  if (lineage === undefined || kind === "reads") return run;
  return kind === "removes" ? `keep_lineage && ${run} && release_lineage` : `enter_lineage && ${run}`;
}
