/** The only module of Hornet that starts processes on the operator's machine; lint enforces this. */
import { spawn, spawnSync, type ChildProcessByStdio, type ChildProcessWithoutNullStreams } from "node:child_process";
import type { Readable, Writable } from "node:stream";
import { HornetError } from "./errors";
import { Tail } from "./session/frames";
import { startTimer } from "./timers";

/** A program and its arguments; no shell parses them. */
export type Argv = readonly [string, ...string[]];

/** How {@link capture} runs a program. */
export interface CaptureOptions {
  /** The program's stdin. */
  readonly input?: string;
  readonly cwd?: string;
  readonly env?: NodeJS.ProcessEnv;
  /** Hornet kills it after so many ms. */
  readonly limitMs?: number;
  /** Hornet kills it if it prints more bytes to stdout. Default: 64 MiB. */
  readonly maxStdout?: number;
  /** The last bytes of stderr that are kept. Default: 1 MiB. */
  readonly keptStderr?: number;
  /** Starts it in a new process group, so that the limit also kills its descendants. */
  readonly group?: boolean;
}

/** What a program printed and how it ended. */
export interface Captured {
  /** 128 if a signal ended it. */
  readonly code: number;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
  /** Why Hornet killed it: "reached its limit of 5 s". */
  readonly killed?: string | undefined;
}

/**
 * Runs a program to its end, whatever its exit code.
 *
 * @throws HornetError if it cannot be started
 */
export function capture(argv: Argv, options: CaptureOptions = {}): Promise<Captured> {
  const { input = "", cwd, env, limitMs, maxStdout = 64 << 20, keptStderr = 1 << 20, group = false } = options;
  const [file, ...args] = argv;
  return new Promise((resolve, reject) => {
    const child = spawn(file, args, { cwd, env, detached: group, stdio: ["pipe", "pipe", "pipe"] });
    let killed: string | undefined;
    const kill = (why: string): void => {
      killed ??= why;
      if (group && child.pid !== undefined) process.kill(-child.pid, "SIGKILL");
      else child.kill("SIGKILL");
    };
    const timer =
      limitMs === undefined ? undefined : startTimer(limitMs, () => kill(`reached its limit of ${limitMs / 1000} s`));
    const pieces: Buffer[] = [];
    let size = 0;
    child.stdout.on("data", (piece: Buffer) => {
      size += piece.length;
      if (size > maxStdout) kill(`printed more than ${maxStdout >> 20} MiB`);
      else pieces.push(piece);
    });
    const stderr = new Tail(keptStderr);
    child.stderr.on("data", (piece: Buffer) => stderr.push(piece));
    child.on("error", (error) => {
      timer?.cancel();
      reject(new HornetError(`${file} cannot be started: ${error.message}`));
    });
    child.on("close", (code, signal) => {
      timer?.cancel();
      const stdout = Buffer.concat(pieces).toString("utf8");
      resolve({ code: code ?? 128, signal, stdout, stderr: stderr.text(), killed });
    });
    // A program may end without reading its input; its exit code decides.
    child.stdin.on("error", () => undefined);
    child.stdin.end(input);
  });
}

/** How {@link runOnTerminal} runs a program. */
export interface TerminalOptions {
  readonly cwd?: string;
  readonly env?: NodeJS.ProcessEnv;
  /** Keeps what the program prints on stdout instead of showing it. */
  readonly capture?: boolean;
}

/**
 * Runs a program on this process's terminal until it ends.
 *
 * Ctrl-C on the terminal reaches the program as well, which ends in its own way; this process waits for it, and passes
 * SIGTERM on.
 *
 * @returns its exit code, or 128 and the signal's number if a signal ended it; and its captured stdout
 * @throws HornetError if it cannot be started
 */
export function runOnTerminal(
  [file, ...args]: Argv,
  { cwd, env, capture: keep = false }: TerminalOptions = {},
): Promise<{ readonly code: number; readonly stdout: string }> {
  return new Promise((resolve, reject) => {
    const child = spawn(file, args, { cwd, env, stdio: ["inherit", keep ? "pipe" : "inherit", "inherit"] });
    const wait = (): void => undefined;
    const forward = (signal: NodeJS.Signals): void => void child.kill(signal);
    process.on("SIGINT", wait);
    process.on("SIGTERM", forward);
    const settle = (): void => {
      process.removeListener("SIGINT", wait);
      process.removeListener("SIGTERM", forward);
    };
    let stdout = "";
    child.stdout?.setEncoding("utf8").on("data", (text: string) => (stdout += text));
    child.on("error", (error) => {
      settle();
      reject(new HornetError(`${file} cannot be started: ${error.message}`));
    });
    child.on("close", (code, signal) => {
      settle();
      resolve({ code: code ?? (signal === "SIGINT" ? 130 : 143), stdout });
    });
  });
}

/** The stdout of a program that ends at once; empty if it cannot be started. */
export function captureSync([file, ...args]: Argv): string {
  return (spawnSync(file, args, { encoding: "utf8" }) as { stdout: string | null }).stdout ?? "";
}

/** Starts a program whose input and output the caller reads and writes. */
export function start([file, ...args]: Argv): ChildProcessWithoutNullStreams {
  return spawn(file, args, { stdio: ["pipe", "pipe", "pipe"] });
}

/** The same, with its stdout connected to another program's stdin: the bytes do not pass this process. */
export function startInto([file, ...args]: Argv, stdout: Writable): ChildProcessByStdio<Writable, null, Readable> {
  return spawn(file, args, { stdio: ["pipe", stdout, "pipe"] });
}
