import { capture, type Argv, type Captured } from "../../host/exec";

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
export async function run(argv: Argv, { cwd, env, limit }: RunOptions): Promise<Captured> {
  // A process group, so that the limit ends npm and what npm started.
  const captured = await capture(argv, {
    ...(cwd !== undefined && { cwd }),
    ...(env && { env }),
    limitMs: limit,
    group: true,
  });
  const { killed, stdout, stderr } = captured;
  if (killed !== undefined) throw new Error(`${argv.join(" ")} ${killed}\n${stdout}\n${stderr}`);
  return captured;
}

/**
 * Runs a command that must succeed and gives what it printed on stdout.
 * @throws with its exit code and all that it printed
 */
export async function succeed(argv: Argv, options: RunOptions): Promise<string> {
  const { code, stdout, stderr } = await run(argv, options);
  if (code !== 0) throw new Error(`${argv.join(" ")} ended with ${code}\n${stdout}\n${stderr}`);
  return stdout;
}
