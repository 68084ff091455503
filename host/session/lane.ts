import type { ChildProcessWithoutNullStreams } from "node:child_process";
import type { Injection } from "./effects";
import { atExit } from "../atExit";
import { ConnectionError } from "../errors";
import { start } from "../exec";
import { FrameReader, KeyedLines, newKey, Tail } from "./frames";
import { printedBy } from "./printed";
import { startTimer } from "../timers";

/** The outcome of one framed call. */
export interface FrameResult {
  readonly code: number;
  readonly stdout: string;
  /** Its last {@link STDERR_KEPT} bytes. */
  readonly stderr: string;
}

/** The limit of an answer. */
export interface AnswerLimit {
  /** Bytes of stdout. */
  readonly bytes: number;
  /** Called once when stdout or stderr exceeds its limit, with text for the error. */
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

/** The last bytes of a call's stderr that are kept. */
const STDERR_KEPT = 256 * 1024;
/** Maximum bytes of stderr of a call. */
const STDERR_LIMIT = 64 * MIB;
/** Default maximum bytes of stdout. */
export const ANSWER_LIMIT = 16 * MIB;

/** ssh's remote shell prints this after a key once the lane's shell has ended. */
export const GONE = "gone";

/** Bytes of a login shell's text that are kept. */
const GREETING_KEPT = 4096;

const LAST_WORDS_MS = 50;

/** How long a shell may take to end after its stdin: a hostile droplet's never ends. */
const CLOSE_MS = 10_000;

/** How a lane's shell is started. */
export interface LaneStart {
  /** The command that becomes the shell (`bash …`, or `ssh … bash …`). */
  readonly argv: readonly [string, ...string[]];
  /** The functions for calls; sent once. */
  readonly library: string;
  /** The droplet's name for messages. */
  readonly droplet: string;
  /** The command outlives the shell; it then prints the key that it read first, and {@link GONE}. */
  readonly carries: boolean;
  readonly injection?: Injection | undefined;
}

/**
 * One persistent shell on a droplet. A new exec over ssh costs 100 ms and more; a framed call to a running shell costs only
 * its work.
 *
 * The shell reads `KEY LENGTH\n` and LENGTH bytes of code, runs them in a subshell without stdin, and frames stdout and
 * stderr with lines that contain the key (see frames.ts). Code travels on stdin, so neither it nor its data is in an argument
 * list.
 */
export class Lane {
  private pending: Pending | undefined;
  private ended: string | undefined;
  private readonly child: ChildProcessWithoutNullStreams;
  /** Call it once the shell has answered or ended: the end of this process then no longer kills its command. */
  private readonly answered: () => void;
  private readonly droplet: string;
  /** The end of stderr, inside and outside of answers: ssh reports there why it ends. */
  private words = new Tail(4096);
  /** The end of stdout before the first answer: what a login shell or a forced command printed. */
  private greeting: Tail | undefined = new Tail(GREETING_KEPT);
  /** True while a caller uses it. */
  taken = false;
  /** The shell's process id on the droplet; 0 before the first call. */
  pid = 0;

  constructor({ argv, library, droplet, carries, injection }: LaneStart) {
    this.droplet = droplet;
    this.child = start(argv);
    // A hanging connection does not notice that its stdin has ended.
    this.answered = atExit(() => this.child.kill("SIGKILL"));
    const goneKey = newKey();
    // The reason may arrive on stderr a moment later.
    const gone = new KeyedLines(goneKey, (line) => line === GONE && startTimer(LAST_WORDS_MS, () => this.gone()));
    const points = injection && new KeyedLines(injection.key, (line) => injection.obey(line));
    this.child.stdout.on("data", (piece: Buffer) => {
      // Between calls too: a closing lane has no call, and its end is announced then.
      const text = carries ? gone.push(piece) : piece;
      this.greeting?.push(text);
      this.pending?.out.push(text);
      this.settle();
    });
    this.child.stderr.on("data", (piece: Buffer) => {
      const text = points === undefined ? piece : points.push(piece);
      this.words.push(text);
      this.pending?.err.push(text);
      this.settle();
    });
    // The exit below reports the reason.
    this.child.stdin.on("error", () => undefined);
    this.child.on("error", (error) => this.end(`cannot start ${argv[0]}: ${error.message}`));
    this.child.on("close", (code, signal) => this.end(`the shell ended (${signal ?? `exit code ${code ?? "?"}`})`));
    if (carries) this.child.stdin.write(`${goneKey}\n`);
    const bytes = Buffer.from(library, "utf8");
    this.child.stdin.write(`${bytes.length}\n`);
    this.child.stdin.write(bytes);
  }

  /** True while a call runs. */
  get busy(): boolean {
    return this.pending !== undefined;
  }

  /** True once the shell has ended; a dead lane accepts no calls. */
  get dead(): boolean {
    return this.ended !== undefined;
  }

  /**
   * Runs code in the lane's shell.
   *
   * @param label the call's purpose, for the message of a lost connection
   * @param limit the answer's limit; the call continues until `exceeded` ends it
   * @throws ConnectionError if the shell has ended, or ends
   */
  call(code: string, label: string, limit: AnswerLimit): Promise<FrameResult> {
    return new Promise((resolve, reject) => {
      if (this.ended !== undefined) {
        reject(this.lost(label));
        return;
      }
      const key = newKey();
      const over = (stream: string) => (bytes: number) =>
        limit.exceeded(`printed more than ${bytes / MIB} MiB on ${stream}`);
      const out = new FrameReader(key, { limit: limit.bytes, onOverflow: over("stdout") });
      const err = new FrameReader(key, {
        limit: STDERR_LIMIT,
        tail: STDERR_KEPT,
        onOverflow: over("stderr"),
      });
      this.words = new Tail(4096);
      this.pending = { label, out, err, resolve, reject };
      const bytes = Buffer.from(code, "utf8");
      this.child.stdin.write(`${key} ${bytes.length}\n`);
      this.child.stdin.write(bytes);
    });
  }

  /** Closes the shell's stdin, which ends it, and waits for its end. */
  async close(): Promise<void> {
    if (this.ended !== undefined) return;
    // An idle lane does not keep node alive, but the wait for its end must.
    this.setReferenced(true);
    const late = startTimer(CLOSE_MS, () => this.kill());
    await new Promise<void>((resolve) => {
      this.child.once("close", () => resolve());
      this.child.stdin.end();
    });
    late.cancel();
  }

  /** Ends the shell at once; its command may run on until it notices. */
  kill(): void {
    this.child.kill("SIGKILL");
    // ssh passes its descriptors to the process that carries the connection, which keeps them as long as the other end wants.
    this.child.stdout.destroy();
    this.child.stderr.destroy();
  }

  /** Whether this lane keeps node alive: an idle session must not delay node's exit. */
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
    this.greeting = undefined;
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
    return new ConnectionError(`the connection to ${this.droplet} was lost (${label}): ${this.ended ?? "unknown"}`, {
      details: printedBy(this.words, this.greeting),
    });
  }
}
