import type { Session } from "../host/session";
import { Limit } from "./limit";

/**
 * Guests that wake up for every core of the droplet at once. Each wants a core for most of that time; with more of them all
 * become ready late, and with fewer a core waits while a guest waits for its network.
 */
const PER_CORE = 2;

const limits = new WeakMap<Session, Promise<Limit>>();

/**
 * Does what starts a guest and waits for it when there is room on the droplet: a fleet whose guests all wake up together is
 * later than one that queues.
 */
export async function whenThereIsRoom<T>(session: Session, work: () => Promise<T>): Promise<T> {
  const known =
    limits.get(session) ??
    session
      .call({ what: "ask for the droplet's cores", run: "count_cores" })
      .then((text) => new Limit(Math.max(1, Number(text)) * PER_CORE));
  limits.set(session, known);
  known.catch(() => limits.delete(session));
  return (await known).run(work);
}
