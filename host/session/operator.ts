import { createHash, randomBytes } from "node:crypto";
import { Trace } from "../trace";
import type { Injection } from "./effects";
import { readLibrary } from "./library";
import type { LockKeeper } from "./lock";

/** The state that the sessions of one operator share: two of them may reach one droplet by different names. */
export class Operator {
  /** Distinguishes this operator's shells on a droplet from others'. */
  readonly id = randomBytes(8).toString("hex");
  readonly trace = new Trace();
  private readonly locks = new Map<string, LockKeeper>();
  private read: { readonly text: string; readonly digest: string } | undefined;

  /** The text of {@link readLibrary}, read once for all shells. */
  library(injection: Injection | undefined): string {
    const { text } = this.scripts;
    return injection === undefined ? text : text + injection.code;
  }

  /** The library's text, and a short digest that identifies it. */
  get scripts(): { readonly text: string; readonly digest: string } {
    if (this.read !== undefined) return this.read;
    const text = readLibrary();
    this.read = { text, digest: createHash("sha256").update(text).digest("hex").slice(0, 16) };
    return this.read;
  }

  /** The lock of a machine, which its first session provides. */
  lockOf(machine: string, own: LockKeeper): LockKeeper {
    const known = this.locks.get(machine) ?? own;
    this.locks.set(machine, known);
    return known;
  }

  /** Forgets the lock of a session that ends. */
  forget(own: LockKeeper): void {
    for (const [machine, lock] of this.locks) if (lock === own) this.locks.delete(machine);
  }
}
