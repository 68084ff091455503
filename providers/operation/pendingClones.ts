import type { Session } from "../../host/session/session";
import { commonVars, type Common } from "./common";

/**
 * Clones that no state is known to have yet. A clone's folder on the droplet says so from its first moment on (the file
 * `begun`), so that an `up` which is cut off and whose clones the config no longer declares leaves none behind.
 *
 * Where the engine writes its state step by step, the state has the namespace by the time its packet rules are created, so
 * NatRuleSet removes the note. Where it writes the state once, at the end, the note goes when the engine comes to the resource
 * that depends on all clones (see Definition.completesClones). The end of a create proves nothing: a provider outlives an
 * engine that is killed.
 */
export class PendingClones {
  private common: Common | undefined;
  private readonly namespaces = new Set<string>();

  constructor(private readonly session: () => Pick<Session, "call">) {}

  /** Notes that this operation made a clone whose folder says that it is pending. */
  note(common: Common, namespace: string): void {
    this.common = common;
    this.namespaces.add(namespace);
  }

  /** Removes the notes on the droplet: a state has the clones. */
  async commit(): Promise<void> {
    const { common, namespaces } = this;
    if (common === undefined || namespaces.size === 0) return;
    const names = [...namespaces];
    const vars = { ...commonVars(common), namespaces: names.join(" ") };
    await this.session().call({ what: "note which clones were made", run: "finish_clones", vars });
    for (const name of names) namespaces.delete(name);
  }
}

/** True where the engine writes its state once, at the end of the operation (see docs/performance.md, Checkpoints). */
export function writesStateOnce(env: NodeJS.ProcessEnv = process.env): boolean {
  return /^(1|true)$/i.test(env.PULUMI_SKIP_CHECKPOINTS ?? "");
}
