import { printableLines } from "./printable";

/** Everything known about a failed command on a droplet. */
export interface CommandFailure {
  /** What Hornet was doing, in words: "create namespace vm7". */
  readonly what: string;
  /** The droplet, as {@link describeConnection} names it. */
  readonly droplet: string;
  /** The function or command that ran there. */
  readonly command: string;
  /** Its exit code; null or NaN if it has none (connection lost, limit reached, an answer without it). */
  readonly code: number | null;
  readonly stderr: string;
  /** What the reader can do next. */
  readonly hint?: string | undefined;
}

const STDERR_TAIL = 2000;

/** An error in parts. {@link HornetError} renders them, and nothing else does. */
export interface ErrorParts {
  /** What failed, on which droplet, and why: one sentence. */
  readonly summary: string;
  /** Supporting facts, one a line: a command, an exit code, the output of a program. */
  readonly details: readonly string[];
  /** The one next step of the reader. */
  readonly next?: string | undefined;
  /** The document that explains it, as a path in the checkout. */
  readonly document?: string | undefined;
}

/**
 * An error that a user is meant to read. It has no stack: the dynamic provider's host prints `error.stack` for failed
 * deletes beside the message. The message is made printable, since most errors quote a droplet or a guest.
 */
export class HornetError extends Error {
  override readonly name: string = "HornetError";
  readonly parts: ErrorParts;

  constructor(summary: string, more: Partial<Omit<ErrorParts, "summary">> = {}) {
    const parts = { summary, details: [], ...more };
    super(printableLines(render(parts)));
    this.parts = parts;
    this.stack = "";
  }
}

function render({ summary, details, next, document }: ErrorParts): string {
  return [
    summary,
    ...details.map((detail) => `  ${detail.replaceAll(/\r?\n/g, "\n  ")}`),
    ...(next === undefined ? [] : [`  next: ${next}`]),
    ...(document === undefined ? [] : [`  see: ${document}`]),
  ].join("\n");
}

/** A command on a droplet failed. `failure` keeps the parts for callers that inspect them. */
export class CommandError extends HornetError {
  override readonly name = "CommandError";

  constructor(readonly failure: CommandFailure) {
    const { what, droplet, command, code, stderr, hint } = failure;
    const end = stderr.trim().slice(-STDERR_TAIL).replaceAll("\n", "\n        ");
    const output = end === "" ? [] : [`stderr: ${end}`];
    super(`${what} failed on ${droplet}`, {
      details: [`command: ${command}`, `exit code: ${Number.isInteger(code) ? code : "none"}`, ...output],
      next: hint,
    });
  }
}

/** The connection to a droplet could not be made, or was lost. */
export class ConnectionError extends HornetError {
  override readonly name: string = "ConnectionError";
  /** The summary for a resource that fails after another one for the same reason. */
  readonly again: string;

  constructor(
    summary: string,
    { again = summary, ...more }: ConstructorParameters<typeof HornetError>[1] & { again?: string } = {},
  ) {
    super(summary, more);
    this.again = again;
  }
}

/** How the summary of an {@link UnreachableError} begins; a reading has it as drift. */
export const CANNOT_USE = "cannot use ";

/** No connection to a droplet could be made. */
export class UnreachableError extends ConnectionError {
  override readonly name = "UnreachableError";
}

/**
 * A bug in Hornet: nobody expected `cause` to be thrown. The message holds the stack, since the engine shows nothing else of
 * an error.
 */
export class HornetBug extends HornetError {
  override readonly name = "HornetBug";

  constructor(cause: Error) {
    const where = (cause.stack ?? "").split("\n").filter((line) => line.trimStart().startsWith("at "));
    super(`this is a bug in Hornet: ${cause.name}: ${cause.message}`, {
      details: where.map((line) => line.trim()),
      next: "report it with these lines",
    });
  }
}

/** The message of a thrown value of any type. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
