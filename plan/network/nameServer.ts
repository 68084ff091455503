import { egressEntry } from "../../model/egress";
import { ownerId } from "../../model/owner";

/** Whether an egress list needs the name server: it has names, and does not open the whole Internet. */
export function namesIn(egress: readonly string[]): boolean {
  const entries = egress.map(egressEntry);
  const all = entries.some(({ kind, ports }) => kind === "everything" || (kind === "internet" && ports === undefined));
  return !all && entries.some(({ kind }) => kind === "name");
}

/**
 * The name server's port on the bridge's address. Not 53, which another server may use; it derives from the owner's id,
 * because two stacks may share a bridge.
 */
export function namesPort(owner: string): number {
  return 20_000 + (parseInt(ownerId(owner).slice(0, 6), 16) % 10_000 || 0);
}
