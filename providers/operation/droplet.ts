import { gatherFacts } from "../../host/facts";
import type { Call } from "../../host/session/call";
import type { CallName } from "../../host/session/calls";
import type { Session } from "../../host/session/session";
import type { Sessions } from "../../host/session/sessions";
import { operatorRoute, type OperatorRoute } from "../../host/ssh/operatorConfig";
import { isLocal, type Connection } from "../../model/connection";
import type { Observed } from "../../model/observed";
import { BootThrottle } from "./bootThrottle";
import type { ChangeLog } from "./changeLog";
import { commonVars, type Common } from "./common";
import { isDecommissioned } from "./decommissioned";
import type { Limit } from "./limit";
import { ClaimReader, type Lineages } from "./lineage";
import { NetworkTimings } from "./networkTimings";
import { PendingClones } from "./pendingClones";
import { ProgramLists } from "./programLists";
import { ReadyWatcher } from "./readyWatcher";
import type { Reports } from "./reportOnce";
import { RollQueue } from "./rollQueue";
import { Unreachable } from "./unreachable";
import { View } from "./view";

/** What the droplets of an operation share; an Operation is one. */
export interface Shared {
  readonly sessions: Sessions;
  readonly reports: Reports;
  readonly lineages: Lineages;
  readonly changes: ChangeLog;
  /** The queue of a machine for what must not run twice at once there. */
  turnsOf(machine: string): Limit;
  peer(connection: Connection): Droplet;
}

/** One owner's part of a droplet. */
interface Part {
  readonly view: View;
  readonly claim: ClaimReader;
  readonly pendingClones: PendingClones;
  readonly rollQueue: RollQueue;
}

/** Names a droplet. Another user or key file leads to the same one. */
export function dropletKey(connection: Connection): string {
  return isLocal(connection) ? "local" : `${connection.host}:${connection.port}`;
}

/**
 * One droplet within an operation: how it is reached, and all that the operation knows of it or has begun on it. Every
 * function of a {@link Definition} receives it.
 */
export class Droplet {
  readonly bootThrottle = new BootThrottle(() => this.session);
  readonly readyWatcher = new ReadyWatcher(() => this.session);
  readonly programs = new ProgramLists(() => this.session);
  readonly networkTimings = new NetworkTimings(() => this.session);
  readonly unreachable = new Unreachable();
  /** By owner label and runtime folder. */
  private readonly parts = new Map<string, Part>();
  private sshRoute: Promise<OperatorRoute> | undefined;

  constructor(
    private readonly shared: Shared,
    private connection: Connection,
  ) {}

  /** The connection that the operation uses now; see {@link Operation.useConnection}. */
  get currentConnection(): Connection {
    return this.connection;
  }

  set currentConnection(connection: Connection) {
    if (JSON.stringify(connection) === JSON.stringify(this.connection)) return;
    this.connection = connection;
    this.unreachable.forget();
    this.sshRoute = undefined;
  }

  /** The operator says that it is gone for good, with all that was on it. */
  get decommissioned(): boolean {
    return isDecommissioned(this.connection);
  }

  get session(): Session {
    return this.shared.sessions.of(this.connection);
  }

  get name(): string {
    return this.session.name;
  }

  get reports(): Reports {
    return this.shared.reports;
  }

  get lineages(): Lineages {
    return this.shared.lineages;
  }

  /** The droplet that something comes from, reached by exactly this connection. */
  peer(connection: Connection): Droplet {
    return this.shared.peer(connection);
  }

  /** Runs a library function on the droplet; see {@link Session.call}. */
  call<Name extends CallName>(call: Call<Name>): Promise<string> {
    return this.session.call(call);
  }

  /**
   * The droplet as it is; see {@link View}.
   *
   * @param resource the one that asks
   */
  observe(common: Common, resource: string): Promise<Observed> {
    return this.part(common).view.observe(resource);
  }

  /**
   * The same, before a change, under the droplet's lock.
   *
   * @throws HornetError that names the lock's holder when the wait is over
   */
  observeToChange(common: Common, resource: string): Promise<Observed> {
    return this.part(common).view.observeToChange(resource);
  }

  /** Notes that a resource is about to change, or has just changed: what was read of it is out of date. */
  touch(resource: string): void {
    this.shared.changes.note(this.machine, resource);
  }

  /** Changes a resource. What is read of it meanwhile does not count afterwards. */
  async changing<T>(resource: string, change: () => Promise<T>): Promise<T> {
    this.touch(resource);
    try {
      return await change();
    } finally {
      this.touch(resource);
    }
  }

  /** Changes a resource by one call, and returns the answer. */
  change<Name extends CallName>(resource: string, call: Call<Name>): Promise<string> {
    return this.changing(resource, () => this.call(call));
  }

  /** Runs what two owners of one operation must not do at once on one machine. */
  async alone<T>(work: () => Promise<T>): Promise<T> {
    await this.session.hold();
    return this.shared.turnsOf(this.machine).run(work);
  }

  /** Who owns what carries an owner label. */
  claimOf(common: Common): ClaimReader {
    return this.part(common).claim;
  }

  /** The clones of an owner that no state is known to have yet. */
  pendingClonesOf(common: Common): PendingClones {
    return this.part(common).pendingClones;
  }

  /** The queue of an owner's clones that move to another snapshot. */
  rollQueueOf(common: Common): RollQueue {
    return this.part(common).rollQueue;
  }

  /** How the operator's own ssh reaches the droplet; nothing where it is this machine. */
  operatorRoute(): Promise<OperatorRoute> {
    const { connection } = this;
    this.sshRoute ??= isLocal(connection) ? Promise.resolve({}) : operatorRoute(connection);
    return this.sshRoute;
  }

  /** An operation may reach one machine by several connections; which machine it is, is known once it was reached. */
  private get machine(): string {
    const { machine, name } = this.session;
    return machine ?? name;
  }

  private part(common: Common): Part {
    const { owner, runtimeDir, vmmTimeout } = common;
    const key = JSON.stringify([owner, runtimeDir]);
    const known = this.parts.get(key);
    if (known !== undefined) return known;
    const session = (): Session => this.session;
    const viewed = {
      machine: () => this.machine,
      gather: () => gatherFacts(this.session, commonVars({ owner, runtimeDir, vmmTimeout })),
      hold: () => this.session.hold(),
    };
    const part = {
      view: new View(viewed, this.shared.changes),
      claim: new ClaimReader(session, owner, runtimeDir),
      pendingClones: new PendingClones(session),
      rollQueue: new RollQueue(),
    };
    this.parts.set(key, part);
    return part;
  }
}
