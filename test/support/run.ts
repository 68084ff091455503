import { spawn } from "node:child_process";

/** What a command printed and how it ended. */
export interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** How a command is run. */
export interface RunOptions {
  readonly cwd?: string;
  readonly env?: NodeJS.ProcessEnv;
  /** Reached, the command and all that it started is killed; ms. */
  readonly limit: number;
}

/**
 * Runs a command to its end, whatever its exit code.
 * @throws where it cannot be started, or reaches its limit; with what it printed until then
 */
export function run(argv: readonly [string, ...string[]], { cwd, env, limit }: RunOptions): Promise<Ended> {
  return new Promise((done, fail) => {
    // A process group of its own, so that the limit ends npm and what npm started.
    const child = spawn(argv[0], argv.slice(1), { cwd, env, stdio: ["ignore", "pipe", "pipe"], detached: true });
    let stdout = "";
    let stderr = "";
    child.stdout.setEncoding("utf8").on("data", (text: string) => (stdout += text));
    child.stderr.setEncoding("utf8").on("data", (text: string) => (stderr += text));
    let reached = false;
    const timer = setTimeout(() => {
      reached = true;
      if (child.pid !== undefined) process.kill(-child.pid, "SIGKILL");
    }, limit);
    child.on("error", fail);
    child.on("close", (code) => {
      clearTimeout(timer);
      if (reached) fail(new Error(`${argv.join(" ")} reached its limit of ${limit / 1000} s\n${stdout}\n${stderr}`));
      else done({ code: code ?? 128, stdout, stderr });
    });
  });
}

/**
 * Runs a command that must succeed and gives what it printed on stdout.
 * @throws with its exit code and all that it printed
 */
export async function succeed(argv: readonly [string, ...string[]], options: RunOptions): Promise<string> {
  const { code, stdout, stderr } = await run(argv, options);
  if (code !== 0) throw new Error(`${argv.join(" ")} ended with ${code}\n${stdout}\n${stderr}`);
  return stdout;
}
