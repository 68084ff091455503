import type { ChildProcessWithoutNullStreams } from "node:child_process";
import { hostname, userInfo } from "node:os";
import { HornetError } from "../errors";
import { start } from "../exec";
import { KeyedLines, newKey, Tail } from "./frames";
import { printable, report } from "../printable";
import { startTimer } from "../timers";

/** The droplet ends a silent holder after 60 s (droplet/core/lock.sh). */
const HEARTBEAT_MS = 10_000;

/** How long the lock's shell may take to answer, in addition to the wait for the lock. */
const ANSWER_MS = 60_000;

/** Describes this process to those who wait for its lock; a process list shows it. */
export function lockHolder(): string {
  return `${userInfo().username}@${hostname()} process ${process.pid}`;
}

/** The lock of one droplet. A shell there holds it as long as it lives. */
export class DropletLock {
  private constructor(
    private readonly child: ChildProcessWithoutNullStreams,
    private readonly heartbeat: NodeJS.Timeout,
    /** Identifies the previous taking of the lock, by any operator. */
    readonly stamp: string,
  ) {}

  /** True once the shell has ended, and the lock with it. */
  get lost(): boolean {
    return this.child.exitCode !== null || this.child.signalCode !== null;
  }

  /**
   * Takes the lock, and waits for its holder.
   *
   * @param argv the command of a shell that serves `hold_lock`
   * @param library the text that the shell reads first
   * @param droplet its name for messages
   * @param patience maximum wait in seconds
   * @throws HornetError that names the holder after that wait
   */
  static async take(
    argv: readonly [string, ...string[]],
    library: string,
    droplet: string,
    patience: number,
  ): Promise<DropletLock> {
    const child = start(argv);
    child.stdin.on("error", () => undefined);
    const stderr = new Tail(4096);
    child.stderr.on("data", (piece: Buffer) => stderr.push(piece));
    const bytes = Buffer.from(library, "utf8");
    const key = newKey();
    child.stdin.write(`${bytes.length}\n`);
    child.stdin.write(bytes);
    child.stdin.write(`${key}\n`);
    const heartbeat = setInterval(() => child.stdin.write("\n"), HEARTBEAT_MS).unref();
    let stamp: string;
    try {
      stamp = await granted(child, { droplet, patience, key, stderr });
    } catch (error) {
      clearInterval(heartbeat);
      child.kill();
      throw error;
    }
    // The lock must not keep a finished operation alive.
    for (const handle of [child, child.stdin, child.stdout, child.stderr] as { unref?(): void }[]) handle.unref?.();
    return new DropletLock(child, heartbeat, stamp);
  }

  /** Releases the lock and waits for the shell's end. */
  async release(): Promise<void> {
    clearInterval(this.heartbeat);
    if (this.lost) return;
    // Otherwise node would exit before the child's end.
    const { child } = this;
    for (const handle of [child, child.stdin, child.stdout, child.stderr] as { ref?(): void }[]) handle.ref?.();
    await new Promise<void>((resolve) => {
      this.child.once("close", () => resolve());
      this.child.stdin.end();
    });
  }
}

/** The lock of one droplet, shared by the sessions of a process: taken once, and again if it was lost. */
export class LockKeeper {
  private locked: Promise<DropletLock> | undefined;

  /** @param take takes the lock */
  constructor(private readonly take: () => Promise<DropletLock>) {}

  /** True while it is held. */
  async held(): Promise<boolean> {
    return (await this.lock())?.lost === false;
  }

  /**
   * Takes the lock unless it is held.
   *
   * @returns its stamp; see {@link DropletLock.stamp}
   */
  async keep(): Promise<string> {
    const seen = this.locked;
    const lock = await this.lock();
    if (lock?.lost === false) return lock.stamp;
    // If several find it lost, the first one takes it again.
    if (this.locked === seen || this.locked === undefined) {
      this.locked = this.take();
      this.locked.catch(() => (this.locked = undefined));
    }
    return (await this.locked).stamp;
  }

  /** Releases the lock if it is held. */
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
  readonly stderr: Tail;
}

async function granted(
  child: ChildProcessWithoutNullStreams,
  { droplet, patience, key, stderr }: Waiting,
): Promise<string> {
  return new Promise<string>((resolve, reject) => {
    let waits = false;
    const limit = startTimer(patience * 1000 + ANSWER_MS, () =>
      reject(new HornetError(`cannot lock ${droplet}: its shell does not answer`)),
    );
    const lines = new KeyedLines(key, (line) => {
      const [word, ...holder] = line.split(" ");
      // Once: a hostile droplet prints it without end.
      if (word === "waiting" && !waits) reportWaiting(droplet, holder.join(" "));
      waits ||= word === "waiting";
      if (word === "locked") resolve(holder.join(" "));
      if (word === "refused") reject(refusal(droplet, holder.join(" ")));
      if (word !== "waiting") limit.cancel();
    });
    child.stdout.on("data", (piece: Buffer) => lines.push(piece));
    child.once("error", reject);
    child.once("close", () => {
      limit.cancel();
      reject(new HornetError(`cannot lock ${droplet}: ${stderr.text().trim()}`));
    });
  });
}

/** Tells the user who holds the lock that an operation waits for. */
export function reportWaiting(droplet: string, holder: string): void {
  report(`waiting for ${droplet}: it is locked by ${printable(holder)}`);
}

/** The error after a wait for a lock that was not released. */
export function refusal(droplet: string, holder: string): HornetError {
  return new HornetError(`${droplet} is locked by ${printable(holder)}`, {
    next: "wait until that operation ends, or end the process of that pid on the droplet, which releases the lock",
  });
}
