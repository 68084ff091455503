import { setTimeout as sleep } from "node:timers/promises";
import type { Manifest } from "../firecracker/manifest";
import { ConnectionError } from "../host/errors";
import type { Session } from "../host/session";
import { artifactsThat } from "./artifactByKey";
import { readManifest } from "./manifests";
import { sendFiles, sizeOf, type Part } from "./transferStream";
import { report } from "../host/printable";

/** What is to come from where. */
export interface Transfer {
  readonly source: Session;
  /** The artifact's folder there, and the files of it that lie elsewhere: name → path. */
  readonly folder: string;
  readonly elsewhere?: Readonly<Record<string, string>>;
  readonly target: Session;
  /** The variables that name the draft on the target: namespace, owner, dir_of_artifacts, digest. */
  readonly vars: Readonly<Record<string, string>>;
  readonly manifest: Manifest;
  /** Files of it that the target has already in a damaged one of the same digest: name → path. */
  readonly sound?: ReadonlyMap<string, string>;
}

/** What it cost. */
export interface Transferred {
  /** Bytes that came over the wire, compressed; those of earlier attempts that were cut off included. */
  readonly sent: number;
  readonly ms: number;
}

/** After so many breaks without a byte of progress in between it is given up. */
const PATIENCE = 5;

/**
 * Brings an artifact's files from droplet to droplet through this machine: what is not zero of them, compressed, in one
 * stream. What the target holds already is not sent; after a broken connection it goes on from where it was.
 *
 * @throws HornetError with the file's name where what arrived is not what the manifest says
 */
export async function transfer(wanted: Transfer): Promise<Transferred> {
  const begun = Date.now();
  // Connecting takes as long as much of the rest; the two go on beside each other.
  const [here] = await Promise.all([held(wanted), readManifest(wanted.source, wanted.folder)]);
  let sent = 0;
  let idle = 0;
  let missing = Infinity;
  for (;;) {
    try {
      const { rest, received } = await remaining(wanted, here);
      sent = received;
      if (rest.length === 0) break;
      const now = rest.reduce((sum, { name, offset }) => sum + sizeOf(wanted.manifest, name) - offset, 0);
      idle = now < missing ? 0 : idle + 1;
      missing = now;
      sent = await sendFiles(wanted, rest, { received, begun });
      break;
    } catch (error) {
      if (!(error instanceof ConnectionError) || idle >= PATIENCE) throw error;
      report(`${error.message.split("\n")[0] ?? ""}; going on from where it was`);
      await sleep(500 * 2 ** idle);
    }
  }
  const { target, vars, manifest } = wanted;
  await target.call({
    what: `verify the snapshot ${vars.digest ?? ""}`,
    run: "verify_receive",
    vars,
    stdin: lines(Object.entries(manifest.files).map(([name, { sha256 }]) => `${sha256} ${name}`)),
    patience: 60,
  });
  return { sent, ms: Date.now() - begun };
}

/** Files that the target has already: `name path`. */
async function held({ target, vars, manifest, sound }: Transfer): Promise<string[]> {
  const folders = await manifestsOn(target, vars.dir_of_artifacts ?? "");
  const paths = new Map(
    [...folders].flatMap(([folder, other]) =>
      Object.entries(other.files).map(([name, { sha256 }]): [string, string] => [sha256, `${folder}/${name}`]),
    ),
  );
  return Object.entries(manifest.files).flatMap(([name, { sha256 }]) => {
    const path = sound?.get(name) ?? paths.get(sha256);
    return path === undefined ? [] : [`${name} ${path}`];
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
    patience: 10,
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
