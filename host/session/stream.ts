import type { ChildProcessByStdio } from "node:child_process";
import { Readable, Transform, type Writable } from "node:stream";
import { injectionOf } from "./effects";
import { CommandError, ConnectionError } from "../errors";
import { start, startInto } from "../exec";
import { KeyedLines, newKey, Tail } from "./frames";
import { sshWords } from "../ssh/options";
import { startTimer } from "../timers";

/** What a stream is for, for its errors. */
export interface StreamPurpose {
  readonly what: string;
  readonly run: string;
  readonly droplet: string;
}

/** ssh's exit code where the connection itself failed (ssh(1)); no function of the library ends with it. */
const SSH_FAILED = 255;

/** How long a function may take to end once its input has. */
const CLOSE_MS = 2000;

/** Bytes of its stderr that are kept: its end. */
const STDERR_KEPT = 256 * 1024;

/** A library function at work on a droplet, with its stdin and stdout as streams. */
export class ByteStream {
  private readonly child: ChildProcessByStdio<Writable, Readable | null, Readable>;
  private readonly stderr = new Tail(STDERR_KEPT);
  private killed = false;
  /** Its end. Rejects with CommandError where it failed, with ConnectionError where the droplet was lost. */
  readonly ended: Promise<void>;
  /** Resolves once it has been told what to do, so that all further input is the function's own. */
  readonly told: Promise<void>;
  /** Marks the line that precedes its stdout. A stream that another one reads has the reader's, who waits for it. */
  readonly key: string;
  private readonly body: Readable;

  /**
   * @param argv the command of a shell that serves `serve_stream`
   * @param sent the library and the call, which the shell reads first
   * @param into what reads its stdout, past this process; its `input` is nobody else's from then on
   */
  constructor(
    argv: readonly [string, ...string[]],
    sent: { readonly library: string; readonly code: string },
    purpose: StreamPurpose,
    into?: ByteStream,
  ) {
    const child = into === undefined ? start(argv) : startInto(argv, into.input);
    this.child = child;
    // It has a descriptor of its own for it now; while ours is open, its end is not seen.
    into?.input.destroy();
    // Its end says why.
    this.child.stdin.on("error", () => undefined);
    const injection = injectionOf();
    const points = injection && new KeyedLines(injection.key, (line) => injection.obey(line));
    this.child.stderr.on("data", (piece: Buffer) =>
      this.stderr.push(points === undefined ? piece : points.push(piece)),
    );
    this.key = into?.key ?? newKey();
    this.body = child.stdout === null ? Readable.from([]) : child.stdout.pipe(afterLine(`\x1ebegins ${this.key}\n`));
    this.ended = new Promise((resolve, reject) => {
      this.child.on("error", reject);
      this.child.on("close", (exit, signal) => {
        // Whoever reads the output has it by then: it comes by way of a transform.
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
    // Where that fails, its end says why.
    this.told = new Promise((resolve) => this.child.stdin.write(bytes, () => resolve()));
  }

  /** What the function reads. */
  get input(): Writable {
    return this.child.stdin;
  }

  /** What the function says; nothing where it goes into another stream. */
  get output(): Readable {
    return this.body;
  }

  /** Ends its input, and waits until the function has ended by itself, or a while. */
  async close(): Promise<void> {
    this.setReferenced(true);
    const late = startTimer(CLOSE_MS, () => this.kill());
    this.child.stdin.end();
    await this.ended.catch(() => undefined);
    late.cancel();
  }

  /** Keeps node alive for this stream, or no longer. */
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

  /** Ends it at once. */
  kill(): void {
    this.killed = true;
    this.child.kill();
    // ssh hands its descriptors to the process that carries the connection, which keeps them for as long as the other end likes.
    this.child.stdout?.destroy();
    this.child.stderr.destroy();
  }

  private failure({ what, run, droplet }: StreamPurpose, exit: number | null, signal: string | null): Error {
    if (!this.killed && (exit === null || exit === SSH_FAILED)) {
      const said = sshWords(this.stderr.text()).slice(-600);
      return new ConnectionError(
        `the connection to ${droplet} was lost while it was to ${what}${signal === null ? "" : ` (${signal})`}`,
        { details: said === "" ? [] : [`ssh said: ${said}`] },
      );
    }
    return new CommandError({ what, droplet, command: run, code: exit, stderr: this.stderr.text() });
  }
}

/** Drops everything up to a line, which may come in several pieces. */
function afterLine(line: string): Transform {
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
      carry = at === -1 ? Buffer.from(data.subarray(-(mark.length - 1))) : undefined;
      done(null, at === -1 ? undefined : data.subarray(at + mark.length));
    },
  });
}
