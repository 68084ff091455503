import { randomBytes } from "node:crypto";
import { Trace } from "../trace";
import type { Injection } from "./effects";
import { readLibrary } from "./library";
import type { LockKeeper } from "./lock";

/** What the sessions of one operator share: two of them may lead to one droplet by different names. */
export class Operator {
  /** Tells this operator's shells on a droplet from others'. */
  readonly id = randomBytes(8).toString("hex");
  readonly trace = new Trace();
  private readonly locks = new Map<string, LockKeeper>();
  private text: string | undefined;

  /** The text of {@link readLibrary}: read once, since every shell on a droplet gets it. */
  library(injection: Injection | undefined): string {
    this.text ??= readLibrary();
    return injection === undefined ? this.text : this.text + injection.code;
  }

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
