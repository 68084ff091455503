import type { ChildProcessWithoutNullStreams } from "node:child_process";
import type { Injection } from "./effects";
import { atExit } from "../atExit";
import { ConnectionError } from "../errors";
import { start } from "../exec";
import { FrameReader, KeyedLines, newKey, Tail } from "./frames";
import { sshWords } from "../ssh/options";
import { startTimer } from "../timers";

/** The outcome of one framed call. */
export interface FrameResult {
  readonly code: number;
  readonly stdout: string;
  /** The end of it, where it is longer than {@link STDERR_KEPT}. */
  readonly stderr: string;
}

/** What an answer may be at most. */
export interface AnswerLimit {
  /** Bytes of stdout. */
  readonly bytes: number;
  /** Called once when stdout, or stderr, exceeds its limit; with words for the error. */
  readonly exceeded: (what: string) => void;
}

interface Pending {
  readonly label: string;
  readonly out: FrameReader;
  readonly err: FrameReader;
  resolve(result: FrameResult): void;
  reject(error: Error): void;
}

const MIB = 1 << 20;

/** Bytes of a call's stderr that are kept: its end. */
const STDERR_KEPT = 256 * 1024;
/** Bytes of stderr that a call may write at all. */
const STDERR_LIMIT = 64 * MIB;
/** Bytes of stdout where nobody asked for more. */
export const ANSWER_LIMIT = 16 * MIB;

/** How the line begins that ssh's remote shell prints once the lane's shell is gone; its key follows. */
export const GONE = "gone";

const LAST_WORDS_MS = 50;

/** How long a shell may take to end once its stdin has: a hostile droplet's never does. */
const CLOSE_MS = 10_000;

/** How a lane's shell is started. */
export interface LaneStart {
  /** The command that becomes the shell (`bash …` here, or `ssh … bash …`). */
  readonly argv: readonly [string, ...string[]];
  /** The functions that calls may use; sent once. */
  readonly library: string;
  /** The droplet's name for messages. */
  readonly droplet: string;
  /** The shell's end does not end the command: it then prints {@link GONE} and the key that it reads first. */
  readonly carries: boolean;
  readonly injection?: Injection | undefined;
}

/**
 * One persistent shell on a droplet. A fresh exec over ssh costs 100 ms and more; a framed call to a shell that is
 * already there costs the work it does.
 *
 * The shell reads `KEY LENGTH\n` and LENGTH bytes of code, runs them in a subshell without stdin, and frames stdout and
 * stderr with lines that hold the key (see frames.ts). Code travels on stdin, so neither it nor the data in it stands in
 * an argument list.
 */
export class Lane {
  private pending: Pending | undefined;
  private ended: string | undefined;
  private readonly child: ChildProcessWithoutNullStreams;
  /** The shell has answered, or will not: the end of this process no longer kills its command. */
  private readonly answered: () => void;
  private readonly droplet: string;
  /** The end of stderr, inside and outside of answers: ssh tells there why it ends. */
  private words = new Tail(4096);
  /** True from the moment a caller has it until it is given back. */
  taken = false;
  /** The shell's process id on the droplet; known after the first call. */
  pid = 0;

  constructor({ argv, library, droplet, carries, injection }: LaneStart) {
    this.droplet = droplet;
    this.child = start(argv);
    // A connection that hangs does not see that its stdin has ended.
    this.answered = atExit(() => this.child.kill("SIGKILL"));
    const goneKey = newKey();
    // Why it ended may come a moment later, on stderr.
    const gone = new KeyedLines(goneKey, (line) => line === GONE && startTimer(LAST_WORDS_MS, () => this.gone()));
    const points = injection && new KeyedLines(injection.key, (line) => injection.obey(line));
    this.child.stdout.on("data", (piece: Buffer) => {
      // Also between calls: a lane that closes has none, and its end is announced then.
      const text = carries ? gone.push(piece) : piece;
      this.pending?.out.push(text);
      this.settle();
    });
    this.child.stderr.on("data", (piece: Buffer) => {
      const text = points === undefined ? piece : points.push(piece);
      this.words.push(text);
      this.pending?.err.push(text);
      this.settle();
    });
    this.child.stdin.on("error", () => {
      // The exit below says why; a second report of the same loss helps nobody.
    });
    this.child.on("error", (error) => this.end(`cannot start ${argv[0]}: ${error.message}`));
    this.child.on("close", (code, signal) => this.end(`the shell ended (${signal ?? `exit code ${code ?? "?"}`})`));
    if (carries) this.child.stdin.write(`${goneKey}\n`);
    const bytes = Buffer.from(library, "utf8");
    this.child.stdin.write(`${bytes.length}\n`);
    this.child.stdin.write(bytes);
  }

