import { setTimeout as sleep } from "node:timers/promises";
import { availableParallelism } from "node:os";
import { isFleetLabel, ownerName, stackOf } from "../../model/owner";

/** ms without any call of the engine after which the other droplets count as done. */
const QUIET_MS = 5000;

/** Options of {@link HeldFailures}. */
export interface Holding {
  /** Whether the engine goes on after a failure anyway. Default: as PULUMI_CONTINUE_ON_ERROR says */
  readonly goesOn?: boolean;
  readonly quietMs?: number;
  /** How many failures may wait at once: each occupies one of the engine's workers, of which there are four for each core. */
  readonly most?: number;
  readonly say?: (line: string) => void;
}

/**
 * Holds the failure of one droplet of several back until the others are done. Without --continue-on-error the engine starts no
 * further step after the first failure: one droplet that could not be reached kept all others as they were.
 */
export class HeldFailures {
  private readonly goesOn: boolean;
  private readonly quietMs: number;
  private readonly most: number;
  private readonly say: (line: string) => void;
  /** The clones that each fleet declares, by its owner label. */
  private readonly fleets = new Map<string, Set<string>>();
  private readonly failed = new Set<string>();
  private running = 0;
  private waiting = 0;
  private lastCall = Date.now();
  private told = false;

  constructor({ goesOn, quietMs = QUIET_MS, most, say }: Holding = {}) {
    this.goesOn = goesOn ?? ["true", "1"].includes(process.env.PULUMI_CONTINUE_ON_ERROR ?? "");
    this.quietMs = quietMs;
    this.most = most ?? 2 * availableParallelism();
    this.say = say ?? ((line) => process.stderr.write(`${line}\n`));
  }

  /**
   * Notes a call of the engine that does no I/O.
   *
   * @param clone the clone that the call declares, if it does
   */
  note(owner: unknown, clone?: string): void {
    this.lastCall = Date.now();
    if (typeof owner !== "string") return;
    const clones = this.fleets.get(owner) ?? new Set();
    this.fleets.set(owner, clones);
    if (clone !== undefined) clones.add(clone);
  }

  /** Runs a call of the engine. If it fails, and the stack has other droplets, the error waits until they are done. */
  async run<T>(owner: unknown, work: () => Promise<T>): Promise<T> {
    this.note(owner);
    this.running += 1;
    try {
      return await work();
    } catch (error) {
      this.running -= 1;
      if (typeof owner === "string") await this.othersAreDone(owner);
      this.running += 1;
      throw error;
    } finally {
      this.running -= 1;
      this.lastCall = Date.now();
    }
  }

  private async othersAreDone(owner: string): Promise<void> {
    this.failed.add(owner);
    if (this.goesOn || ![...this.fleets.keys()].some(isFleetLabel) || this.waiting >= this.most) return;
    this.waiting += 1;
    try {
      while (this.running > 0 || Date.now() - this.lastCall < this.quietMs) await sleep(Math.min(200, this.quietMs));
    } finally {
      this.waiting -= 1;
    }
    this.tellOnce(stackOf(owner));
  }

  /** The program says this where the engine lets it end; a failure ends it. */
  private tellOnce(stack: string): void {
    if (this.told) return;
    this.told = true;
    for (const [owner, clones] of this.fleets) {
      if (stackOf(owner) !== stack) continue;
      const name = isFleetLabel(owner) ? ownerName(owner).split("/").slice(2).join("/") : "fleet";
      if (this.failed.has(owner)) this.say(`droplet ${name}: failed; its errors say why`);
      else if (clones.size > 0) this.say(`droplet ${name}: all ${clones.size} clones are as declared`);
    }
  }
}
