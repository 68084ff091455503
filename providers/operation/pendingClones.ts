import type { CommonInputs } from "../kit/definition";
import { commonVars, sessionFor } from "./droplet";

/**
 * Clones that no state is known to have yet ("pending"). A clone's folder on the droplet says so from its first moment on.
 *
 * Where the engine writes its state step by step, the state has the namespace by the time its packet rules are created, so
 * NatRuleSet removes the note. Where it writes the state once, at the end, the note goes when the resource is written that
 * depends on all clones (SshConfig). The end of a create proves nothing: a provider outlives an engine that is killed.
 */

/** True where the engine writes its state once, at the end of the operation (see docs/performance.md, Checkpoints). */
export function writesStateOnce(env: NodeJS.ProcessEnv = process.env): boolean {
  return /^(1|true)$/i.test(env.PULUMI_SKIP_CHECKPOINTS ?? "");
}

/** What was made in this operation and is noted as begun. */
const made = new Map<string, { readonly common: CommonInputs; readonly namespaces: Set<string> }>();

/** Says that a clone was made, and that its folder notes it as begun. */
export function noteMade(common: CommonInputs, namespace: string): void {
  const { droplet, owner, runtimeDir } = common;
  const key = JSON.stringify([owner, runtimeDir, droplet]);
  const before = made.get(key) ?? { common, namespaces: new Set() };
  made.set(key, before);
  before.namespaces.add(namespace);
}

/** Notes on the droplet that what this operation made for an owner stands in the state. */
export async function finishMade({ owner }: Pick<CommonInputs, "owner">): Promise<void> {
  for (const [key, { common, namespaces }] of made) {
    if (common.owner !== owner) continue;
    await finish(common, [...namespaces]);
    made.delete(key);
  }
}

/** Notes on the droplet that these clones stand in a state. */
export async function finish(common: CommonInputs, namespaces: readonly string[]): Promise<void> {
  const vars = { ...commonVars(common), namespaces: namespaces.join(" ") };
  await sessionFor(common).call({ what: "note which clones were made", run: "finish_clones", vars });
}

/** For a process that serves one operation after another. */
export function forgetMade(): void {
  made.clear();
}
