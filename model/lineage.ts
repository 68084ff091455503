/** The state that owns the things with an owner label on a droplet, as the droplet records it. */
export interface LineageHolder {
  /** The random id that the state has kept since its first `up`. */
  readonly lineage: string;
  /** When it claimed the droplet: `2026-01-31T12:00:00Z`. */
  readonly since: string;
  /** Who claimed it: `user@host`. */
  readonly by: string;
  /** `ORGANIZATION/PROJECT/STACK`, or as much of it as is known. */
  readonly stack: string;
  /** The URL of the Pulumi backend that keeps the state, without credentials. */
  readonly backend: string;
}

/** A lineage: 16 hexadecimal digits. */
export const LINEAGE = /^[0-9a-f]{16}$/;

/** How long a line of a claim may be, in characters. */
const LONGEST = 200;

/** A line from another operator, without characters that a terminal could interpret. */
export function plainLine(text: string): string {
  return text.replaceAll(/[^\x20-\x7e]/g, "?").slice(0, LONGEST);
}

/** Parses a claim: the lineage, then a line each for since, by, stack and backend. Undefined if it is empty. */
export function parseClaim(text: string): LineageHolder | undefined {
  const [lineage = "", since = "", by = "", stack = "", backend = ""] = text.split("\n").map(plainLine);
  return lineage === "" ? undefined : { lineage, since, by, stack, backend };
}

/** Part of every refusal; a read writes the refusal into the state, and the next check recognizes it. */
export const REFUSED = "belongs to another state:";

/**
 * The refusal of an operation whose state has another lineage.
 *
 * @param droplet the droplet's name
 * @param name the stack's readable name, from its owner label
 */
export function describeHolder(droplet: string, name: string, holder: LineageHolder): string {
  const { lineage, since, by, stack, backend } = holder;
  return (
    `what ${name} has on ${droplet} ${REFUSED} ${by || "somebody"} claimed it on ${since || "an unknown day"} for the ` +
    `stack ${stack || "of an unknown name"} in the backend ${backend || "of an unknown address"} (lineage ${lineage}); ` +
    "nothing was changed\n  next: use that state, or give this stack another name; to take the fleet over from it, set " +
    `HORNET_TAKE_OVER=${lineage} for one \`pulumi up\``
  );
}
