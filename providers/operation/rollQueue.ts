import { HornetError } from "../../host/errors";

/** A roll begins once no further clone has asked for so many ms, so that all are in the order of their names. */
const GATHER_MS = 400;

interface Waiting {
  readonly name: string;
  readonly go: () => void;
  readonly stop: (failed: string) => void;
}

/**
 * The order in which the clones of a stack, on all its droplets, move to another snapshot: by name, the first one alone as the
 * canary, then at most `width` at a time. After the first failure no further clone begins.
 */
export class RollQueue {
  /** A failure holds until the operation ends: the clones of a slow droplet may ask long after all others have been told. */
  failureLasts = false;
  private running = 0;
  /** A clone of this roll came up: those after it need not wait for each other. */
  private proved = false;
  private readonly waiting: Waiting[] = [];
  private failed: string | undefined;
  private timer: NodeJS.Timeout | undefined;

  /**
   * Runs `move` when it is a clone's turn.
   *
   * @throws HornetError if an earlier clone of the roll failed
   */
  async take<T>(name: string, width: number, move: () => Promise<T>): Promise<T> {
    await new Promise<void>((resolve, reject) => {
      const stop = (failed: string): void =>
        reject(
          new HornetError(
            `${name} was left on the snapshot that it has: ${failed} failed, and a roll stops at the first failure`,
            { next: "run up again once that is fixed" },
          ),
        );
      this.waiting.push({ name, go: resolve, stop });
      clearTimeout(this.timer);
      this.timer = setTimeout(() => this.serve(width), GATHER_MS);
    });
    try {
      const result = await move();
      this.proved = true;
      return result;
    } catch (error) {
      this.failed ??= name;
      throw error;
    } finally {
      this.running -= 1;
      this.serve(width);
    }
  }

  private serve(width: number): void {
    const { failed } = this;
    if (failed !== undefined) {
      for (const one of this.waiting.splice(0)) one.stop(failed);
      // No clone moves any more, so the next one that asks belongs to another roll.
      if (this.running === 0 && !this.failureLasts) {
        this.failed = undefined;
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
