import { spawn, type ChildProcessByStdio } from "node:child_process";
import { Readable, type Writable } from "node:stream";
import { recordEffect } from "./effects";
import { CommandError, ConnectionError } from "./errors";
import { POINT } from "./lane";
import { readLibrary } from "./library";
import { sshWords } from "./ssh";

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

/** A library function at work on a droplet, with its stdin and stdout as streams. */
export class ByteStream {
  private readonly child: ChildProcessByStdio<Writable, Readable | null, Readable>;
  private stderr = "";
  private killed = false;
  /** Its end. Rejects with CommandError where it failed, with ConnectionError where the droplet was lost. */
  readonly ended: Promise<void>;
  /** Resolves once it has been told what to do, so that all further input is the function's own. */
  readonly told: Promise<void>;

  /**
   * @param argv the command of a shell that serves `serve_stream`
   * @param code the call
   * @param into what reads its stdout, past this process; its `input` is nobody else's from then on
   */
  constructor(argv: readonly [string, ...string[]], code: string, purpose: StreamPurpose, into?: ByteStream) {
    const [file, ...args] = argv;
    const child = spawn(file, args, { stdio: ["pipe", into?.input ?? "pipe", "pipe"] });
    this.child = child as ChildProcessByStdio<Writable, Readable | null, Readable>;
    // It has a descriptor of its own for it now; while ours is open, its end is not seen.
    into?.input.destroy();
    // Its end says why.
    this.child.stdin.on("error", () => undefined);
    this.child.stderr.setEncoding("utf8").on("data", (text: string) => {
      this.stderr = (this.stderr + text).replace(POINT, (_line, kind: "E" | "K", name: string) => {
        recordEffect(kind, name);
        return "";
      });
    });
    this.ended = new Promise((resolve, reject) => {
      this.child.on("error", reject);
      this.child.on("close", (exit, signal) => {
        if (exit === 0) resolve();
        else reject(this.failure(purpose, exit, signal));
      });
    });
    this.ended.catch(() => undefined);
    const parts = [readLibrary(), code].map((text) => Buffer.from(text, "utf8"));
    const bytes = Buffer.concat(parts.flatMap((part) => [Buffer.from(`${part.length}\n`), part]));
    // Where that fails, its end says why.
    this.told = new Promise((resolve) => this.child.stdin.write(bytes, () => resolve()));
  }

  /** What the function reads. */
  get input(): Writable {
    return this.child.stdin;
  }

  /** What the function says; nothing where it goes into another stream. */
  get output(): Readable {
    return this.child.stdout ?? Readable.from([]);
  }

  /** Ends its input, and waits until the function has ended by itself, or a while. */
  async close(): Promise<void> {
    this.setReferenced(true);
    const late = setTimeout(() => this.kill(), CLOSE_MS);
    this.child.stdin.end();
    await this.ended.catch(() => undefined);
    clearTimeout(late);
  }

  /** Keeps node alive for this stream, or no longer. */
  setReferenced(referenced: boolean): void {
    const { child } = this;
    const handles: { ref?(): void; unref?(): void }[] = [
      child,
      child.stdin as never,
      child.stdout as never,
      child.stderr as never,
    ];
    for (const handle of handles) {
      if (referenced) handle.ref?.();
      else handle.unref?.();
    }
  }

  /** Ends it at once. */
  kill(): void {
    this.killed = true;
    this.child.kill();
  }

  private failure({ what, run, droplet }: StreamPurpose, exit: number | null, signal: string | null): Error {
    if (!this.killed && (exit === null || exit === SSH_FAILED)) {
      const said = sshWords(this.stderr).slice(-600);
      return new ConnectionError(
        `the connection to ${droplet} was lost while it was to ${what}${signal === null ? "" : ` (${signal})`}` +
          (said === "" ? "" : `\n  ssh said: ${said}`),
      );
    }
    return new CommandError({ what, droplet, command: run, code: exit, stderr: this.stderr });
  }
}
