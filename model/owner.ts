import { createHash } from "node:crypto";

/** The owner of the links, nft tables and folders that Hornet makes on a droplet. */
export interface Owner {
  readonly organization: string;
  readonly project: string;
  readonly stack: string;
}

/** The longest alias of a link in bytes (IFALIASZ, linux/if.h). */
const ALIAS_LIMIT = 255;

/**
 * The owner label: `hornet:PROJECT/STACK:ID`. The id derives from the names, so that a stack whose state was lost still finds its
 * things; it is part of nft table names, which are unique on a droplet.
 */
export function ownerLabel({ organization, project, stack }: Owner): string {
  const id = createHash("sha256").update(`${organization}/${project}/${stack}`).digest("hex").slice(0, 12);
  const readable = `${project}/${stack}`.replaceAll(/[^A-Za-z0-9/._-]/g, "_").slice(0, ALIAS_LIMIT - 32);
  return `hornet:${readable}:${id}`;
}

/** The owner with a whole name, ORGANIZATION/PROJECT/STACK, or ORGANIZATION/PROJECT/STACK/FLEET. */
export function ownerCalled(name: string): Owner {
  const [organization = "", project = "", ...stack] = name.split("/");
  return { organization, project, stack: stack.join("/") };
}

/** The id at the end of an owner label. */
export function ownerId(label: string): string {
  return label.slice(label.lastIndexOf(":") + 1);
}

/** The stack's readable name in an owner label: `PROJECT/STACK`. */
export function ownerName(label: string): string {
  return label.startsWith("hornet:") ? label.slice("hornet:".length, label.lastIndexOf(":")) : label;
}

/**
 * The part of an owner label that the fleets of one stack have in common: `PROJECT/STACK`, also of a fleet's label
 * `PROJECT/STACK/FLEET`; see thisStack in components/resource.ts.
 */
export function stackOf(label: string): string {
  return ownerName(label).split("/").slice(0, 2).join("/");
}

/** Whether an owner label is that of one of several fleets of a stack: `PROJECT/STACK/FLEET`. */
export function isFleetLabel(label: string): boolean {
  return ownerName(label).split("/").length > 2;
}
