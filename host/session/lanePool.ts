import { ConnectionError } from "../errors";
import type { Lane } from "./lane";

/** The lanes of a session: opened when there is work for them, no more of them than there may be; who comes late queues. */
export class LanePool {
  private lanes: Lane[] = [];
  private opening: Promise<Lane> | undefined;
  private readonly queue: ((lane: Lane) => void)[] = [];
  private readonly waiters = new Set<(error: Error) => void>();
  /** How many lanes there may be now. */
  private room = 0;

  /**
   * @param connect opens a lane; the first one is told so, for it is the connection that the others share
   * @param width how many there may be
   * @param name the droplet's, for messages
   */
  constructor(
    private readonly connect: (first: boolean) => Promise<Lane>,
    private readonly width: number,
    private readonly name: string,
  ) {}

  /** True while there is none that works. */
  get empty(): boolean {
    return this.lanes.every((lane) => lane.dead);
  }

  /** Takes all lanes out of it, the first one first. */
  drain(): Lane[] {
    return this.lanes.splice(0);
  }

  /**
   * Gives a lane that is free, opens one where there is room, or waits for the next one that is given back.
   *
   * @throws ConnectionError where the droplet cannot be reached, or is lost meanwhile
   */
  async acquire(): Promise<Lane> {
    for (;;) {
      this.lanes = this.lanes.filter((lane) => !lane.dead);
      const idle = this.lanes.find((lane) => !lane.busy && !lane.taken);
      if (idle !== undefined) return this.take(idle);
      if (this.lanes.length === 0) this.room = this.width;
      if (this.lanes.length >= this.room) return this.enqueue();
      // One at a time: the first lane is the connection that the others share.
      this.opening ??= this.open(this.lanes.length === 0).finally(() => (this.opening = undefined));
      try {
        await this.opening;
      } catch (error) {
        // A droplet that cannot be reached is said to all who wait for it, not tried again for each.
        if (this.lanes.every((lane) => lane.dead)) throw error;
        // One that takes no more sessions is used with those it took.
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

  /** Gives a lane back: to whoever waits, or to the pool. */
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

  /** With every lane gone nobody will serve the queue: a lost connection is said to all who wait. */
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
