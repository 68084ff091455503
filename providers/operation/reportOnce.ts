import { ConnectionError, HornetError } from "../../host/errors";
import { printableLines } from "../../host/printable";

/** What this operation has printed and need not print again. */
const said = new Set<string>();

/**
 * What is told of an error: itself, but where it says again that a droplet cannot be reached. That is one fault, and its reason
 * is told once, not by each of a fleet of hundreds.
 */
export function saidOnce(error: HornetError): HornetError {
  if (!(error instanceof ConnectionError)) return error;
  if (said.has(error.message)) return new HornetError(error.again);
  said.add(error.message);
  return error;
}

/** Prints a line for the user, where this operation has not printed it yet: what is true of a droplet is true of each resource. */
export function reportOnce(text: string): void {
  if (said.has(text)) return;
  said.add(text);
  process.stderr.write(`${printableLines(text)}\n`);
}

/** For a process that serves one operation after another: what was said before is said again. */
export function forgetSaid(): void {
  said.clear();
}
