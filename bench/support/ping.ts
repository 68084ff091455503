import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { enterArguments } from "../../sandbox/droplet/enter";
import { dropletPaths } from "../../sandbox/droplet/paths";

/** Seconds that an answer is waited for. */
const LIMIT = 300;

/** Seconds from one echo request to the next, which is how exact the answer is. */
const INTERVAL = 0.02;

/** The arguments of nsenter that lead into a droplet. */
function into(droplet: string): string[] {
  const { processes } = JSON.parse(readFileSync(dropletPaths(droplet).record, "utf8")) as {
    processes: { init: { pid: number; startTime: string } };
  };
  return enterArguments(processes.init);
}

/** Runs a program in a droplet until its output holds `text`; the moment, as performance.now() gives it, or NaN. */
function firstOutput(droplet: string, argv: readonly string[], text: string): Promise<number> {
  return new Promise((done) => {
    const child = spawn("nsenter", [...into(droplet), ...argv], { stdio: ["ignore", "pipe", "ignore"] });
    child.stdout.setEncoding("utf8").on("data", (said: string) => {
      if (!said.includes(text)) return;
      done(performance.now());
      // nsenter stands between: the end of its pipe is what reaches the program.
      child.stdout.destroy();
    });
    child.on("error", () => done(NaN));
    child.on("close", () => done(NaN));
  });
}

/**
 * Asks from inside a droplet for whatever host key an address's ssh server has, which must be there already.
 *
 * @returns the moment of the answer, as performance.now() of this process gives it; NaN where none came
 */
export function firstHostKey(droplet: string, address: string): Promise<number> {
  return firstOutput(droplet, ["ssh-keyscan", "-T", String(LIMIT), "-t", "ed25519", address], "ssh-ed25519 ");
}

/**
 * Pings an address from inside a droplet, from now on.
 *
 * @returns the moment of the first answer, as performance.now() of this process gives it; NaN where none came
 */
export function firstAnswer(droplet: string, address: string): Promise<number> {
  const ping = ["busybox", "ping", "-i", String(INTERVAL), "-w", String(LIMIT), address];
  return firstOutput(droplet, ping, "bytes from");
}
