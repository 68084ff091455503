import { setTimeout as sleep } from "node:timers/promises";
import { HornetError, messageOf } from "../host/errors";
import type { Session } from "../host/session";
import { ReadyProgress } from "./readyProgress";

/** A clone that is waited for. */
export interface Awaited {
  /** The clone's address, which the droplet reaches. */
  readonly address: string;
  /** Its folder on the droplet. */
  readonly folder: string;
  /** The identity that its guest's service says on the console that it has; undefined where it has no such service. */
  readonly generation: string | undefined;
  /** The host key it must answer with. */
  readonly hostKey: string;
  /** ms */
  readonly limit: number;
}

interface Waiting extends Awaited {
  readonly begun: number;
  readonly deadline: number;
  /** A key that answered, but not the right one. */
  other: string | undefined;
  resolve(): void;
  reject(error: Error): void;
}

const FIRST_PAUSE_MS = 10;
const LONGEST_PAUSE_MS = 1000;
/** How long a round waits on the droplet for a first guest; one that is started meanwhile is not looked at for so long. */
const HOLD_MS = 120;

/**
 * Waits for all clones of a droplet at once: every round is one call that looks at all of them, and rounds grow apart
 * while nothing happens. So a hundred clones that wake up are not kept from it by being asked.
 */
export class ReadyWatcher {
  private readonly waiting = new Set<Waiting>();
  private running = false;
  private readonly progress = new ReadyProgress();

  constructor(private readonly session: Session) {}

  /** So many clones will be waited for, as far as is known before. */
  expect(count: number): void {
    this.progress.expect(count);
  }

  /**
   * Waits until a clone answers as itself.
   *
   * @throws HornetError when its limit is reached or its VMM ends
   */
  wait(awaited: Awaited): Promise<void> {
    return new Promise((resolve, reject) => {
      const begun = Date.now();
      this.progress.begin();
      this.waiting.add({ ...awaited, begun, deadline: begun + awaited.limit, other: undefined, resolve, reject });
      if (!this.running) void this.run();
    });
  }

  private async run(): Promise<void> {
    this.running = true;
    let pause = FIRST_PAUSE_MS;
    while (this.waiting.size > 0) {
      const before = this.waiting.size;
      try {
        await this.round();
      } catch (error) {
        for (const one of this.waiting) one.reject(error instanceof Error ? error : new HornetError(messageOf(error)));
        this.waiting.clear();
      }
      pause = this.waiting.size < before ? FIRST_PAUSE_MS : Math.min(pause * 1.4, LONGEST_PAUSE_MS);
      const line = this.progress.line(Date.now());
      if (line !== undefined) console.error(`${this.session.name}: ${line}`);
      if (this.waiting.size > 0) await sleep(pause);
    }
    this.running = false;
  }

  private async round(): Promise<void> {
    const asked = [...this.waiting];
    const answer = await this.session.call({
      what: "see which clones are ready",
      run: "scan_ready",
      vars: { hold_ms: String(HOLD_MS) },
      stdin: asked.map(({ address, folder, generation }) => `${address} ${folder} ${generation ?? "-"}\n`).join(""),
    });
    const words = answer.split("\n").map((line) => line.split(" "));
    for (const one of asked) {
      const dead = words.some(([first, address]) => first === "dead" && address === one.address);
      const keys = words.filter(([host]) => host === one.address).map(([, type, key]) => `${type ?? ""} ${key ?? ""}`);
      const [key] = keys;
      if (dead) this.settle(one, () => one.reject(new HornetError("its VMM ended")));
      else if (keys.includes(one.hostKey)) {
        this.progress.ready(Date.now() - one.begun);
        this.settle(one, () => one.resolve());
      } else {
        one.other = key ?? one.other;
        if (Date.now() > one.deadline) this.settle(one, () => one.reject(new HornetError(late(one))));
      }
    }
  }

  private settle(one: Waiting, how: () => void): void {
    this.waiting.delete(one);
    how();
  }
}

function late({ limit, other, address }: Waiting): string {
  const seen =
    other === undefined
      ? `no answer of its own on ${address} port 22`
      : `${address} answers with another host key (${other})`;
  return `it was not ready within ${limit / 1000} s (hornet:fleet.readyTimeout): ${seen}`;
}

const watchers = new WeakMap<Session, ReadyWatcher>();

/** The watcher of a session's droplet. */
export function watcherOf(session: Session): ReadyWatcher {
  const watcher = watchers.get(session) ?? new ReadyWatcher(session);
  watchers.set(session, watcher);
  return watcher;
}
