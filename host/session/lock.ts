import type { ChildProcessWithoutNullStreams } from "node:child_process";
import { hostname, userInfo } from "node:os";
import { HornetError } from "../errors";
import { start } from "../exec";
import { KeyedLines, newKey, Tail } from "./frames";
import { printable, report } from "../printable";
import { startTimer } from "../timers";

/** The droplet gives a silent holder up after 60 s (droplet/core/lock.sh). */
const HEARTBEAT_MS = 10_000;

/** How much longer than the wait for the lock its shell may take to answer. */
const ANSWER_MS = 60_000;

/** Who holds a lock, for those who wait: stands in a process list. */
export function lockHolder(): string {
  return `${userInfo().username}@${hostname()} process ${process.pid}`;
}

/** The lock of one droplet, held by a shell there for as long as it lives. */
export class DropletLock {
  private constructor(
    private readonly child: ChildProcessWithoutNullStreams,
    private readonly heartbeat: NodeJS.Timeout,
    /** Names the moment at which the lock was taken the time before, by whomever. */
    readonly stamp: string,
  ) {}

  /** True once the shell is gone, and the lock with it. */
  get lost(): boolean {
    return this.child.exitCode !== null || this.child.signalCode !== null;
  }

  /**
   * Takes the lock, waiting for whoever has it.
   *
   * @param argv the command of a shell that serves `hold_lock`
   * @param library what the shell reads first
   * @param droplet its name for messages
   * @param patience seconds that it waits
   * @throws HornetError that names the holder when the wait is over
   */
  static async take(
    argv: readonly [string, ...string[]],
    library: string,
    droplet: string,
    patience: number,
  ): Promise<DropletLock> {
    const child = start(argv);
    child.stdin.on("error", () => undefined);
    const said = new Tail(4096);
    child.stderr.on("data", (piece: Buffer) => said.push(piece));
    const bytes = Buffer.from(library, "utf8");
    const key = newKey();
    child.stdin.write(`${bytes.length}\n`);
    child.stdin.write(bytes);
    child.stdin.write(`${key}\n`);
    const heartbeat = setInterval(() => child.stdin.write("\n"), HEARTBEAT_MS).unref();
    let stamp: string;
    try {
      stamp = await granted(child, { droplet, patience, key, said: () => said.text() });
    } catch (error) {
      clearInterval(heartbeat);
      child.kill();
      throw error;
    }
    // An operation that is over must not be kept alive by its lock.
    for (const handle of [child, child.stdin, child.stdout, child.stderr] as { unref?(): void }[]) handle.unref?.();
    return new DropletLock(child, heartbeat, stamp);
  }

  /** Gives the lock back and waits until it is. */
  async release(): Promise<void> {
    clearInterval(this.heartbeat);
    if (this.lost) return;
    // Whoever waits for the end of a child that holds no process open would see node end before it.
    const { child } = this;
    for (const handle of [child, child.stdin, child.stdout, child.stderr] as { ref?(): void }[]) handle.ref?.();
    await new Promise<void>((resolve) => {
      this.child.once("close", () => resolve());
      this.child.stdin.end();
    });
  }
}

/** The lock of one droplet as the sessions of a process share it: taken once, and taken anew where it was lost. */
export class LockKeeper {
  private locked: Promise<DropletLock> | undefined;

  /** @param take takes the lock */
  constructor(private readonly take: () => Promise<DropletLock>) {}

  /** True while it is held. */
  async held(): Promise<boolean> {
    return (await this.lock())?.lost === false;
  }

  /**
   * Takes the lock where it is not held.
   *
   * @returns its stamp; see {@link DropletLock.stamp}
   */
  async keep(): Promise<string> {
    const seen = this.locked;
    const lock = await this.lock();
    if (lock?.lost === false) return lock.stamp;
    // Of several who find it lost, the first one takes it anew.
    if (this.locked === seen || this.locked === undefined) {
      this.locked = this.take();
      this.locked.catch(() => (this.locked = undefined));
    }
    return (await this.locked).stamp;
  }

  /** Gives it back, where it is held. */
  async give(): Promise<void> {
    const lock = await this.lock();
    this.locked = undefined;
    await lock?.release();
  }

  private lock(): Promise<DropletLock | undefined> {
    return this.locked?.catch(() => undefined) ?? Promise.resolve(undefined);
  }
}

interface Waiting {
  readonly droplet: string;
  readonly patience: number;
  readonly key: string;
  readonly said: () => string;
}

async function granted(
  child: ChildProcessWithoutNullStreams,
  { droplet, patience, key, said }: Waiting,
): Promise<string> {
  return new Promise<string>((resolve, reject) => {
    let waits = false;
    const limit = startTimer(patience * 1000 + ANSWER_MS, () =>
      reject(new HornetError(`cannot lock ${droplet}: its shell does not answer`)),
    );
    const lines = new KeyedLines(key, (line) => {
      const [word, ...holder] = line.split(" ");
      // Once: a hostile droplet says it without an end.
      if (word === "waiting" && !waits) sayWaiting(droplet, holder.join(" "));
      waits ||= word === "waiting";
      if (word === "locked") resolve(holder.join(" "));
      if (word === "refused") reject(refusal(droplet, holder.join(" ")));
      if (word !== "waiting") limit.cancel();
    });
    child.stdout.on("data", (piece: Buffer) => lines.push(piece));
    child.once("error", reject);
    child.once("close", () => {
      limit.cancel();
      reject(new HornetError(`cannot lock ${droplet}: ${said().trim()}`));
    });
  });
}

/** Tells the user whom an operation waits for. */
export function sayWaiting(droplet: string, holder: string): void {
  report(`waiting for ${droplet}: it is locked by ${printable(holder)}`);
}

/** The end of waiting for a lock. */
export function refusal(droplet: string, holder: string): HornetError {
  return new HornetError(`${droplet} is locked by ${printable(holder)}`, {
    next: "wait until that operation is over, or end it by its pid there, which gives the lock back",
  });
}
