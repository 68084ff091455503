import type { ChildProcessByStdio } from "node:child_process";
import { Readable, Transform, type Writable } from "node:stream";
import { injectionOf } from "./effects";
import { CommandError, ConnectionError } from "../errors";
import { start, startInto } from "../exec";
import { KeyedLines, newKey, Tail } from "./frames";
import { printedBy } from "./printed";
import { startTimer } from "../timers";

/** A stream's purpose, for its errors. */
export interface StreamPurpose {
  readonly what: string;
  readonly run: string;
  readonly droplet: string;
}

/** ssh's exit code if the connection itself failed (ssh(1)); no library function ends with it. */
const SSH_FAILED = 255;

/** How long a function may take to end after its input. */
const CLOSE_MS = 2000;

/** The last bytes of its stderr that are kept. */
const STDERR_KEPT = 256 * 1024;

/** A running library function on a droplet, with its stdin and stdout as streams. */
export class ByteStream {
  private readonly child: ChildProcessByStdio<Writable, Readable | null, Readable>;
  private readonly stderr = new Tail(STDERR_KEPT);
  private killed = false;
  /** Why Hornet ended a shell that did not begin. */
  private late: string | undefined;
  /** Rejects with CommandError if the function failed, with ConnectionError if the connection was lost. */
  readonly ended: Promise<void>;
  /** Resolves once the call was sent, so that the function reads all further input. */
  readonly callSent: Promise<void>;
  /** Marks the line before its stdout. A stream into another one uses the key of the reader, which waits for that line. */
  readonly key: string;
  private readonly body: Readable;

  /**
   * @param argv the command of a shell that serves `serve_stream`
   * @param sent the library and the call, which the shell reads first
   * @param firstWordMs how long its shell may take to begin
   * @param into the stream that reads its stdout, without this process between; nothing else may use its `input` then
   */
  constructor(
    argv: readonly [string, ...string[]],
    sent: { readonly library: string; readonly code: string },
    purpose: StreamPurpose,
    firstWordMs: number,
    into?: ByteStream,
  ) {
    const child = into === undefined ? start(argv) : startInto(argv, into.input);
    this.child = child;
    // The child has its own descriptor; while this one is open, the reader sees no end of input.
    into?.input.destroy();
    // `ended` reports the reason.
    this.child.stdin.on("error", () => undefined);
    const injection = injectionOf();
    const points = injection && new KeyedLines(injection.key, (line) => injection.obey(line));
    this.child.stderr.on("data", (piece: Buffer) =>
      this.stderr.push(points === undefined ? piece : points.push(piece)),
    );
    this.key = into?.key ?? newKey();
    // What goes into another stream begins where nobody here sees it.
    const first = startTimer(child.stdout === null ? Infinity : firstWordMs, () => {
      this.late = `its shell did not answer within ${firstWordMs / 1000} s`;
      this.kill();
    }).unref();
    const begins = afterLine(`\x1ebegins ${this.key}\n`, () => first.cancel());
    this.body = child.stdout === null ? Readable.from([]) : child.stdout.pipe(begins);
    this.ended = new Promise((resolve, reject) => {
      this.child.on("error", reject);
      this.child.on("close", (exit, signal) => {
        first.cancel();
        // Later, because the output passes a transform: its reader must have it first.
        setImmediate(() => {
          if (exit === 0) resolve();
          else reject(this.failure(purpose, exit, signal));
        });
      });
    });
    this.ended.catch(() => undefined);
    const [library, call] = [Buffer.from(sent.library), Buffer.from(sent.code)];
    const bytes = Buffer.concat([
      Buffer.from(`${library.length}\n`),
      library,
      Buffer.from(`${this.key} ${call.length}\n`),
      call,
    ]);
    // If that fails, `ended` reports the reason.
    this.callSent = new Promise((resolve) => this.child.stdin.write(bytes, () => resolve()));
  }

  /** The function's stdin. */
  get input(): Writable {
    return this.child.stdin;
  }

  /** The function's stdout; empty if it goes into another stream. */
  get output(): Readable {
    return this.body;
  }

  /** Ends its input, waits for the function's end, and kills it if that takes too long. */
  async close(): Promise<void> {
    this.setReferenced(true);
    const late = startTimer(CLOSE_MS, () => this.kill());
    this.child.stdin.end();
    await this.ended.catch(() => undefined);
    late.cancel();
  }

  /** Whether this stream keeps node alive. */
  setReferenced(referenced: boolean): void {
    const { child } = this;
    const handles: ({ ref?(): void; unref?(): void } | null)[] = [
      child,
      child.stdin as never,
      child.stdout as never,
      child.stderr as never,
    ];
    for (const handle of handles) {
      if (referenced) handle?.ref?.();
      else handle?.unref?.();
    }
  }

  kill(): void {
    this.killed = true;
    this.child.kill();
    // ssh passes its descriptors to the process that carries the connection, which keeps them as long as the other end wants.
    this.child.stdout?.destroy();
    this.child.stderr.destroy();
  }

  private failure({ what, run, droplet }: StreamPurpose, exit: number | null, signal: string | null): Error {
    if (this.late !== undefined || (!this.killed && (exit === null || exit === SSH_FAILED))) {
      const why = this.late ?? signal ?? "";
      return new ConnectionError(`the connection to ${droplet} was lost (${what})${why === "" ? "" : `: ${why}`}`, {
        details: printedBy(this.stderr, undefined),
      });
    }
    return new CommandError({ what, droplet, command: run, code: exit, stderr: this.stderr.text() });
  }
}

/**
 * Drops everything up to and including a line, which may arrive in several pieces.
 *
 * @param seen called once the line has arrived
 */
function afterLine(line: string, seen: () => void): Transform {
  const mark = Buffer.from(line);
  let carry: Buffer | undefined = Buffer.alloc(0);
  return new Transform({
    transform(piece: Buffer, _encoding, done) {
      if (carry === undefined) {
        done(null, piece);
        return;
      }
      const data = Buffer.concat([carry, piece]);
      const at = data.indexOf(mark);
      if (at !== -1) seen();
      carry = at === -1 ? Buffer.from(data.subarray(-(mark.length - 1))) : undefined;
      done(null, at === -1 ? undefined : data.subarray(at + mark.length));
    },
  });
}
