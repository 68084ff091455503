import type { UnreachableError } from "../../host/errors";

/** ms during which no further resource tries to reach an unreachable droplet. */
const PAUSE_MS = 10_000;

/**
 * Remembers that a droplet could not be reached. If it drops all packets, an attempt takes a minute to fail; with hundreds of
 * clones, each few resources that the engine reads in parallel would wait for that minute.
 */
export class Unreachable {
  private last: { readonly at: number; readonly error: UnreachableError } | undefined;

  /** The recent error; undefined if it is time to try again. */
  get recent(): UnreachableError | undefined {
    return this.last !== undefined && Date.now() - this.last.at < PAUSE_MS ? this.last.error : undefined;
  }

  note(error: UnreachableError): void {
    if (error !== this.last?.error) this.last = { at: Date.now(), error };
  }

  forget(): void {
    this.last = undefined;
  }
}
