import { ConnectionError, HornetError } from "../host/errors";

/** What was said in this operation of droplets that cannot be reached. */
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

/** For a process that serves one operation after another: what was said before is said again. */
export function forgetSaid(): void {
  said.clear();
}