  /** True while a call is under way. */
  get busy(): boolean {
    return this.pending !== undefined;
  }

  /** True once the shell is gone; a dead lane takes no more calls. */
  get dead(): boolean {
    return this.ended !== undefined;
  }

  /**
   * Runs code in the lane's shell.
   *
   * @param label what is under way, for the message of a lost connection
   * @param limit what becomes of an answer that is too large; the call goes on until somebody ends it
   * @throws ConnectionError where the shell is, or goes, away
   */
  call(code: string, label: string, limit: AnswerLimit): Promise<FrameResult> {
    return new Promise((resolve, reject) => {
      if (this.ended !== undefined) {
        reject(this.lost(label));
        return;
      }
      const key = newKey();
      const over = (stream: string, bytes: number) => () =>
        limit.exceeded(`printed more than ${bytes / MIB} MiB on ${stream}`);
      const out = new FrameReader(key, { limit: limit.bytes, onOverflow: over("stdout", limit.bytes) });
      const err = new FrameReader(key, {
        limit: STDERR_LIMIT,
        tail: STDERR_KEPT,
        onOverflow: over("stderr", STDERR_LIMIT),
      });
      this.words = new Tail(4096);
      this.pending = { label, out, err, resolve, reject };
      const bytes = Buffer.from(code, "utf8");
      this.child.stdin.write(`${key} ${bytes.length}\n`);
      this.child.stdin.write(bytes);
    });
  }

  /** Closes the shell's stdin, which ends it, and waits until it has gone. */
  async close(): Promise<void> {
    if (this.ended !== undefined) return;
    // An idle lane holds no process open, but whoever waits for its end needs one.
    this.setReferenced(true);
    const late = startTimer(CLOSE_MS, () => this.kill());
    await new Promise<void>((resolve) => {
      this.child.once("close", () => resolve());
      this.child.stdin.end();
    });
    late.cancel();
  }

  /** Ends the shell at once: what ran in it may go on until it notices. */
  kill(): void {
    this.child.kill("SIGKILL");
    // ssh hands its descriptors to the process that carries the connection, which keeps them for as long as the other end likes.
    this.child.stdout.destroy();
    this.child.stderr.destroy();
  }

  /** Keeps node alive for this lane, or no longer: an idle session must not hold a finished process open. */
  setReferenced(referenced: boolean): void {
    const handles: { ref?(): void; unref?(): void }[] = [
      this.child,
      this.child.stdin as never,
      this.child.stdout as never,
      this.child.stderr as never,
    ];
    for (const handle of handles) {
      if (referenced) handle.ref?.();
      else handle.unref?.();
    }
  }

  private settle(): void {
    const { pending } = this;
    if (pending?.out.closed !== true || !pending.err.closed) return;
    this.answered();
    this.pending = undefined;
    pending.resolve({ code: pending.out.code ?? NaN, stdout: pending.out.text, stderr: pending.err.text });
  }

  private gone(): void {
    this.end("the shell ended");
    this.child.kill();
  }

  private end(reason: string): void {
    this.ended ??= reason;
    this.answered();
    const pending = this.pending;
    this.pending = undefined;
    pending?.reject(this.lost(pending.label));
  }

  private lost(label: string): ConnectionError {
    // Without the lines that frame answers.
    const said = sshWords(this.words.text().replaceAll(/\n?\x1e[0-9a-f]{32}( \d+)?\n/g, "")).slice(-1000); // eslint-disable-line no-control-regex
    return new ConnectionError(
      `the connection to ${this.droplet} was lost while it was to ${label}: ${this.ended ?? "unknown"}`,
      { details: said === "" ? [] : [`ssh said: ${said}`] },
    );
  }
}
