import type { Connection } from "../../model/connection";
import type { Trace } from "../trace";
import { Operator } from "./operator";
import { Session } from "./session";

/** The sessions of one operator, one for each connection. Sessions to the same machine share its lock. */
export class Sessions {
  private readonly operator = new Operator();
  private readonly sessions = new Map<string, Session>();

  get trace(): Trace {
    return this.operator.trace;
  }

  /** The session for a connection; it connects at its first call. */
  of(connection: Connection): Session {
    const key = JSON.stringify(connection);
    const session = this.sessions.get(key) ?? new Session(connection, this.operator);
    this.sessions.set(key, session);
    return session;
  }

  /** Ends every session. A later call connects again. */
  async close(): Promise<void> {
    const open = [...this.sessions.values()];
    this.sessions.clear();
    await Promise.all(open.map((session) => session.close()));
  }
}
