/** The errors of a stack's operations, by whose they are: the user's, another operation's, the caller's own, Hornet's. */
import { automation } from "@pulumi/pulumi";
import { HornetError, messageOf } from "../host/errors";
import { printableLines } from "../host/printable";

/** An operation on a stack. */
export type OperationName = "open" | "config" | "preview" | "up" | "drift" | "destroy" | "read" | "promote";

/** One resource that failed in an operation. */
export interface Failure {
  /** The clone's name, or empty if the resource belongs to no clone. */
  readonly clone: string;
  /** The resource's kind and name: `FirecrackerVM vm3`. */
  readonly resource: string;
  readonly message: string;
}

/** The parts of a failed operation. */
export interface OperationFailure {
  readonly stack: string;
  readonly operation: OperationName;
  readonly failures: readonly Failure[];
}

/** An operation on a stack failed. Its subclasses say whose turn it is. */
export abstract class StackError extends HornetError {
  readonly stackName: string;
  readonly operation: OperationName;
  /** What failed, in the order of the engine's reports. The other resources are as the operation left them. */
  readonly failures: readonly Failure[];

  protected constructor({ stack, operation, failures }: OperationFailure, summary: string, next?: string) {
    const details = failures.map(({ resource, message }) => (resource === "" ? message : `${resource}: ${message}`));
    super(summary, { details, next });
    [this.stackName, this.operation, this.failures] = [stack, operation, failures];
  }
}

/** The config, the droplet or the machine is not as it must be; the failures say what to change. */
export class UserError extends StackError {
  override readonly name = "UserError";

  constructor(about: OperationFailure, summary = `${about.operation} of the stack ${about.stack} failed`) {
    super(about, summary);
  }
}

/** Another operation holds the stack's lock or the droplet's. Try again once it has ended. */
export class LockedError extends StackError {
  override readonly name = "LockedError";

  constructor(about: OperationFailure) {
    super(
      about,
      `${about.operation} of the stack ${about.stack} did not start: another operation has locked it`,
      "wait until that operation ends; if nobody runs one, pulumi cancel releases the lock of a run that was killed",
    );
  }
}

/** The caller's AbortSignal ended the operation. The next `up` continues from what is there. */
export class CancelledError extends StackError {
  override readonly name = "CancelledError";

  constructor(about: OperationFailure) {
    super(about, `${about.operation} of the stack ${about.stack} was cancelled`);
  }
}

/** A bug in Hornet, or a program that threw an exception: the failures hold the stack trace. */
export class BugError extends StackError {
  override readonly name = "BugError";

  constructor(about: OperationFailure) {
    super(
      about,
      `${about.operation} of the stack ${about.stack} ended with an unexpected error`,
      "report it with these lines",
    );
  }
}

const BUG = /this is a bug in Hornet|failed with an unhandled exception|panic: |goroutine \d+ \[/;
const LOCKED = /is locked by |the stack is currently locked|Another update is currently in progress/;

/**
 * The typed error for what Pulumi's automation API threw.
 *
 * @param aborted whether the caller cancelled the operation
 */
export function typedError(error: unknown, about: OperationFailure, aborted: boolean): StackError {
  if (error instanceof StackError) return error;
  if (aborted) return new CancelledError(about);
  const text = [messageOf(error), ...about.failures.map(({ message }) => message)].join("\n");
  const complete = about.failures.length > 0 ? about : { ...about, failures: [plainFailure(error)] };
  if (error instanceof automation.ConcurrentUpdateError) return new LockedError(complete);
  if (about.failures.length > 0 && about.failures.every(({ message }) => LOCKED.test(message))) {
    return new LockedError(about);
  }
  if (BUG.test(text)) return new BugError(complete);
  // The CLI ended with an exit code, or Hornet judged an input; everything else is unexpected.
  if (error instanceof automation.CommandError || error instanceof HornetError) return new UserError(complete);
  return new BugError({ ...about, failures: [{ clone: "", resource: "", message: stackOf(error) }] });
}

function stackOf(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}

/** The CLI's own words, where no resource failed. */
function plainFailure(error: unknown): Failure {
  const text = messageOf(error);
  const stderr = / stderr: ([\s\S]*?)\n err\?:/.exec(text)?.[1]?.trim();
  const words = stderr === undefined || stderr === "" ? text : stderr;
  return { clone: "", resource: "", message: printableLines(words.slice(-4000)) };
}
