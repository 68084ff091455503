/** Promotion: the snapshot that one stack runs and has proved is pinned in the config of another. */
import { existsSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { HornetError } from "../../host/errors";
import { writeWhole } from "../../host/wholeFile";
import { connectionSchema } from "../../model/connection";
import { LOCAL, checkout, localPaths } from "../../operator/localPaths";
import { pin, pinnedDigest } from "./pin";

const summary = z.object({
  digest: z.string(),
  path: z.string(),
  droplet: connectionSchema,
  proved: z.string().default(""),
});

/** A snapshot that a stack's whole fleet has started from. */
export type ProvedSnapshot = z.infer<typeof summary>;

/** What a promotion changed. */
export interface Promotion {
  /** The config file of the stack that follows. Review and commit it, then run `up` of that stack. */
  readonly file: string;
  /** The digest that it pinned before; undefined if it pinned none. */
  readonly before: string | undefined;
  readonly digest: string;
}

/**
 * The snapshot in a stack's outputs.
 *
 * @throws HornetError if the stack has none, or has not proved it
 */
export function provedSnapshot(outputs: Readonly<Record<string, unknown>>, stack: string): ProvedSnapshot {
  const found = summary.safeParse(outputs.snapshot).data;
  if (found === undefined) throw new HornetError(`the stack ${stack} has no snapshot to promote: bring it up first.`);
  if (found.proved === found.digest) return found;
  throw new HornetError(
    `the stack ${stack} has not proved ${found.digest}: its fleet must come up with it, ready and through its smoke ` +
      `tests; run pulumi up -s ${stack}, which says what is in the way.`,
  );
}

/**
 * The config file in which a stack's snapshot is pinned.
 *
 * @throws HornetError if there is none
 */
export function fileToPin(stack: string, folder: string): string {
  const file =
    stack === LOCAL && folder === checkout
      ? localPaths().config
      : join(folder, `Pulumi.${stack.split("/").pop() ?? ""}.yaml`);
  if (existsSync(file)) return file;
  throw new HornetError(`there is no ${file}: the stack ${stack} has no config to pin a snapshot in.`);
}

/** Pins a digest in a config file, unless the file pins it already. */
export function pinIn(file: string, digest: string, from: string): Promotion {
  const text = readFileSync(file, "utf8");
  const before = pinnedDigest(text);
  if (before !== digest) writeWhole(file, pin(text, digest, from), statSync(file).mode & 0o777);
  return { file, before, digest };
}

/** Pins in the stack `to` the snapshot that the stack `from` has proved. */
export function promote(
  outputs: Readonly<Record<string, unknown>>,
  from: string,
  to: string,
  folder: string,
): Promotion {
  return pinIn(fileToPin(to, folder), provedSnapshot(outputs, from).digest, from);
}
