import { HornetError } from "../../host/errors";

/** Nobody is served before this time has passed without another one asking, so that all are in the order of names; ms. */
const GATHER_MS = 400;

interface Waiting {
  readonly name: string;
  readonly go: () => void;
  readonly stop: (by: string) => void;
}

/** The turns of one stack's clones on one droplet, within one operation. */
class Turns {
  private running = 0;
  /** A clone of this roll came up: those after it need not wait for each other. */
  private proved = false;
  private readonly waiting: Waiting[] = [];
  private stopped: string | undefined;
  private timer: NodeJS.Timeout | undefined;

  async take<T>(name: string, width: number, work: () => Promise<T>): Promise<T> {
    await new Promise<void>((resolve, reject) => {
      const stop = (by: string): void =>
        reject(
          new HornetError(
            `${name} was left on the snapshot that it has: ${by} failed, and a roll stops at the first that does; ` +
              "run up again once that is mended",
          ),
        );
      this.waiting.push({ name, go: resolve, stop });
      clearTimeout(this.timer);
      this.timer = setTimeout(() => this.serve(width), GATHER_MS);
    });
    try {
      const result = await work();
      this.proved = true;
      return result;
    } catch (error) {
      this.stopped ??= name;
      throw error;
    } finally {
      this.running -= 1;
      this.serve(width);
    }
  }

  private serve(width: number): void {
    const { stopped } = this;
    if (stopped !== undefined) {
      for (const one of this.waiting.splice(0)) one.stop(stopped);
      // With nobody at work any more the next one is of another roll.
      if (this.running === 0) {
        this.stopped = undefined;
        this.proved = false;
      }
      return;
    }
    this.waiting.sort((one, other) => one.name.localeCompare(other.name, "en", { numeric: true }));
    if (this.running === 0 && this.waiting.length === 0) this.proved = false;
    while (this.running < (this.proved ? width : 1)) {
      const next = this.waiting.shift();
      if (next === undefined) return;
      this.running += 1;
      next.go();
    }
  }
}

const turns = new Map<string, Turns>();

/**
 * Does a work when it is a clone's turn, by name: the first one alone, as the canary of the roll, then at most `width` at a
 * time, and none any more once one has failed.
 *
 * @param fleet what the clones that take turns have in common
 */
export function inTurn<T>(fleet: string, name: string, width: number, work: () => Promise<T>): Promise<T> {
  const queue = turns.get(fleet) ?? new Turns();
  turns.set(fleet, queue);
  return queue.take(name, width, work);
}
