import { createInterface } from "node:readline";
import type { Manifest } from "../firecracker/manifest";
import { CommandError, ConnectionError } from "../host/errors";
import type { Transfer } from "./artifactTransfer";
import { progressLine } from "./transferProgress";
import { report } from "../host/printable";

/** A file that is to be sent, from this offset on. */
export interface Part {
  readonly name: string;
  readonly offset: number;
}

/** What went before. */
export interface Before {
  /** Bytes that came over the wire in earlier attempts. */
  readonly received: number;
  /** When the first attempt began, in ms. */
  readonly begun: number;
}

/** How often progress is said, in ms. */
const SAID_EVERY = 2000;
/** The receiver's exit code where the stream was cut off (library/transfer.sh). */
const CUT_OFF = 75;

/**
 * Sends files from droplet to droplet. The bytes go from one ssh into the other, past this process, which would cost as
 * much CPU as to encrypt them; the receiver tells how many they were.
 *
 * @returns bytes that came over the wire, those of earlier attempts included
 * @throws ConnectionError where a droplet was lost, CommandError where one of them failed
 */
export async function sendFiles(
  { source, folder, elsewhere = {}, target, vars, manifest }: Transfer,
  parts: readonly Part[],
  before: Before,
): Promise<number> {
  const what = "transfer a snapshot";
  const files = parts.map(({ name, offset }) => `${offset} ${name} ${elsewhere[name] ?? `${folder}/${name}`}`);
  const to = await target.stream({ what, run: "receive_files", vars });
  const from = await source.stream({ what, run: "send_files", vars: { files: files.join("\n") } }, to);
  const all = Object.keys(manifest.files);
  const total = all.reduce((sum, name) => sum + sizeOf(manifest, name), 0);
  const done = new Map(
    all.map((name) => [name, parts.find((part) => part.name === name)?.offset ?? sizeOf(manifest, name)]),
  );
  let sent = before.received;
  createInterface({ input: to.output }).on("line", (line) => {
    // Beside the receiver a login shell may say something.
    const [, name = "", at, received] = /^(\S+) (\d+) (\d+)$/.exec(line) ?? [];
    if (received === undefined) return;
    if (done.has(name)) done.set(name, Number(at));
    sent = Number(received);
  });
  const tick = setInterval(() => {
    const there = [...done.values()].reduce((sum, at) => sum + at, 0);
    const now = { there, total, sent, elapsed: Date.now() - before.begun };
    report(`from ${source.name}: ${progressLine(now)}`);
  }, SAID_EVERY);
  try {
    // The end of the sender ends the receiver, which keeps what came until then.
    const receiver = to.ended.catch((error: unknown) => {
      // What was cut off has no sender any more, whose own end tells why: killed, it would tell of that.
      if (!isCutOff(error)) from.kill();
      throw error;
    });
    const [received, given] = await Promise.allSettled([receiver, from.ended]);
    const reasons = [received, given].flatMap((one): unknown[] => (one.status === "rejected" ? [one.reason] : []));
    if (reasons.length > 0) throw cause(reasons);
    return sent;
  } finally {
    clearInterval(tick);
  }
}

/** A file's size in bytes. */
export function sizeOf(manifest: Manifest, name: string): number {
  return manifest.files[name]?.size ?? 0;
}

/** Of the failures of both ends the one that is not for the other's sake; the receiver's comes first. */
function cause(reasons: readonly unknown[]): unknown {
  const lost = reasons.find((reason) => reason instanceof ConnectionError);
  const own = reasons.find((reason) => !isCutOff(reason));
  return lost ?? own ?? reasons[0];
}

function isCutOff(reason: unknown): boolean {
  return reason instanceof CommandError && reason.failure.code === CUT_OFF;
}
