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

/** What it cost, and what came of it. */
export interface Transferred {
  /** Bytes that came over the wire, compressed; those of earlier attempts that were cut off included. */
  readonly sent: number;
  readonly ms: number;
  /** Size, mtime and inode of the files by name, as they were when their digests were computed. */
  readonly marks: FileMarks;
}

/** After so many breaks without a byte of progress in between it is given up. */
const PATIENCE = 5;

/**
 * Brings an artifact's files from droplet to droplet through this machine: what is not zero of them, compressed, in one
 * stream. What the target has already is not sent; after a broken connection the transfer goes on from where it was.
 *
 * The source may be hostile. The target takes only the manifest's files at their sizes, each once, and computes every digest
 * of what is on its disk after the last byte. A transfer that fails leaves nothing; one that lost a connection leaves what the
 * next attempt goes on from.
 *
 * @throws HornetError with the source's and the file's name where what arrived is not what the manifest says
 */
export async function transfer(wanted: Transfer): Promise<Transferred> {
  const begun = Date.now();
  return cleanUpAfter(
    async () => {
      // Connecting takes as long as much of the rest, so both droplets are reached at once.
      const [here] = await Promise.all([held(wanted), readManifest(wanted.source, wanted.folder)]);
      const sent = await receive(wanted, here, begun);
      const marks = await verify(wanted);
      return { sent, ms: Date.now() - begun, marks };
    },
    async (failure) => {
      if (!(failure instanceof ConnectionError)) await discard(wanted);
    },
  );
}

/** Fills the draft on the target; gives the bytes that it took. */
async function receive(wanted: Transfer, here: readonly string[], begun: number): Promise<number> {
  const { source, target, manifest } = wanted;
  const total = Object.values(manifest.files).reduce((sum, { size }) => sum + size, 0);
  let idle = 0;
  let missing = Infinity;
  for (;;) {
    try {
      const { rest, received } = await remaining(wanted, here);
      if (rest.length === 0) return received;
      const now = rest.reduce((sum, { name, offset }) => sum + sizeOf(manifest, name) - offset, 0);
      idle = now < missing ? 0 : idle + 1;
      missing = now;
      return await sendFiles(wanted, rest, { received, begun });
    } catch (error) {
      if (!(error instanceof ConnectionError) || idle >= PATIENCE) throw error;
      // A source that breaks the connection after every byte would hold the transfer up for ever.
      if (Number.isFinite(missing) && isOverdue(limitsOf(target), Date.now() - begun, total - missing)) {
        throw new HornetError(`${source.name} breaks off the transfer of a snapshot again and again: ${error.message}`);
      }
      report(`${error.message.split("\n")[0] ?? ""}; going on from where it was`);
      await sleep(500 * 2 ** idle);
    }
  }
}

/** Holds every file of the draft against the manifest. */
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

/** Files that the target should have already: `sha256 name path`. */
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

/** The artifacts below a folder of a droplet: folder → manifest. What is no manifest of Hornet's is left out. */
export async function manifestsOn(session: Session, dir: string): Promise<Map<string, Manifest>> {
  const all = await artifactsThat(session, dir, () => true);
  return new Map(all.map(({ folder, manifest }) => [folder, manifest]));
}

interface Remaining {
  /** What is still to be sent, the biggest first. */
  readonly rest: readonly Part[];
  /** Bytes that came over the wire for what is there. */
  readonly received: number;
}

async function remaining({ target, vars, manifest }: Transfer, here: readonly string[]): Promise<Remaining> {
  const answer = await target.call({
    what: "receive a snapshot",
    run: "begin_receive",
    vars,
    stdin: lines(here),
    // Files that are here are hashed.
    patience: 60,
  });
  const said = answer.split("\n").map((line) => line.split(" "));
  const valueOf = (name: string): number => Number(said.find(([word]) => word === name)?.[1] ?? 0);
  const whole = new Set(said.filter(([word]) => word === "have").map(([, name]) => name));
  const rest = Object.entries(manifest.files)
    .sort(([, one], [, other]) => other.size - one.size)
    .filter(([name]) => !whole.has(name))
    .map(([name]) => ({ name, offset: valueOf(name) }));
  return { rest, received: valueOf("received") };
}

function lines(all: readonly string[]): string {
  return all.map((line) => `${line}\n`).join("");
}
