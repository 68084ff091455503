import { capture as captureIn, type Argv } from "../../host/exec";

/** A command's output and exit code. */
export interface CommandResult {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

/**
 * Runs a command to its end, whatever its exit code.
 * @param argv the command and its arguments; no shell is involved
 * @param input its stdin
 * @throws where the command cannot be started
 */
export async function capture(argv: Argv, input = ""): Promise<CommandResult> {
  const { code, signal, stdout, stderr } = await captureIn(argv, { input });
  return { exitCode: code, stdout, stderr: signal === null ? stderr : `${stderr}ended by ${signal}\n` };
}

/**
 * Runs a command that must succeed and returns its stdout.
 * @throws with the command, its exit code and the end of its stderr
 */
export async function run(argv: Argv, input = ""): Promise<string> {
  const result = await capture(argv, input);
  if (result.exitCode !== 0) {
    const tail = result.stderr.trim().split("\n").slice(-10).join("\n");
    throw new Error(`${argv.join(" ")} failed with exit code ${result.exitCode}:\n${tail}`);
  }
  return result.stdout;
}
