/**
 * Whether the engine may write a stack's state only at the end of an operation. Otherwise it writes all of it before and after
 * every step, which for hundreds of clones is most of an `up`.
 */
import { existsSync, readFileSync } from "node:fs";
import { z } from "zod";
import { ONLY_FLEET, resourceName } from "../model/names";
import { clonesOf, type DeclaredFleet } from "./size";

const checkpoint = z.object({
  checkpoint: z.object({
    latest: z
      .object({ resources: z.array(z.object({ urn: z.string().default(""), type: z.string() })).default([]) })
      .optional(),
  }),
});

const CLAIM = "pulumi-nodejs:dynamic/hornet:DropletClaim";
/** The claim's dependency. */
const CHECK = "pulumi-nodejs:dynamic/hornet:DropletCheck";

/** From so many clones on the state is written once. */
export const MANY = 30;

/** Makes the engine write the state once (pulumi/sdk, go/common/env). */
export const WRITE_ONCE = { PULUMI_EXPERIMENTAL: "true", PULUMI_SKIP_CHECKPOINTS: "true" } as const;

/** How an `up` runs. */
export interface Checkpointing {
  /** If not empty: run a short `up` of these resources first, with the state written at every step. */
  readonly first: readonly string[];
  readonly env: Readonly<Record<string, string>>;
}

/**
 * If the state is written only at the end, a run that dies loses it. That is safe once the state knows the stack's claim to its
 * droplet: the next `up` adopts what carries the stack's owner label, and a `destroy`, to which an empty state would leave nothing
 * to do, ends the claim, which removes everything.
 *
 * @param fleets those that the config declares
 * @param resources those of the stack's state
 */
export function checkpointing(fleets: readonly DeclaredFleet[], resources: readonly StateResource[]): Checkpointing {
  if (clonesOf(fleets) < MANY) return { first: [], env: {} };
  const unclaimed = fleets.filter(
    ({ name }) =>
      !resources.some(({ type, urn }) => type === CLAIM && urn.endsWith(`::${resourceName(name, "droplet")}`)),
  );
  return {
    first: unclaimed.flatMap(({ name }) => [
      `**CloneFleet::${name ?? ONLY_FLEET}`,
      `**${CHECK}::${resourceName(name, "preflight")}`,
      `**${CLAIM}::${resourceName(name, "droplet")}`,
    ]),
    env: WRITE_ONCE,
  };
}

/** A resource in a state. */
export interface StateResource {
  readonly urn: string;
  readonly type: string;
}

/** The resources in a state's file, as the file backend writes it; none if there is no file. */
export function resourcesIn(stackFile: string): readonly StateResource[] {
  if (!existsSync(stackFile)) return [];
  return checkpoint.parse(JSON.parse(readFileSync(stackFile, "utf8"))).checkpoint.latest?.resources ?? [];
}
