import { setTimeout as sleep } from "node:timers/promises";
import type { Manifest } from "../../firecracker/manifest";
import type { Session } from "../../host/session/session";
import { CommandError, HornetError } from "../../host/errors";
import { readLines } from "../../host/session/lines";
import type { ByteStream } from "../../host/session/stream";
import { limitsOf } from "./transferLimits";
import { progressLine } from "./transferProgress";
import { report } from "../../host/printable";

/** An artifact that Hornet copies from one droplet to another. */
export interface Transfer {
  readonly source: Session;
  /** The artifact's folder there, and its files outside of it: name → path. */
  readonly folder: string;
  readonly elsewhere?: Readonly<Record<string, string>>;
  readonly target: Session;
  /** The variables that name the draft on the target. */
  readonly vars: Readonly<Record<"namespace" | "owner" | "dir_of_artifacts" | "digest", string>>;
  readonly manifest: Manifest;
  /** Undamaged files of a damaged artifact of the same digest on the target: name → path. */
  readonly sound?: ReadonlyMap<string, string>;
}

/** A file to send, from this offset on. */
export interface Part {
  readonly name: string;
  readonly offset: number;
}

/** Earlier attempts. */
export interface Before {
  /** Bytes that they received. */
  readonly received: number;
  /** When the first attempt began, in ms. */
  readonly begun: number;
}

/** Interval of the progress reports, in ms. */
const REPORT_EVERY = 2000;
/** The receiver's exit codes: the stream was cut off, or contains forbidden data (droplet/artifact/unpack.pl). */
const CUT_OFF = 75;
const REFUSED = 76;
/** ms in which the source may report why its stream broke. */
const LAST_WORDS = 5000;

/**
 * Sends files from droplet to droplet. One ssh writes directly to the other, because passing the bytes through this process
 * would cost as much CPU as encrypting them; the receiver reports their number.
 *
 * @returns bytes received, including earlier attempts
 * @throws ConnectionError if a connection was lost, HornetError if the source sent wrong data or one of them failed
 */
export async function sendFiles(
  { source, folder, elsewhere = {}, target, vars, manifest }: Transfer,
  parts: readonly Part[],
  before: Before,
): Promise<number> {
  const what = "transfer a snapshot";
  const { stall, grace, rate } = limitsOf(target);
  const files = parts.map(({ name, offset }) => `${offset} ${name} ${elsewhere[name] ?? `${folder}/${name}`}`);
  // The receiver knows all allowed data before the first byte.
  const expected = parts.map(({ name, offset }) => `${offset} ${sizeOf(manifest, name)} ${name}`);
  const limits = { stall: String(stall), grace: String(grace), rate: String(rate) };
  const to = await target.stream({
    what,
    run: "receive_files",
    vars: { ...vars, ...limits, files: expected.join("\n") },
  });
  const from = await source
    .stream({ what, run: "send_files", vars: { files: files.join("\n"), life: String(Math.ceil(stall / 4)) } }, to)
    .catch((error: unknown) => {
      to.kill();
      throw error;
    });
  const all = Object.keys(manifest.files);
  const total = all.reduce((sum, name) => sum + sizeOf(manifest, name), 0);
  const done = new Map(
    all.map((name) => [name, parts.find((part) => part.name === name)?.offset ?? sizeOf(manifest, name)]),
  );
  let sent = before.received;
  readLines(to.output, (line) => {
    // A login shell may print further lines.
    const [, name = "", at, received] = /^(\S+) (\d+) (\d+)$/.exec(line) ?? [];
    if (received === undefined) return;
    if (done.has(name)) done.set(name, Number(at));
    sent = Number(received);
  });
  const tick = setInterval(() => {
    const there = [...done.values()].reduce((sum, at) => sum + at, 0);
    const now = { there, total, sent, elapsed: Date.now() - before.begun };
    report(`from ${source.name}: ${progressLine(now)}`);
  }, REPORT_EVERY);
  try {
    await bothEnds(to, from, source.name);
    return sent;
  } finally {
    clearInterval(tick);
  }
}

/** Waits for both ends. The receiver's result counts; the source's failure only explains a broken stream. */
async function bothEnds(to: ByteStream, from: ByteStream, source: string): Promise<void> {
  const given = failureOf(from);
  const verdict = await failureOf(to);
  // A hostile source never ends, and a shared connection keeps its session open even when its ssh is killed.
  const mayExplain = verdict !== undefined && codeOf(verdict) === CUT_OFF;
  const why = mayExplain ? await Promise.race([given, sleep(LAST_WORDS, undefined, { ref: false })]) : undefined;
  from.kill();
  if (verdict === undefined) return;
  const words = verdict instanceof CommandError ? verdict.failure.stderr.trim() : "";
  if (codeOf(verdict) === REFUSED) {
    throw new HornetError(`the snapshot from ${source} was refused: that droplet ${words}. Nothing of it was kept`, {
      next: `look at the files on ${source}`,
    });
  }
  if (codeOf(verdict) !== CUT_OFF) throw verdict;
  throw (
    why ??
    new HornetError(`the snapshot from ${source} is not complete: ${words}`, { next: `look at the files on ${source}` })
  );
}

/** A file's size in bytes. */
export function sizeOf(manifest: Manifest, name: string): number {
  return manifest.files[name]?.size ?? 0;
}

/** Why a stream failed, once it has ended; undefined if it succeeded. */
function failureOf({ ended }: ByteStream): Promise<Error | undefined> {
  return ended.then(
    () => undefined,
    (error: unknown) => (error instanceof Error ? error : new Error(String(error))),
  );
}

function codeOf(reason: unknown): number | null {
  return reason instanceof CommandError ? reason.failure.code : null;
}
