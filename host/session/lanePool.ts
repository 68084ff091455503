import { ConnectionError } from "../errors";
import type { Lane } from "./lane";

/** The lanes of a session. It opens them on demand up to a limit; further calls queue. */
export class LanePool {
  private lanes: Lane[] = [];
  private opening: Promise<Lane> | undefined;
  private readonly queue: ((lane: Lane) => void)[] = [];
  private readonly waiters = new Set<(error: Error) => void>();
  /** The current maximum of lanes. */
  private room = 0;

  /**
   * @param connect opens a lane; `first` for the one that carries the others' connection
   * @param width maximum of lanes
   * @param name the droplet's, for messages
   */
  constructor(
    private readonly connect: (first: boolean) => Promise<Lane>,
    private readonly width: number,
    private readonly name: string,
  ) {}

  /** True if no lane works. */
  get empty(): boolean {
    return this.lanes.every((lane) => lane.dead);
  }

  /** Removes and returns all lanes, the first one first. */
  drain(): Lane[] {
    return this.lanes.splice(0);
  }

  /**
   * Returns a free lane, opens one if the limit allows, or waits for the next one that is released.
   *
   * @throws ConnectionError if the droplet cannot be reached, or the connection is lost meanwhile
   */
  async acquire(): Promise<Lane> {
    for (;;) {
      this.lanes = this.lanes.filter((lane) => !lane.dead);
      const idle = this.lanes.find((lane) => !lane.busy && !lane.taken);
      if (idle !== undefined) return this.take(idle);
      if (this.lanes.length === 0) this.room = this.width;
      if (this.lanes.length >= this.room) return this.enqueue();
      // One at a time: the first lane carries the connection of the others.
      this.opening ??= this.open(this.lanes.length === 0).finally(() => (this.opening = undefined));
      try {
        await this.opening;
      } catch (error) {
        // An unreachable droplet fails all who wait for it, without another try for each.
        if (this.lanes.every((lane) => lane.dead)) throw error;
        // A droplet that accepts no more sessions is used with those it accepted.
        this.room = this.lanes.length;
      }
    }
  }

  private enqueue(): Promise<Lane> {
    return new Promise((resolve, reject) => {
      this.waiters.add(reject);
      this.queue.push((lane) => {
        this.waiters.delete(reject);
        resolve(lane);
      });
    });
  }

  private take(lane: Lane): Lane {
    lane.taken = true;
    lane.setReferenced(true);
    return lane;
  }

  /** Hands the lane to the first in the queue, or marks it free. */
  release(lane: Lane): void {
    const next = lane.dead ? undefined : this.queue.shift();
    if (next !== undefined) {
      next(lane);
      return;
    }
    lane.taken = false;
    if (!lane.dead) {
      lane.setReferenced(false);
      return;
    }
    this.lanes = this.lanes.filter((other) => !other.dead);
    if (this.lanes.length === 0) this.failWaiting();
  }

  /** Fails the queue, which no lane will serve any more. */
  private failWaiting(): void {
    this.queue.length = 0;
    for (const reject of this.waiters) reject(new ConnectionError(`the connection to ${this.name} was lost`));
    this.waiters.clear();
  }

  private async open(first: boolean): Promise<Lane> {
    const lane = await this.connect(first);
    this.lanes.push(lane);
    return lane;
  }
}
