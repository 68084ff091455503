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
import type { RollQueue } from "./rollQueue";
import type { Offer, SnapshotShare } from "./snapshotShare";
import { SnapshotFormats } from "./snapshotFormats";
import { Unreachable } from "./unreachable";
import { View } from "./view";

/** The state that the droplets of an operation share; an Operation implements it. */
export interface Shared {
  readonly sessions: Sessions;
  readonly reports: Reports;
  readonly lineages: Lineages;
  readonly changes: ChangeLog;
  /** The queue of a machine for work that must not run in parallel there. */
  turnsOf(machine: string): Limit;
  peer(connection: Connection): Droplet;
  /** The queue of a stack's clones, on all its droplets, that move to one snapshot. */
  rollQueueOf(owner: string, digest: string): RollQueue;
  /** Where the droplets of a stack share the snapshot of one source. */
  snapshotShare(owner: string, source: string): SnapshotShare<Offer>;
}

/** One owner's part of a droplet. */
interface Part {
  readonly view: View;
  readonly claim: ClaimReader;
  readonly pendingClones: PendingClones;
}

/** Identifies a droplet, whatever the user and the key file. */
export function dropletKey(connection: Connection): string {
  return isLocal(connection) ? "local" : `${connection.host}:${connection.port}`;
}

/**
 * One droplet within an operation: its connection, and everything that the operation knows about it or has started on it.
 * Every function of a {@link Definition} receives it.
 */
export class Droplet {
  readonly bootThrottle = new BootThrottle(() => this.session);
  readonly readyWatcher = new ReadyWatcher(() => this.session);
  readonly programs = new ProgramLists(() => this.session);
  readonly snapshotFormats = new SnapshotFormats(() => this.session);
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

  /** The operator declares that it no longer exists; see {@link isDecommissioned}. */
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

  /** A snapshot's source droplet, by exactly this connection. */
  peer(connection: Connection): Droplet {
    return this.shared.peer(connection);
  }

  /** Runs a library function on the droplet; see {@link Session.call}. */
  call<Name extends CallName>(call: Call<Name>): Promise<string> {
    return this.session.call(call);
  }

  /**
   * The droplet's current state; see {@link View}.
   *
   * @param resource the calling one
   */
  observe(common: Common, resource: string): Promise<Observed> {
    return this.part(common).view.observe(resource);
  }

  /**
   * The same, before a change, under the droplet's lock.
   *
   * @throws HornetError that names the lock's holder after too long a wait
   */
  observeToChange(common: Common, resource: string): Promise<Observed> {
    return this.part(common).view.observeToChange(resource);
  }

  /** Notes that a resource is about to change, or has just changed: earlier readings of it are outdated. */
  touch(resource: string): void {
    this.shared.changes.note(this.machine, resource);
  }

  /** Changes a resource. Readings of it during the change are outdated afterwards. */
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

  /** Runs work that two owners of one operation must not do in parallel on one machine. */
  async alone<T>(work: () => Promise<T>): Promise<T> {
    await this.session.hold();
    return this.shared.turnsOf(this.machine).run(work);
  }

  /** Reads which lineage owns the things with an owner label. */
  claimOf(common: Common): ClaimReader {
    return this.part(common).claim;
  }

  /** The clones of an owner that no state is known to have yet. */
  pendingClonesOf(common: Common): PendingClones {
    return this.part(common).pendingClones;
  }

  /** The queue of the clones of an owner's stack, on all its droplets, that move to one snapshot. */
  rollQueueOf({ owner }: Pick<Common, "owner">, digest: string): RollQueue {
    return this.shared.rollQueueOf(owner, digest);
  }

  /** Where the droplets of an owner's stack share the snapshot of one source. */
  snapshotShare(owner: string, source: string): SnapshotShare<Offer> {
    return this.shared.snapshotShare(owner, source);
  }

  /** How the operator's ssh reaches the droplet; empty if that is this machine. */
  operatorRoute(): Promise<OperatorRoute> {
    const { connection } = this;
    this.sshRoute ??= isLocal(connection) ? Promise.resolve({}) : operatorRoute(connection);
    return this.sshRoute;
  }

  /** An operation may reach one machine by several connections; the machine is known after the first one. */
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
    };
    this.parts.set(key, part);
    return part;
  }
}
