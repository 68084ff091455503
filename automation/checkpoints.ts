/**
 * Whether the engine may write a stack's state at the end of an operation only. It writes all of it before and after every
 * step otherwise, which for hundreds of clones is most of an `up`.
 */
import { existsSync, readFileSync } from "node:fs";
import { z } from "zod";

const checkpoint = z.object({
  checkpoint: z.object({
    latest: z.object({ resources: z.array(z.object({ urn: z.string(), type: z.string() })).default([]) }).optional(),
  }),
});

const CLAIM = "pulumi-nodejs:dynamic/hornet:DropletClaim";
/** The claim's dependency. */
const CHECK = "pulumi-nodejs:dynamic/hornet:DropletCheck";

/** From so many clones on the state is written once. */
const MANY = 30;

/** Makes the engine write the state once (pulumi/sdk, go/common/env). */
const WRITE_ONCE = { PULUMI_EXPERIMENTAL: "true", PULUMI_SKIP_CHECKPOINTS: "true" } as const;

/** How an `up` is to be run. */
export interface Checkpointing {
  /** First a short `up` of these resources alone, with the state written at every step. */
  readonly first: readonly string[];
  readonly env: Readonly<Record<string, string>>;
}

/**
 * The state of a run that dies is lost where it is written at the end only. That is safe once the state knows the stack's
 * claim to its droplet: the next `up` takes up what carries the stack's mark, and a `destroy`, to which an empty state
 * would leave nothing to do, ends the claim, which takes all of it away.
 *
 * @param stackFile the stack's state, as the file backend has it
 * @param clones how many the config declares
 */
export function checkpointing(stackFile: string, clones: number): Checkpointing {
  if (clones < MANY) return { first: [], env: {} };
  const known = existsSync(stackFile) ? checkpoint.parse(JSON.parse(readFileSync(stackFile, "utf8"))) : undefined;
  const claimed = known?.checkpoint.latest?.resources.some(({ type }) => type === CLAIM) === true;
  return {
    first: claimed ? [] : ["**CloneFleet::fleet", `**${CHECK}::preflight`, `**${CLAIM}::droplet`],
    env: WRITE_ONCE,
  };
}
