import type { Session } from "../../host/session/session";
import { Limit } from "../kit/limit";
import { sleep } from "../../host/timers";

/** Guests at once on a droplet with a single core, so that one which never answers is not what all wait for. */
const AT_LEAST = 2;
/** Of the time that a guest may take to be ready: for so long at the most the next one waits for it. */
const PATIENCE = 1 / 4;

const limits = new WeakMap<Session, Promise<Limit>>();

/**
 * Does what starts a guest and waits for it when there is room on the droplet: one guest wakes up on each core, which it wants
 * for most of that time. With more of them all become ready late, and the last one no sooner. One that hangs, or that smoke tests
 * keep busy, makes room after a while.
 *
 * @param limitMs ms that the guest may take
 */
export async function whenThereIsRoom<T>(session: Session, limitMs: number, work: () => Promise<T>): Promise<T> {
  const known =
    limits.get(session) ??
    session
      .call({ what: "ask for the droplet's cores", run: "count_cores" })
      .then((text) => new Limit(Math.max(AT_LEAST, Number(text))));
  limits.set(session, known);
  known.catch(() => limits.delete(session));
  const limit = await known;
  return new Promise<T>((resolve, reject) => {
    void limit.run(async () => {
      const enough = new AbortController();
      const done = work().then(resolve, reject);
      await Promise.race([done, sleep(limitMs * PATIENCE, enough.signal)]);
      enough.abort();
    });
  });
}
