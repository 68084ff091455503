import { spawn } from "node:child_process";
import { capture, type CommandResult } from "./run";
import { isAlive } from "./processes";
import { readRecord, type ProcessId } from "./state";

const environment = ["HOME=/root", "USER=root", "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"];

/** The arguments of nsenter(1) that lead into the namespaces of a process; a command follows. */
export function enterArguments(init: ProcessId, folder = "/root"): string[] {
  return ["--target", String(init.pid), "--net", "--mount", "--pid", "--uts", "--ipc", `--wdns=${folder}`, "--"];
}

async function commandLine(name: string, argv: readonly string[]): Promise<[string, ...string[]]> {
  const init = (await readRecord(name))?.processes?.init;
  if (!init || !isAlive(init)) throw new Error(`the droplet ${name} does not run; start it first.`);
  return ["nsenter", ...enterArguments(init), "env", "-i", ...environment, ...argv];
}

/**
 * Runs a command inside a droplet without ssh and returns its output, whatever its exit code.
 * @throws where the droplet does not run
 */
export async function dropletExec(name: string, argv: readonly string[], input = ""): Promise<CommandResult> {
  return capture(await commandLine(name, argv), input);
}

/** Runs a command inside a droplet on this process's terminal and returns its exit code. */
export async function dropletAttach(name: string, argv: readonly string[]): Promise<number> {
  const [command, ...rest] = await commandLine(name, argv);
  return new Promise((done, fail) => {
    const child = spawn(command, rest, { stdio: "inherit" });
    child.on("error", fail);
    child.on("close", (code) => done(code ?? 128));
  });
}
