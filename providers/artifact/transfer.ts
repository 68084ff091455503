import { setTimeout as sleep } from "node:timers/promises";
import type { Manifest } from "../../firecracker/manifest";
import { ConnectionError, HornetError } from "../../host/errors";
import type { Session } from "../../host/session/session";
import { artifactsThat } from "./byKey";
import { parseHashes, type FileMarks } from "./files";
import { cleanUpAfter } from "../kit/cleanUpAfter";
import { readManifest } from "./manifests";
import { isOverdue, limitsOf } from "./transferLimits";
import { sendFiles, sizeOf, type Part, type Transfer } from "./transferStream";
import { report } from "../../host/printable";

/** The result of a transfer. */
export interface Transferred {
  /** Compressed bytes that were received, including those of earlier attempts that were cut off. */
  readonly sent: number;
  readonly ms: number;
  /** Size, mtime and inode of the files by name, as they were when their digests were computed. */
  readonly marks: FileMarks;
}

/** The transfer fails after so many lost connections without progress. */
const PATIENCE = 5;

/**
 * Copies an artifact's files from droplet to droplet through this machine: their nonzero parts, compressed, in one stream. It
 * does not send files that the target has; after a lost connection it continues where it was.
 *
 * The source may be hostile. The target accepts only the manifest's files at their sizes, each once, and computes every digest
 * from its disk after the last byte. A failed transfer leaves nothing; one that lost a connection leaves its draft for the
 * next attempt.
 *
 * @throws HornetError with the names of the source and of a file that differs from the manifest
 */
export async function transfer(desired: Transfer): Promise<Transferred> {
  const begun = Date.now();
  return cleanUpAfter(
    async () => {
      // Connects to both droplets at once, because connecting takes a large part of the time.
      const [here] = await Promise.all([held(desired), readManifest(desired.source, desired.folder)]);
      const sent = await receive(desired, here, begun);
      const marks = await verify(desired);
      return { sent, ms: Date.now() - begun, marks };
    },
    async (failure) => {
      if (!(failure instanceof ConnectionError)) await discard(desired);
    },
  );
}

/** Fills the draft on the target; returns the received bytes. */
async function receive(desired: Transfer, here: readonly string[], begun: number): Promise<number> {
  const { source, target, manifest } = desired;
  const total = Object.values(manifest.files).reduce((sum, { size }) => sum + size, 0);
  let idle = 0;
  let missing = Infinity;
  for (;;) {
    try {
      const { rest, received } = await remaining(desired, here);
      if (rest.length === 0) return received;
      const now = rest.reduce((sum, { name, offset }) => sum + sizeOf(manifest, name) - offset, 0);
      idle = now < missing ? 0 : idle + 1;
      missing = now;
      return await sendFiles(desired, rest, { received, begun });
    } catch (error) {
      if (!(error instanceof ConnectionError) || idle >= PATIENCE) throw error;
      // A source that ends the connection after every byte would block the transfer for ever.
      if (Number.isFinite(missing) && isOverdue(limitsOf(target), Date.now() - begun, total - missing)) {
        throw new HornetError(`${source.name} breaks off the transfer of a snapshot again and again: ${error.message}`);
      }
      report(`${error.message.split("\n")[0] ?? ""}; the transfer continues`);
      await sleep(500 * 2 ** idle);
    }
  }
}

/** Compares every file of the draft with the manifest. */
async function verify({ source, target, vars, manifest }: Transfer): Promise<FileMarks> {
  const answer = await target.call({
    what: `verify the snapshot ${vars.digest} that came from ${source.name}`,
    run: "verify_receive",
    vars,
    stdin: lines(Object.entries(manifest.files).map(([name, { sha256 }]) => `${sha256} ${name}`)),
    patience: 60,
  });
  const hashes = [...parseHashes(answer)];
  return Object.fromEntries(hashes.map(([path, { marks }]) => [path.slice(path.lastIndexOf("/") + 1), marks]));
}

async function discard({ target, vars }: Transfer): Promise<void> {
  await target.call({ what: "remove what a transfer has left", run: "abort_receive", vars });
}

/** Files that the target probably has: `sha256 name path`. */
async function held({ target, vars, manifest, sound }: Transfer): Promise<string[]> {
  const folders = await manifestsOn(target, vars.dir_of_artifacts);
  const paths = new Map(
    [...folders].flatMap(([folder, other]) =>
      Object.entries(other.files).map(([name, { sha256 }]): [string, string] => [sha256, `${folder}/${name}`]),
    ),
  );
  return Object.entries(manifest.files).flatMap(([name, { sha256 }]) => {
    const path = sound?.get(name) ?? paths.get(sha256);
    return path === undefined ? [] : [`${sha256} ${name} ${path}`];
  });
}

/** The artifacts below a folder of a droplet: folder → manifest. */
export async function manifestsOn(session: Session, dir: string): Promise<Map<string, Manifest>> {
  const all = await artifactsThat(session, dir, () => true);
  return new Map(all.map(({ folder, manifest }) => [folder, manifest]));
}

interface Remaining {
  /** The parts still to send, the biggest first. */
  readonly rest: readonly Part[];
  /** Bytes received for the parts that are there. */
  readonly received: number;
}

async function remaining({ target, vars, manifest }: Transfer, here: readonly string[]): Promise<Remaining> {
  const answer = await target.call({
    what: "receive a snapshot",
    run: "begin_receive",
    vars,
    stdin: lines(here),
    // It hashes files that are here.
    patience: 60,
  });
  const rows = answer.split("\n").map((line) => line.split(" "));
  const valueOf = (name: string): number => Number(rows.find(([word]) => word === name)?.[1] ?? 0);
  const whole = new Set(rows.filter(([word]) => word === "have").map(([, name]) => name));
  const rest = Object.entries(manifest.files)
    .sort(([, one], [, other]) => other.size - one.size)
    .filter(([name]) => !whole.has(name))
    .map(([name]) => ({ name, offset: valueOf(name) }));
  return { rest, received: valueOf("received") };
}

function lines(all: readonly string[]): string {
  return all.map((line) => `${line}\n`).join("");
}
