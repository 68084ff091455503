import type { Session } from "../../host/session/session";
import { commonVars, type Common } from "./common";

/**
 * Clones that may be in no state yet. A clone's folder on the droplet records that from the start (the file `begun`), so that an
 * `up` that is cut off leaves no clone behind that the config no longer declares.
 *
 * If the engine writes its state step by step, the state has the namespace before its packet rules are created, so NatRuleSet
 * removes the record. If it writes the state once, at the end, the resource that depends on all clones removes it (see
 * Definition.completesClones). The end of a create proves nothing: a provider outlives a killed engine.
 */
export class PendingClones {
  private common: Common | undefined;
  private readonly namespaces = new Set<string>();

  constructor(private readonly session: () => Pick<Session, "call">) {}

  /** Notes that this operation made a clone whose folder records it as pending. */
  note(common: Common, namespace: string): void {
    this.common = common;
    this.namespaces.add(namespace);
  }

  /** Removes the records on the droplet: a state has the clones. */
  async commit(): Promise<void> {
    const { common, namespaces } = this;
    if (common === undefined || namespaces.size === 0) return;
    const names = [...namespaces];
    const vars = { ...commonVars(common), namespaces: names.join(" ") };
    await this.session().call({ what: "record which clones were made", run: "finish_clones", vars });
    for (const name of names) namespaces.delete(name);
  }
}

/** True if the engine writes its state once, at the end of the operation (see docs/performance.md, Checkpoints). */
export function writesStateOnce(env: NodeJS.ProcessEnv = process.env): boolean {
  return /^(1|true)$/i.test(env.PULUMI_SKIP_CHECKPOINTS ?? "");
}
