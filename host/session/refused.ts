import { ConnectionError } from "../errors";
import { sleep } from "../timers";

/**
 * ssh's words where sshd closes a connection before any login: it drops some at random from MaxStartups on, and all from an
 * address with too many failures (PerSourcePenalties, OpenSSH 9.8).
 */
const REFUSED =
  /kex_exchange_identification: (read: )?Connection (closed|reset)|^(ssh printed: )?Connection (closed|reset) by \S+ port \d+$/m;

/** Pauses before further tries, ms. */
const PAUSES: readonly number[] = [500, 1000, 2000, 4000, 8000];

/** Whether a connection failed because sshd turned it away. */
export function isRefused(error: unknown): boolean {
  return error instanceof ConnectionError && REFUSED.test(error.message.replaceAll(/^ +/gm, ""));
}

/**
 * Connects, and again after a while where sshd turned the connection away.
 *
 * @param limitMs no further try begins after it
 */
export async function unlessRefused<T>(limitMs: number, connect: () => Promise<T>): Promise<T> {
  const deadline = Date.now() + limitMs;
  for (const pause of PAUSES) {
    try {
      return await connect();
    } catch (error) {
      if (!isRefused(error) || Date.now() + pause > deadline) throw error;
    }
    await sleep(pause);
  }
  return connect();
}
