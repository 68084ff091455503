import { spawn } from "node:child_process";

/** What a command printed and how it ended. */
export interface CommandResult {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

/**
 * Runs a command to its end, whatever its exit code.
 * @param argv the command and its arguments; no shell is involved
 * @param input what it reads on stdin
 * @throws where the command cannot be started
 */
export function capture(argv: readonly [string, ...string[]], input = ""): Promise<CommandResult> {
  return new Promise((done, fail) => {
    const child = spawn(argv[0], argv.slice(1), { stdio: ["pipe", "pipe", "pipe"] });
    let stdout = "";
    let stderr = "";
    child.stdout.setEncoding("utf8").on("data", (text: string) => (stdout += text));
    child.stderr.setEncoding("utf8").on("data", (text: string) => (stderr += text));
    child.on("error", (error) => fail(new Error(`${argv[0]} could not be started: ${error.message}`)));
    child.on("close", (code, signal) => {
      done({ exitCode: code ?? 128, stdout, stderr: signal ? `${stderr}ended by ${signal}\n` : stderr });
    });
    // A command that ends without reading its input is judged by its exit code.
    child.stdin.on("error", () => undefined);
    child.stdin.end(input);
  });
}

/**
 * Runs a command that must succeed and gives what it printed.
 * @throws with the command, its exit code and the end of its stderr
 */
export async function run(argv: readonly [string, ...string[]], input = ""): Promise<string> {
  const result = await capture(argv, input);
  if (result.exitCode !== 0) {
    const told = result.stderr.trim().split("\n").slice(-10).join("\n");
    throw new Error(`${argv.join(" ")} failed with exit code ${result.exitCode}:\n${told}`);
  }
  return result.stdout;
}
