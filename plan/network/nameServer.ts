import { egressEntry } from "../../model/egress";
import { ownerId } from "../../model/owner";

/** Whether a list opens names that it does not open as a part of the Internet. */
export function namesIn(egress: readonly string[]): boolean {
  const entries = egress.map(egressEntry);
  const all = entries.some(({ kind, ports }) => kind === "everything" || (kind === "internet" && ports === undefined));
  return !all && entries.some(({ kind }) => kind === "name");
}

/** The port of the name server at the bridge's address, by the owner's id: 53 may be somebody's, and two stacks may share a bridge. */
export function namesPort(owner: string): number {
  return 20_000 + (parseInt(ownerId(owner).slice(0, 6), 16) % 10_000 || 0);
}
