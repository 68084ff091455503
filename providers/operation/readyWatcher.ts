import { HornetError } from "../../host/errors";
import type { Session } from "../../host/session/session";
import { GuestProgress } from "./guestProgress";
import { ReadyProgress } from "./readyProgress";
import { report } from "../../host/printable";

/** A clone that an operation waits for. */
export interface Awaited {
  readonly name: string;
  /** The clone's address, which the droplet reaches. */
  readonly address: string;
  /** Its folder on the droplet. */
  readonly folder: string;
  /** The generation that its guest's service reports on the console; undefined without such a service. */
  readonly generation: string | undefined;
  /** The host key it must answer with. */
  readonly hostKey: string;
  /** ms */
  readonly limit: number;
}

interface Waiting extends Awaited {
  readonly begun: number;
  readonly guest: GuestProgress;
  /** A key that answered, but not the right one. */
  other: string | undefined;
}

/** Interval of the checks for due reports. */
const TICK_MS = 1000;
/** So many slow guests get a line each; a line counts the others. */
const NAMED = 3;

/** Waits for the clones of a droplet and reports their progress. */
export class ReadyWatcher {
  private readonly waiting = new Set<Waiting>();
  private readonly progress = new ReadyProgress();
  private tick: NodeJS.Timeout | undefined;

  constructor(private readonly session: () => Pick<Session, "name" | "guestWatch">) {}

  /** Sets the number of clones that the operation is expected to start. */
  expect(count: number): void {
    this.progress.expect(count);
  }

  /**
   * Waits until a clone answers with its host key.
   *
   * @throws HornetError when its limit is reached or its VMM ends
   */
  async wait(awaited: Awaited): Promise<void> {
    const begun = Date.now();
    const { generation, address, folder, hostKey } = awaited;
    const guest = new GuestProgress(generation === undefined ? undefined : "ready", begun);
    const one: Waiting = { ...awaited, begun, guest, other: undefined };
    this.progress.begin();
    this.waiting.add(one);
    this.tick ??= setInterval(() => this.report(), TICK_MS);
    let timer: NodeJS.Timeout | undefined;
    let drop: (() => void) | undefined;
    try {
      await new Promise<void>((resolve, reject) => {
        timer = setTimeout(() => reject(new HornetError(`${this.nameOf(one)} ${late(one)}`)), awaited.limit);
        const asks =
          generation === undefined
            ? ({ kind: "ssh" } as const)
            : ({ kind: "both", words: `ready ${generation}` } as const);
        drop = this.session().guestWatch.watch({ ...asks, address, folder }, (event) => {
          guest.hear(event, Date.now());
          if (event.what === "lost") reject(event.error);
          if (event.what === "dead") reject(new HornetError(`${this.nameOf(one)} did not become ready`));
          if (event.what !== "key") return;
          if (event.key === hostKey) resolve();
          else one.other = event.key;
        });
      });
      this.progress.ready(Date.now() - begun);
    } finally {
      clearTimeout(timer);
      drop?.();
      this.waiting.delete(one);
      this.report();
      if (this.waiting.size === 0) {
        clearInterval(this.tick);
        this.tick = undefined;
      }
    }
  }

  private nameOf({ name }: Waiting): string {
    return `${name} on ${this.session().name}`;
  }

  private report(): void {
    const now = Date.now();
    const slow = [...this.waiting].flatMap(({ name, guest }) => {
      const line = guest.line(now);
      return line === undefined ? [] : [`${name}: ${line}`];
    });
    const more = slow.length > NAMED ? [`${slow.length - NAMED} more clones are slow`] : [];
    const count = this.progress.line(now);
    for (const line of [...slow.slice(0, NAMED), ...more, ...(count === undefined ? [] : [count])]) {
      report(`${this.session().name}: ${line}`);
    }
  }
}

function late({ limit, other, address, guest }: Waiting): string {
  const seen = other === undefined ? guest.words(Date.now()) : `${address} answers with another host key (${other})`;
  return `was not ready within ${limit / 1000} s (hornet:fleet.readyTimeout): ${seen}`;
}
