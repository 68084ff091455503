import type { Session } from "../../host/session/session";
import { Limit } from "./limit";
import { sleep } from "../../host/timers";

/** Slots on a droplet with a single core, so that a guest which never answers does not block all others. */
const AT_LEAST = 2;
/** The share of a guest's time limit after which its slot is free again. */
const PATIENCE = 1 / 4;

/**
 * Limits how many guests of a droplet boot at once. A waking guest saturates a core, so there is one slot per core; more would
 * delay every guest without finishing the last one earlier.
 */
export class BootThrottle {
  private limit: Promise<Limit> | undefined;

  constructor(private readonly session: () => Pick<Session, "call">) {}

  /**
   * Runs `boot` once a slot is free. A guest that hangs, or is busy with its smoke tests, loses its slot after a while.
   *
   * @param limitMs ms that the guest may take
   */
  async run<T>(limitMs: number, boot: () => Promise<T>): Promise<T> {
    const limit = await this.slots();
    return new Promise<T>((resolve, reject) => {
      void limit.run(async () => {
        const enough = new AbortController();
        const done = boot().then(resolve, reject);
        await Promise.race([done, sleep(limitMs * PATIENCE, enough.signal)]);
        enough.abort();
      });
    });
  }

  private slots(): Promise<Limit> {
    if (this.limit !== undefined) return this.limit;
    const asked = this.session()
      .call({ what: "ask for the droplet's cores", run: "count_cores" })
      .then((text) => new Limit(Math.max(AT_LEAST, Number(text))));
    this.limit = asked;
    // If the droplet did not answer, the next guest asks again.
    asked.catch(() => (this.limit = undefined));
    return asked;
  }
}
