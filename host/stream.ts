import { spawn, type ChildProcessWithoutNullStreams } from "node:child_process";
import type { Readable, Writable } from "node:stream";
import { recordEffect } from "./effects";
import { CommandError, ConnectionError } from "./errors";
import { POINT } from "./lane";
import { readLibrary } from "./library";

/** What a stream is for, for its errors. */
export interface StreamPurpose {
  readonly what: string;
  readonly run: string;
  readonly droplet: string;
}

/** ssh's exit code where the connection itself failed (ssh(1)); no function of the library ends with it. */
const SSH_FAILED = 255;

/** A library function at work on a droplet, with its stdin and stdout as streams. */
export class ByteStream {
  private readonly child: ChildProcessWithoutNullStreams;
  private stderr = "";
  private killed = false;
  /** Its end. Rejects with CommandError where it failed, with ConnectionError where the droplet was lost. */
  readonly ended: Promise<void>;

  /**
   * @param argv the command of a shell that serves `serve_stream`
   * @param code the call
   */
  constructor(argv: readonly [string, ...string[]], code: string, purpose: StreamPurpose) {
    const [file, ...args] = argv;
    this.child = spawn(file, args, { stdio: ["pipe", "pipe", "pipe"] });
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
    for (const text of [readLibrary(), code]) {
      const bytes = Buffer.from(text, "utf8");
      this.child.stdin.write(`${bytes.length}\n`);
      this.child.stdin.write(bytes);
    }
  }

  /** What the function reads. */
  get input(): Writable {
    return this.child.stdin;
  }

  /** What the function says. */
  get output(): Readable {
    return this.child.stdout;
  }

  /** Ends it at once. */
  kill(): void {
    this.killed = true;
    this.child.kill();
  }

  private failure({ what, run, droplet }: StreamPurpose, exit: number | null, signal: string | null): Error {
    if (!this.killed && (exit === null || exit === SSH_FAILED)) {
      const said = this.stderr.trim().slice(-600);
      return new ConnectionError(
        `the connection to ${droplet} was lost while it was to ${what}${signal === null ? "" : ` (${signal})`}` +
          (said === "" ? "" : `\n  ssh said: ${said}`),
      );
    }
    return new CommandError({ what, droplet, command: run, code: exit, stderr: this.stderr });
  }
}
