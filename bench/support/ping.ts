import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { enterArguments } from "../../sandbox/droplet/enter";
import { dropletPaths } from "../../sandbox/droplet/paths";

/** Seconds that an answer is waited for. */
const LIMIT = 300;

/** Seconds from one echo request to the next, which is how exact the answer is. */
const INTERVAL = 0.02;

/**
 * Pings an address from inside a droplet, from now on.
 *
 * @returns the moment of the first answer, as performance.now() of this process gives it; NaN where none came
 */
export async function firstAnswer(droplet: string, address: string): Promise<number> {
  const { processes } = JSON.parse(readFileSync(dropletPaths(droplet).record, "utf8")) as {
    processes: { init: { pid: number; startTime: string } };
  };
  const ping = ["busybox", "ping", "-i", String(INTERVAL), "-w", String(LIMIT), address];
  return new Promise((done) => {
    const child = spawn("nsenter", [...enterArguments(processes.init), ...ping], {
      stdio: ["ignore", "pipe", "ignore"],
    });
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      if (!text.includes("bytes from")) return;
      done(performance.now());
      // nsenter stands between: the end of its pipe is what reaches ping.
      child.stdout.destroy();
    });
    child.on("error", () => done(NaN));
    child.on("close", () => done(NaN));
  });
}
