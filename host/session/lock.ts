import type { ChildProcessWithoutNullStreams } from "node:child_process";
import { hostname, userInfo } from "node:os";
import { ConnectionError, HornetError } from "../errors";
import { start } from "../exec";
import { KeyedLines, newKey, Tail } from "./frames";
import { printable, report } from "../printable";
import { startTimer, type Timer } from "../timers";
import { engineAddress } from "./exitWithEngine";
import { printedBy } from "./printed";

/** The droplet ends a silent holder after 60 s (droplet/core/lock.sh). */
const HEARTBEAT_MS = 10_000;

/** How long the lock's shell may take to answer, in addition to the wait for the lock. */
const ANSWER_MS = 60_000;

/** How long it may take to end the lanes and itself: a hostile droplet's never ends. */
const RELEASE_MS = 10_000;

/** Describes this process to those who wait for its lock; a process list shows it. */
export function lockHolder(): string {
  const engine = engineAddress();
  const of = engine === undefined ? "" : ` of the engine at ${engine.host}:${engine.port}`;
  return `${operatorName()} process ${process.pid}${of}`;
}

function operatorName(): string {
  return `${userInfo().username}@${hostname()}`;
}

/** Whether a holder is another provider process of this one's engine, which ends only with the operation. */
function isSibling(holder: string): boolean {
  const engine = engineAddress();
  if (engine === undefined || !holder.startsWith(`${operatorName()} process `)) return false;
  return holder.includes(` of the engine at ${engine.host}:${engine.port} (pid `);
}

/** How the lock of a droplet is taken. */
export interface LockStart extends Patience {
  /** The command of a shell that serves `hold_lock`. */
  readonly argv: readonly [string, ...string[]];
  /** The text that the shell reads first. */
  readonly library: string;
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
   * @throws HornetError that names the holder after that wait
   * @throws ConnectionError if its shell ends or does not answer
   */
  static async take({ argv, library, ...waiting }: LockStart): Promise<DropletLock> {
    const child = start(argv);
    child.stdin.on("error", () => undefined);
    const [stderr, greeting] = [new Tail(4096), new Tail(4096)];
    child.stderr.on("data", (piece: Buffer) => stderr.push(piece));
    const bytes = Buffer.from(library, "utf8");
    const key = newKey();
    child.stdin.write(`${bytes.length}\n`);
    child.stdin.write(bytes);
    child.stdin.write(`${key}\n`);
    const heartbeat = setInterval(() => child.stdin.write("\n"), HEARTBEAT_MS).unref();
    let stamp: string;
    try {
      stamp = await granted(child, { ...waiting, key, stderr, greeting });
    } catch (error) {
      clearInterval(heartbeat);
      child.kill();
      throw error;
    }
    // The lock must not keep a finished operation alive.
    for (const handle of [child, child.stdin, child.stdout, child.stderr] as { unref?(): void }[]) handle.unref?.();
    return new DropletLock(child, heartbeat, stamp);
  }

  /**
   * Releases the lock and waits for the shell's end.
   *
   * @param limitMs Hornet ends the shell after that
   */
  async release(limitMs = RELEASE_MS): Promise<void> {
    clearInterval(this.heartbeat);
    if (this.lost) return;
    // Otherwise node would exit before the child's end.
    const { child } = this;
    for (const handle of [child, child.stdin, child.stdout, child.stderr] as { ref?(): void }[]) handle.ref?.();
    const late = startTimer(limitMs, () => {
      child.kill("SIGKILL");
      // ssh passes its descriptors to the process that carries the connection, which keeps them as long as the other end wants.
      child.stdout.destroy();
      child.stderr.destroy();
    });
    await new Promise<void>((resolve) => {
      child.once("close", () => resolve());
      child.stdin.end();
    });
    late.cancel();
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

interface Patience {
  /** Its name, for messages. */
  readonly droplet: string;
  /** How long its shell may take to ask for the lock, ms. */
  readonly firstWordMs: number;
  /** Longest wait for the lock, seconds. */
  readonly patience: number;
}

interface Waiting extends Patience {
  readonly key: string;
  readonly stderr: Tail;
  /** What its shell printed before it asked for the lock. */
  readonly greeting: Tail;
}

async function granted(
  child: ChildProcessWithoutNullStreams,
  { droplet, firstWordMs, patience, key, stderr, greeting }: Waiting,
): Promise<string> {
  return new Promise<string>((resolve, reject) => {
    let asked = false;
    let waits = false;
    const lost = (why: string): void =>
      reject(
        new ConnectionError(`cannot lock ${droplet}: ${why}`, {
          details: printedBy(stderr, greeting),
          next: "run the command again; ssh -v by hand shows what the droplet's sshd does with a second session",
        }),
      );
    const late = (ms: number): Timer => startTimer(ms, () => lost(`its shell did not answer within ${ms / 1000} s`));
    let limit = late(firstWordMs);
    const lines = new KeyedLines(key, (line) => {
      const [word, ...holder] = line.split(" ");
      if (word === "asks" && !asked) {
        asked = true;
        limit.cancel();
        limit = late(patience * 1000 + ANSWER_MS);
      }
      // Once: a hostile droplet prints it without end.
      if (word === "waiting" && !waits) {
        waits = true;
        const vain = vainWait(droplet, holder.join(" "));
        if (vain !== undefined) reject(vain);
        else reportWaiting(droplet, holder.join(" "));
      }
      if (word === "locked" || word === "refused") limit.cancel();
      if (word === "locked") resolve(holder.join(" "));
      if (word === "refused") reject(refusal(droplet, holder.join(" ")));
    });
    child.stdout.on("data", (piece: Buffer) => greeting.push(lines.push(piece)));
    child.once("error", reject);
    child.once("close", () => {
      limit.cancel();
      lost("its shell ended");
    });
  });
}

/**
 * The error where a wait for that holder would be in vain: `--replace '**'` replaces Pulumi's provider too, and its two processes
 * would wait for each other.
 */
export function vainWait(droplet: string, holder: string): HornetError | undefined {
  if (!isSibling(holder)) return undefined;
  return new HornetError(
    `two provider processes of this operation would change ${droplet}: it replaces Pulumi's provider`,
    {
      next: "name resources of Hornet's, like --replace '**FirecrackerVM::vm1'; run pulumi up without --replace to go on",
      document: "docs/troubleshooting.md",
    },
  );
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
