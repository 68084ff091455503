// @ts-check
import { spawn } from "node:child_process";
import { createInterface } from "node:readline";

/** A failure that the user sees without a stack. */
export class SetupError extends Error {}

/** @param {string} text one line for the user; stdout stays free for results */
export function say(text) {
  process.stderr.write(`${text}\n`);
}

/**
 * Runs a command, passes every line of its output to onLine, and returns its stdout.
 * @param {readonly string[]} argv
 * @param {{ cwd?: string, env?: NodeJS.ProcessEnv, onLine?: (line: string, stream: "stdout" | "stderr") => void }} [options]
 * @returns {Promise<string>}
 * @throws {SetupError} with the command, its exit code and the end of its output
 */
export function run(argv, { cwd, env, onLine } = {}) {
  const [command = "", ...args] = argv;
  return new Promise((done, fail) => {
    const child = spawn(command, args, { cwd, env, stdio: ["ignore", "pipe", "pipe"] });
    /** @type {string[]} */
    const last = [];
    let stdout = "";
    /** @param {"stdout" | "stderr"} stream */
    const follow = (stream) =>
      createInterface({ input: child[stream] }).on("line", (line) => {
        if (stream === "stdout") stdout += `${line}\n`;
        last.push(line);
        if (last.length > 40) last.shift();
        onLine?.(line, stream);
      });
    follow("stdout");
    follow("stderr");
    child.on("error", (error) => fail(new SetupError(`${command} could not be started: ${error.message}`)));
    child.on("close", (code, signal) => {
      if (code === 0) done(stdout);
      else fail(new SetupError(`${argv.join(" ")} ended with ${code ?? signal}; its last output:\n${last.join("\n")}`));
    });
  });
}
