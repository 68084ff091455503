import { exitWithEngine } from "../../host/session/exitWithEngine";
import { Sessions } from "../../host/session/sessions";
import type { Connection } from "../../model/connection";
import { ChangeLog } from "./changeLog";
import { Droplet, dropletKey, type Shared } from "./droplet";
import { HeldFailures } from "./heldFailures";
import { Limit } from "./limit";
import { Lineages } from "./lineage";
import { isFleetLabel, stackOf } from "../../model/owner";
import { Reports } from "./reportOnce";
import { RollQueue } from "./rollQueue";
import { SnapshotShare, type Offer } from "./snapshotShare";
import { SdkStderr } from "./suppressSdkStderr";

/**
 * One operation of the engine: the state that its resources share. A provider process serves one operation (a preview, an
 * update, a refresh, a destroy), and providers.cjs makes the process's one Operation.
 */
export class Operation implements Shared {
  readonly reports = new Reports();
  readonly lineages = new Lineages();
  readonly changes = new ChangeLog();
  readonly sdkStderr = new SdkStderr();
  readonly failures = new HeldFailures();
  private readonly droplets = new Map<string, Droplet>();
  /** The droplets whose connection the program declares. */
  private readonly connected = new Set<Droplet>();
  /** The places of the resources that the program declares, as far as the engine has asked about them. */
  readonly declared = new Set<string>();
  /** The places of the resources that this operation created. */
  readonly created = new Set<string>();
  private readonly turns = new Map<string, Limit>();
  private readonly rollQueues = new Map<string, RollQueue>();
  private readonly shares = new Map<string, SnapshotShare<Offer>>();

  /** @param sessions those of an earlier operation of this process, in tests. Default: new ones */
  constructor(readonly sessions: Sessions = new Sessions()) {
    exitWithEngine();
  }

  /**
   * The droplet of a connection. The connection that the program declares has priority over the state's, which may no longer
   * work; for a resource that is deleted, only the state has one.
   */
  droplet(connection: Connection): Droplet {
    const key = dropletKey(connection);
    const known = this.droplets.get(key);
    const droplet = known ?? new Droplet(this, connection);
    this.droplets.set(key, droplet);
    if (!this.connected.has(droplet)) droplet.currentConnection = connection;
    return droplet;
  }

  /**
   * A snapshot's source droplet. It uses the connection that the program names for it, even if the fleet reaches the same
   * droplet by another one.
   */
  peer(connection: Connection): Droplet {
    const known = this.droplets.get(dropletKey(connection));
    if (known === undefined) return this.droplet(connection);
    return JSON.stringify(known.currentConnection) === JSON.stringify(connection)
      ? known
      : new Droplet(this, connection);
  }

  /** The program declares this connection; it becomes its droplet's current one. */
  useConnection(connection: Connection): Droplet {
    const droplet = this.droplet(connection);
    droplet.currentConnection = connection;
    this.connected.add(droplet);
    return droplet;
  }

  rollQueueOf(owner: string, digest: string): RollQueue {
    const key = `${stackOf(owner)} ${digest}`;
    const queue = this.rollQueues.get(key) ?? new RollQueue();
    this.rollQueues.set(key, queue);
    if (isFleetLabel(owner)) queue.failureLasts = true;
    return queue;
  }

  snapshotShare(owner: string, source: string): SnapshotShare<Offer> {
    const key = `${stackOf(owner)} ${source}`;
    const share = this.shares.get(key) ?? new SnapshotShare<Offer>();
    this.shares.set(key, share);
    return share;
  }

  turnsOf(machine: string): Limit {
    const turns = this.turns.get(machine) ?? new Limit(1);
    this.turns.set(machine, turns);
    return turns;
  }
}
