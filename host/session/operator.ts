import { randomBytes } from "node:crypto";
import type { LockKeeper } from "./lock";

/** What the sessions of one operator have in common: two of them may lead to one droplet by different names. */
export class Operator {
  /** Tells this operator's shells on a droplet from others'. */
  readonly id = randomBytes(8).toString("hex");
  private readonly locks = new Map<string, LockKeeper>();

  /** The lock of a machine: that of the first session with it. */
  lockOf(machine: string, own: LockKeeper): LockKeeper {
    const known = this.locks.get(machine) ?? own;
    this.locks.set(machine, known);
    return known;
  }

  /** A session that ends takes no lock any more. */
  forget(own: LockKeeper): void {
    for (const [machine, lock] of this.locks) if (lock === own) this.locks.delete(machine);
  }
}
