/** Looks for secrets where they must not be: in argument lists, in files. */
import { fork } from "node:child_process";
import { randomBytes } from "node:crypto";
import { resolve } from "node:path";
import { succeed } from "./run";
import { limitMs } from "./settings";

/** A unique value. */
export function canary(): string {
  return `canary-${randomBytes(18).toString("hex")}`;
}

/** The forms of a secret to search for: plain, and in base64 at each of the three alignments. */
export function formsOf(secret: string): string[] {
  const bytes = Buffer.from(secret);
  const encoded = [0, 1, 2].map((offset) => {
    const text = Buffer.concat([Buffer.alloc(offset), bytes]).toString("base64");
    // Without the characters that also encode neighbouring bytes.
    return text.slice(Math.ceil((offset * 8) / 6), Math.floor(((offset + bytes.length) * 8) / 6));
  });
  return [secret, ...encoded];
}

/** The number of rounds over all argument lists, and those with a secret. */
export interface Watched {
  readonly passes: number;
  readonly found: readonly string[];
}

/** Reads the argument lists of all processes repeatedly while work runs. */
export async function watchProcesses(patterns: readonly string[], work: () => Promise<void>): Promise<Watched> {
  const child = fork(resolve(__dirname, "canaryWatch.cjs"), { execArgv: [] });
  const next = (): Promise<Watched> => new Promise((done) => child.once("message", done));
  try {
    const ready = next();
    // Through the channel: in an argument the watcher would find it.
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

/** The files of this machine that changed since a moment and contain one of the patterns. */
export async function filesWith(
  patterns: readonly string[],
  since: Date,
  except: readonly string[],
): Promise<string[]> {
  const left = except.map((path) => `-path '${path}' -prune -o`).join(" ");
  const find = `find / -xdev ${left} -type f -newermt '${since.toISOString()}' -print0 2>/dev/null`;
  // Through a pipe, so that no file contains the patterns.
  // Lines end at NUL: otherwise grep would hold a disk's empty gigabytes in memory as one line, and fail.
  // xargs may start several greps, so each gets its own pipe: an empty one would match nothing.
  const script = `${find} | xargs -0r bash -c 'grep -lazF -f <(printf "%s\\n" "$PATTERNS") -- "$@" || :' grep`;
  const env = { ...process.env, PATTERNS: patterns.join("\n") };
  const out = await succeed(["bash", "-c", script], { env, limit: limitMs(300) });
  return out.split("\n").filter((line) => line !== "");
}
