import type { Session } from "../../host/session/session";
import { traceSpan } from "../../host/trace";

/**
 * ms of what was done for a clone before its VM was started, by other resources of the same operation: all of them run in
 * one process, and what they took is told where the clone is.
 */
const before = new WeakMap<Session, Map<string, number>>();

/**
 * Notes a phase of a clone's network that is over now.
 *
 * @param ms as the droplet measured it
 */
export function noteNetwork(session: Session, namespace: string, ms: number): void {
  const all = before.get(session) ?? new Map<string, number>();
  before.set(session, all);
  all.set(namespace, (all.get(namespace) ?? 0) + ms);
  tracePhases(namespace, { network: ms });
}

/** The ms that a clone's network took in this operation; told once, and nothing where it was there already. */
export function takeNetwork(session: Session, namespace: string): { network?: number } {
  const network = before.get(session)?.get(namespace);
  before.get(session)?.delete(namespace);
  return network === undefined ? {} : { network };
}

/** The phases of a call that has just ended as spans, one after another. */
export function tracePhases(row: string, timings: Readonly<Record<string, number>>): void {
  const phases = Object.entries(timings);
  // A viewer wants spans of one row to lie within each other: the call's own ended a moment ago.
  let begun = Date.now() - 1 - phases.reduce((sum, [, took]) => sum + took, 0);
  for (const [name, took] of phases) {
    traceSpan({ row, name, begun, took });
    begun += took;
  }
}

/** Values out of lines key=value. */
export function valuesOf(answer: string): ReadonlyMap<string, string> {
  return new Map(
    answer
      .split("\n")
      .filter((line) => line.includes("="))
      .map((line): [string, string] => [line.slice(0, line.indexOf("=")), line.slice(line.indexOf("=") + 1)]),
  );
}
