/** Looks for secrets where they must not be: in argument lists, in files. */
import { fork } from "node:child_process";
import { randomBytes } from "node:crypto";
import { resolve } from "node:path";
import { succeed } from "./run";
import { limitMs } from "./settings";

/** A value that is nowhere else. */
export function canary(): string {
  return `canary-${randomBytes(18).toString("hex")}`;
}

/** The forms in which a secret might stand somewhere: as it is, and in base64 wherever in a text it begins. */
export function formsOf(secret: string): string[] {
  const bytes = Buffer.from(secret);
  const encoded = [0, 1, 2].map((offset) => {
    const text = Buffer.concat([Buffer.alloc(offset), bytes]).toString("base64");
    // Without the characters that its neighbours have a share in.
    return text.slice(Math.ceil((offset * 8) / 6), Math.floor(((offset + bytes.length) * 8) / 6));
  });
  return [secret, ...encoded];
}

/** How often all argument lists were read, and those that held a secret. */
export interface Watched {
  readonly passes: number;
  readonly found: readonly string[];
}

/** Reads the argument lists of all processes, over and over, while work is done. */
export async function watchProcesses(patterns: readonly string[], work: () => Promise<void>): Promise<Watched> {
  const child = fork(resolve(__dirname, "canaryWatch.cjs"), { execArgv: [] });
  const next = (): Promise<Watched> => new Promise((done) => child.once("message", done));
  try {
    const ready = next();
    // By its channel: an argument would be found by itself.
    child.send(patterns);
    await ready;
    await work();
    const result = next();
    child.send("end");
    return await result;
  } finally {
    child.kill();
  }
}

/** The files of this machine, changed since a moment, that hold one of the patterns. */
export async function filesWith(
  patterns: readonly string[],
  since: Date,
  except: readonly string[],
): Promise<string[]> {
  const left = except.map((path) => `-path '${path}' -prune -o`).join(" ");
  const find = `find / -xdev ${left} -type f -newermt '${since.toISOString()}' -print0 2>/dev/null`;
  // The patterns come by a pipe, so that no file holds them.
  // Lines end at NUL: one of a disk's empty gigabytes would be held in memory whole, and where there is none grep gives up.
  // xargs may start several greps, so each reads a pipe of its own: an empty one would match nothing.
  const script = `${find} | xargs -0r bash -c 'grep -lazF -f <(printf "%s\\n" "$PATTERNS") -- "$@" || :' grep`;
  const env = { ...process.env, PATTERNS: patterns.join("\n") };
  const out = await succeed(["bash", "-c", script], { env, limit: limitMs(300) });
  return out.split("\n").filter((line) => line !== "");
}
