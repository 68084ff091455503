import type { UnreachableError } from "../../host/errors";

/** ms for which no further resource tries to reach a droplet that could not be reached. */
const PAUSE_MS = 10_000;

/**
 * Remembers that a droplet could not be reached. One that swallows all packets takes a minute to fail, and the engine asks for a
 * few resources at a time: with hundreds of clones each would wait for that minute.
 */
export class Unreachable {
  private last: { readonly at: number; readonly error: UnreachableError } | undefined;

  /** The error of a moment ago; undefined where it is time to try again. */
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
