import { printableLines } from "./printable";

/** What a failed command on a droplet leaves to say. */
export interface CommandFailure {
  /** What Hornet was doing, in words: "create namespace vm7". */
  readonly what: string;
  /** The droplet, as {@link describeConnection} names it. */
  readonly droplet: string;
  /** The function or command that ran there. */
  readonly command: string;
  /** Its exit code, or null where it never came to one (connection lost, limit reached). */
  readonly code: number | null;
  readonly stderr: string;
  /** What the reader can do next. */
  readonly hint?: string | undefined;
}

const STDERR_TAIL = 2000;

/**
 * An error a user is meant to read: one message that holds everything, made printable, since most of them quote a droplet
 * or a guest; no stack. The dynamic provider's host prints
 * `error.stack` for failed deletes, beside the message; so there is none.
 */
export class HornetError extends Error {
  override readonly name: string = "HornetError";

  constructor(message: string) {
    super(printableLines(message));
    this.stack = "";
  }
}

/** A command on a droplet failed. `failure` keeps the parts for code that decides on them. */
export class CommandError extends HornetError {
  override readonly name = "CommandError";

  constructor(readonly failure: CommandFailure) {
    super(describeFailure(failure));
  }
}

/** The connection to a droplet could not be made, or was lost. */
export class ConnectionError extends HornetError {
  override readonly name: string = "ConnectionError";

  /** @param again what is said of it where the message was said before */
  constructor(
    message: string,
    readonly again: string = message,
  ) {
    super(message);
  }
}

/** No connection to a droplet could be made. */
export class UnreachableError extends ConnectionError {
  override readonly name = "UnreachableError";
}

/**
 * A bug in Hornet: what nobody expected to be thrown. Its message holds the stack, since the engine shows a user nothing else
 * of an error.
 *
 * @param cause what was thrown
 */
export class HornetBug extends HornetError {
  override readonly name = "HornetBug";

  constructor(cause: Error) {
    const where = (cause.stack ?? "").split("\n").filter((line) => line.trimStart().startsWith("at "));
    super(
      [`this is a bug in Hornet: ${cause.name}: ${cause.message}`, ...where, "  next: report it with these lines"].join(
        "\n",
      ),
    );
  }
}

function describeFailure({ what, droplet, command, code, stderr, hint }: CommandFailure): string {
  const end = stderr.trim().slice(-STDERR_TAIL);
  return [
    `${what} failed on ${droplet}`,
    `  command: ${command}`,
    `  exit code: ${code ?? "none"}`,
    ...(end === "" ? [] : [`  stderr: ${end.replaceAll(/\r?\n/g, "\n          ")}`]),
    ...(hint === undefined ? [] : [`  next: ${hint}`]),
  ].join("\n");
}

/** The message of whatever was thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
