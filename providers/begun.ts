import type { CommonInputs } from "./define";
import { commonVars, sessionFor } from "./droplet";

/**
 * Which clones stand in no state yet. A clone's folder on the droplet says from its first moment on that it was begun. That
 * note goes when what is told of all clones is made, to which the engine comes with all of them written into its state, and
 * when a clone is read from a state. The end of a create says nothing: a provider outlives an engine that is killed, and
 * makes whole what it was at.
 */

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
