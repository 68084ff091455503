import { spawn, type ChildProcessWithoutNullStreams } from "node:child_process";
import { ConnectionError } from "./errors";
import { sshWords } from "./ssh";

/** The outcome of one framed call. */
export interface FrameResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

interface Pending {
  readonly id: string;
  readonly label: string;
  resolve(result: FrameResult): void;
  reject(error: Error): void;
}

/** Starts every frame's closing line; a control character that no command's text output holds. */
const MARK = "\x1e";

/** Longer than any closing line: mark, id, exit code. */
const SEAM = 64;

/** What follows the mark once the shell is gone, where its end alone would not end the command that it runs in. */
export const GONE = "gone";

const LAST_WORDS_MS = 50;

/** A point between two effects, as the droplet's library names it on stderr (see library/common.sh). */
export const POINT = /^\x1f(E|K) (.*)\n/gm; // eslint-disable-line no-control-regex

/**
 * One persistent shell on a droplet. A fresh exec over ssh costs 100 ms and more; a framed call to a shell that is
 * already there costs the work it does.
 *
 * The shell reads `ID LENGTH\n` and LENGTH bytes of code, runs them in a subshell without stdin, and closes both stdout
 * and stderr with a marked line that holds the id and the exit code. Code travels on stdin, so neither it nor the data
 * in it stands in an argument list.
 */
export class Lane {
  private stdout = "";
  private stderr = "";
  /** The end of the piece of stdout before: a closing line may come in two. */
  private seam = "";
  private pending: Pending | undefined;
  private ended: string | undefined;
  private sequence = 0;
  private readonly child: ChildProcessWithoutNullStreams;
  /** True from the moment a caller has it until it is given back. */
  taken = false;
  /** The shell's process id on the droplet; known after the first call. */
  pid = 0;

  /**
   * @param argv the command that becomes the shell (`bash …` here, or `ssh … bash …`)
   * @param library the functions that calls may use; sent once
   * @param droplet the droplet's name for messages
   * @param onPoint told of every line that the library's `effect` writes
   */
  constructor(
    argv: readonly [string, ...string[]],
    library: string,
    private readonly droplet: string,
    private readonly onPoint: (kind: "E" | "K", name: string) => void,
  ) {
    const [file, ...args] = argv;
    this.child = spawn(file, args, { stdio: ["pipe", "pipe", "pipe"] });
    this.child.stdout.setEncoding("utf8").on("data", (text: string) => {
      this.stdout += text;
      // An answer may come in hundreds of pieces: only what may hold the mark is worth a look at all of it.
      if (text.includes(MARK) || this.seam.includes(MARK)) this.settle();
      this.seam = text.slice(-SEAM);
      // Why it ended may come a moment later, on stderr.
      if (this.stdout.endsWith(`\n${MARK}${GONE}\n`)) setTimeout(() => this.gone(), LAST_WORDS_MS);
    });
    this.child.stderr.setEncoding("utf8").on("data", (text: string) => {
      this.stderr += text;
      this.report();
      this.settle();
    });
    this.child.stdin.on("error", () => {
      // The exit below says why; a second report of the same loss helps nobody.
    });
    this.child.on("error", (error) => this.end(`cannot start ${file}: ${error.message}`));
    this.child.on("close", (code, signal) => this.end(`the shell ended (${signal ?? `exit code ${code ?? "?"}`})`));
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
   * @throws ConnectionError where the shell is, or goes, away
   */
  call(code: string, label: string): Promise<FrameResult> {
    return new Promise((resolve, reject) => {
      if (this.ended !== undefined) {
        reject(this.lost(label));
        return;
      }
      this.sequence += 1;
      this.pending = { id: String(this.sequence), label, resolve, reject };
      const bytes = Buffer.from(code, "utf8");
      this.child.stdin.write(`${this.sequence} ${bytes.length}\n`);
      this.child.stdin.write(bytes);
    });
  }

  /** Closes the shell's stdin, which ends it, and waits until it has gone. */
  async close(): Promise<void> {
    if (this.ended !== undefined) return;
    // An idle lane holds no process open, but whoever waits for its end needs one.
    this.setReferenced(true);
    await new Promise<void>((resolve) => {
      this.child.once("close", () => resolve());
      this.child.stdin.end();
    });
  }

  /** Ends the shell at once: what ran in it may go on until it notices. */
  kill(): void {
    this.child.kill("SIGKILL");
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

  private report(): void {
    this.stderr = this.stderr.replace(POINT, (_line, kind: "E" | "K", name: string) => {
      this.onPoint(kind, name);
      return "";
    });
  }

  private settle(): void {
    const pending = this.pending;
    if (pending === undefined) return;
    const closing = new RegExp(`\\n${MARK}${pending.id} (\\d+)\\n`);
    const out = closing.exec(this.stdout);
    const err = closing.exec(this.stderr);
    if (out === null || err === null) return;
    this.pending = undefined;
    const result = {
      code: Number(out[1]),
      stdout: this.stdout.slice(0, out.index),
      stderr: this.stderr.slice(0, err.index),
    };
    this.stdout = this.stdout.slice(out.index + out[0].length);
    this.stderr = this.stderr.slice(err.index + err[0].length);
    pending.resolve(result);
  }

  private gone(): void {
    this.end("the shell ended");
    this.child.kill();
  }

  private end(reason: string): void {
    this.ended ??= reason;
    const pending = this.pending;
    this.pending = undefined;
    pending?.reject(this.lost(pending.label));
  }

  private lost(label: string): ConnectionError {
    const said = sshWords(this.stderr).slice(-1000);
    return new ConnectionError(
      `the connection to ${this.droplet} was lost while it was to ${label}: ${this.ended ?? "unknown"}` +
        (said === "" ? "" : `\n  ssh said: ${said}`),
    );
  }
}
