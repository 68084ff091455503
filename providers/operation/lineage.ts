import type { LineageVars } from "../../host/session/calls";
import { hostname, userInfo } from "node:os";
import { backendUrl } from "../../operator/backend";
import { newLineage, recordedLineage, recordLineage } from "../../operator/lineageRecord";
import { parseClaim, plainLine, REFUSED, type LineageHolder } from "../../model/lineage";
import { ownerName } from "../../model/owner";
import type { Session } from "../../host/session/session";

/**
 * Which state owns a droplet's fleet. The owner label derives from names, so a colleague with a separate state and the same
 * names has the same label. A state has a random lineage from its first `up` on; the operator's record and the droplet
 * (droplet/owner/lineage.sh) repeat it.
 */
export class Lineages {
  /** The lineages that this operation has met in its state, by owner label. */
  private readonly met = new Map<string, string>();

  /** Notes the lineage of a resource's state. No I/O. */
  note(owner: unknown, lineage: unknown): void {
    if (typeof owner === "string" && typeof lineage === "string") this.met.set(owner, lineage);
  }

  /** A resource's inputs with the lineage of the operation's state, which has priority over the operator's record. */
  known<T extends Owned>(common: T): T {
    this.note(common.owner, common.lineage);
    const lineage = this.met.get(common.owner) ?? recordedLineage(common.owner);
    return lineage === undefined ? common : { ...common, lineage };
  }

  /** The same before a change: makes a lineage for a state without one, and writes it to the operator's record. */
  recorded<T extends Owned>(common: T): T & { readonly lineage: string } {
    const known = this.known(common);
    const lineage = known.lineage ?? newLineage();
    if (recordedOrDamaged(common.owner) !== lineage) recordLineage(common.owner, lineage);
    this.note(common.owner, lineage);
    return { ...known, lineage };
  }
}

interface Owned {
  readonly owner: string;
  readonly lineage?: string | undefined;
}

/** Undefined if the record is damaged: the state's lineage then replaces it. */
function recordedOrDamaged(owner: string): string | undefined {
  try {
    return recordedLineage(owner);
  } catch {
    return undefined;
  }
}

/** Reads which lineage a droplet's fleet belongs to. */
export class ClaimReader {
  private locked: { readonly stamp: string; readonly holder: Promise<LineageHolder | undefined> } | undefined;
  private seen: Promise<LineageHolder | undefined> | undefined;

  constructor(
    private readonly session: () => Pick<Session, "call" | "hold">,
    private readonly owner: string,
    private readonly runtimeDir: string,
  ) {}

  /** The holder, read under the droplet's lock, which excludes other lineages: one reading is valid until the lock is lost. */
  async underLock(): Promise<LineageHolder | undefined> {
    const stamp = await this.session().hold();
    if (this.locked?.stamp === stamp) return this.locked.holder;
    const holder = this.read();
    this.locked = { stamp, holder };
    holder.catch(() => (this.locked = undefined));
    return holder;
  }

  /** The holder, read once without the lock. */
  withoutLock(): Promise<LineageHolder | undefined> {
    if (this.seen !== undefined) return this.seen;
    const seen = this.read();
    this.seen = seen;
    seen.catch(() => (this.seen = undefined));
    return seen;
  }

  private async read(): Promise<LineageHolder | undefined> {
    const vars = { owner: this.owner, runtime_dir: this.runtimeDir };
    return parseClaim(await this.session().call({ what: "read whose the fleet is", run: "read_lineage", vars }));
  }
}

/** The failure of a check after a read found that the resource belongs to another lineage; see foreignToRead(). */
export function refusedCondition(condition: unknown): string | undefined {
  if (typeof condition !== "string" || !condition.includes(REFUSED)) return undefined;
  const lineage = /\(lineage ([0-9a-f]+)\)/.exec(condition)?.[1];
  return lineage !== undefined && lineage === takeOver() ? undefined : condition;
}

/** The shell variables that identify the state to the droplet. */
export function lineageVars({ owner, lineage }: Owned): LineageVars {
  if (lineage === undefined) return {};
  const claimant = [`${userInfo().username}@${hostname()}`, ownerName(owner), backendUrl()].map(plainLine).join("\n");
  return { lineage, claimant, take_over: takeOver() };
}

/** The lineage that the operator takes over from. It names one, so a variable that stays set affects no other. */
export function takeOver(): string {
  return process.env.HORNET_TAKE_OVER ?? "";
}
