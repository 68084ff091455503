import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { enterArguments } from "../../sandbox/droplet/enter";
import { dropletPaths } from "../../sandbox/droplet/paths";

/** Longest wait for an answer, seconds. */
const LIMIT = 300;

/** Seconds between two echo requests: the precision of the result. */
const INTERVAL = 0.02;

/** The arguments of nsenter that lead into a droplet. */
function into(droplet: string): string[] {
  const { processes } = JSON.parse(readFileSync(dropletPaths(droplet).record, "utf8")) as {
    processes: { init: { pid: number; startTime: string } };
  };
  return enterArguments(processes.init);
}

/** Runs a program in a droplet until its output contains `text`; returns the moment by performance.now(), or NaN. */
function firstOutput(droplet: string, argv: readonly string[], text: string): Promise<number> {
  return new Promise((done) => {
    const child = spawn("nsenter", [...into(droplet), ...argv], { stdio: ["ignore", "pipe", "ignore"] });
    child.stdout.setEncoding("utf8").on("data", (said: string) => {
      if (!said.includes(text)) return;
      done(performance.now());
      // nsenter is in between, so only the end of its pipe reaches the program.
      child.stdout.destroy();
    });
    child.on("error", () => done(NaN));
    child.on("close", () => done(NaN));
  });
}

/**
 * Asks from inside a droplet for the host key of a running ssh server.
 *
 * @returns the moment of the answer by performance.now() of this process; NaN without one
 */
export function firstHostKey(droplet: string, address: string): Promise<number> {
  return firstOutput(droplet, ["ssh-keyscan", "-T", String(LIMIT), "-t", "ed25519", address], "ssh-ed25519 ");
}

/**
 * Pings an address from inside a droplet, from now on.
 *
 * @returns the moment of the first answer by performance.now() of this process; NaN without one
 */
export function firstAnswer(droplet: string, address: string): Promise<number> {
  const ping = ["busybox", "ping", "-i", String(INTERVAL), "-w", String(LIMIT), address];
  return firstOutput(droplet, ping, "bytes from");
}
