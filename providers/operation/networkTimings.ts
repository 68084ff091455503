import type { Session } from "../../host/session/session";

/**
 * The ms that the operation spent on each clone's network. CloneNamespace and NatRuleSet note them, and FirecrackerVM reports
 * them with the clone's other phases.
 */
export class NetworkTimings {
  private readonly spent = new Map<string, number>();

  constructor(private readonly session: () => Pick<Session, "trace">) {}

  /**
   * Notes a phase of a clone's network that has just ended.
   *
   * @param ms as the droplet measured it
   */
  note(namespace: string, ms: number): void {
    this.spent.set(namespace, (this.spent.get(namespace) ?? 0) + ms);
    this.session().trace.phases(namespace, { network: ms });
  }

  /** Returns and forgets a clone's time; an empty object for a network that already existed. */
  take(namespace: string): { network?: number } {
    const network = this.spent.get(namespace);
    this.spent.delete(namespace);
    return network === undefined ? {} : { network };
  }
}
