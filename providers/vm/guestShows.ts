import { setTimeout as sleep } from "node:timers/promises";
import { HornetError } from "../../host/errors";
import type { GuestOrder } from "../../host/session/guestWatch";
import type { Session } from "../../host/session/session";
import { GuestProgress } from "../operation/guestProgress";
import { report } from "../../host/printable";

/** What a guest shows first: an identity service that says something, or an ssh server that answers. */
export type Shown = "service" | "ssh";

/** A guest whose ssh server is asked from inside its VMM's namespace. */
export interface WatchedGuest {
  readonly session: Session;
  /** The guest, in a line of progress. */
  readonly name: string;
  readonly namespace: string;
  readonly address: string;
  readonly folder: string;
}

/** ms between two looks at the progress. */
const TICK_MS = 1000;

/** What {@link firstShown} waits for. */
export interface Wait {
  /** What the identity service says; left out, only ssh counts. */
  readonly service?: string;
  /** Whether ssh counts. */
  readonly ssh: boolean;
  /** ms */
  readonly limit: number;
}

/**
 * Waits for what a guest shows first. Where both show at the same look, it is the service.
 *
 * @returns undefined where the limit is reached
 * @throws HornetError where its VMM ends
 */
export async function firstShown(guest: WatchedGuest, wait: Wait): Promise<Shown | undefined> {
  const { session, name, namespace, address, folder } = guest;
  const progress = new GuestProgress(wait.ssh ? undefined : wait.service, Date.now());
  const over = new AbortController();
  const drops: (() => void)[] = [];
  const shown = new Promise<Shown>((resolve, reject) => {
    const on = (order: Pick<GuestOrder, "kind" | "words">, what: Shown): void => {
      const drop = session.guestWatch.watch({ ...order, namespace, address, folder }, (event) => {
        progress.hear(event, Date.now());
        if (event.what === "said" || event.what === "key" || event.what === "answered") resolve(what);
        if (event.what === "dead") reject(new HornetError(`${name} did not come up on ${session.name}`));
        if (event.what === "lost") reject(event.error);
      });
      drops.push(drop);
    };
    if (wait.service !== undefined) on({ kind: "console", words: wait.service }, "service");
    if (wait.ssh) on({ kind: "ssh" }, "ssh");
  });
  const late = sleep(wait.limit, undefined, { signal: over.signal }).catch(() => undefined);
  try {
    return await reporting(guest, progress, Promise.race([shown, late]));
  } finally {
    over.abort();
    for (const drop of drops) drop();
  }
}

/** Reports how far connections to a guest's ssh server come while a work waits for them. */
export async function whileReporting<T>(guest: WatchedGuest, work: Promise<T>): Promise<T> {
  const { session, namespace, address, folder } = guest;
  const progress = new GuestProgress(undefined, Date.now());
  const order = { kind: "look", namespace, address, folder } as const;
  const drop = session.guestWatch.watch(order, (event) => progress.hear(event, Date.now()));
  try {
    return await reporting(guest, progress, work);
  } finally {
    drop();
  }
}

async function reporting<T>({ session, name }: WatchedGuest, progress: GuestProgress, work: Promise<T>): Promise<T> {
  const tick = setInterval(() => {
    const line = progress.line(Date.now());
    if (line !== undefined) report(`${session.name}: ${name}: ${line}`);
  }, TICK_MS);
  try {
    return await work;
  } finally {
    clearInterval(tick);
  }
}
