import { createHash } from "node:crypto";

/** Who made something on a droplet: it is written on every link, nft table and folder that Hornet makes. */
export interface Owner {
  readonly organization: string;
  readonly project: string;
  readonly stack: string;
}

/** The longest alias that a link takes is 255 bytes (IFALIASZ, linux/if.h). */
const ALIAS_LIMIT = 255;

/**
 * The owner's mark: `hornet:PROJECT/STACK:ID`. The id is derived from the names, so that a stack whose state was lost
 * still finds its own; it is part of nft table names, which are unique on a droplet.
 */
export function ownerLabel({ organization, project, stack }: Owner): string {
  const id = createHash("sha256").update(`${organization}/${project}/${stack}`).digest("hex").slice(0, 12);
  const readable = `${project}/${stack}`.replaceAll(/[^A-Za-z0-9/._-]/g, "_").slice(0, ALIAS_LIMIT - 32);
  return `hornet:${readable}:${id}`;
}

/** An owner by its whole name, ORGANIZATION/PROJECT/STACK. */
export function ownerCalled(name: string): Owner {
  const [organization = "", project = "", stack = ""] = name.split("/");
  return { organization, project, stack };
}

/** The id at the end of a mark. */
export function ownerId(mark: string): string {
  return mark.slice(mark.lastIndexOf(":") + 1);
}

/** The stack's readable name in a mark: `PROJECT/STACK`. */
export function ownerName(mark: string): string {
  return mark.startsWith("hornet:") ? mark.slice("hornet:".length, mark.lastIndexOf(":")) : mark;
}
