import { createInterface } from "node:readline";
import { Transform, type TransformCallback } from "node:stream";
import { pipeline } from "node:stream/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { manifestDigest, manifestSchema, type Manifest } from "../firecracker/manifest";
import { ConnectionError } from "../host/errors";
import type { Session } from "../host/session";
import { readManifest } from "./artifactPath";
import { progressLine } from "./transferProgress";

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
}

/** What it cost. */
export interface Transferred {
  /** Bytes that went over the wire, compressed. */
  readonly sent: number;
  readonly ms: number;
}

/** How often progress is said, in ms. */
const SAID_EVERY = 2000;
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
      const rest = await remaining(wanted, here);
      if (rest.length === 0) break;
      const now = rest.reduce((sum, { name, offset }) => sum + sizeOf(wanted.manifest, name) - offset, 0);
      idle = now < missing ? 0 : idle + 1;
      missing = now;
      await send(wanted, rest, (bytes) => (sent += bytes), begun);
      break;
    } catch (error) {
      if (!(error instanceof ConnectionError) || idle >= PATIENCE) throw error;
      console.error(`${error.message.split("\n")[0] ?? ""}; going on from where it was`);
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

/** Files that the target has under another artifact: `name path`. */
async function held({ target, vars, manifest }: Transfer): Promise<string[]> {
  const folders = await manifestsOn(target, vars.dir_of_artifacts ?? "");
  const paths = new Map(
    [...folders].flatMap(([folder, other]) =>
      Object.entries(other.files).map(([name, { sha256 }]): [string, string] => [sha256, `${folder}/${name}`]),
    ),
  );
  return Object.entries(manifest.files).flatMap(([name, { sha256 }]) => {
    const path = paths.get(sha256);
    return path === undefined ? [] : [`${name} ${path}`];
  });
}

/** The artifacts below a folder of a droplet: folder → manifest. What is no manifest of Hornet's is left out. */
export async function manifestsOn(session: Session, dir: string): Promise<Map<string, Manifest>> {
  const vars = { dir_of_artifacts: dir };
  const text = await session.call({ what: "list the snapshots", run: "list_manifests", vars });
  const entries = text.split("\n").flatMap((line): [string, Manifest][] => {
    const [name = "", encoded = ""] = line.split(" ");
    const content = Buffer.from(encoded, "base64").toString("utf8");
    if (encoded === "" || manifestDigest(content) !== `sha256:${name}`) return [];
    const parsed = manifestSchema.safeParse(JSON.parse(content));
    return parsed.success ? [[`${dir}/${name}`, parsed.data]] : [];
  });
  return new Map(entries);
}

interface Part {
  readonly name: string;
  readonly offset: number;
}

/** What is still to be sent, the biggest first: its digest is made while the others are under way. */
async function remaining({ target, vars, manifest }: Transfer, here: readonly string[]): Promise<Part[]> {
  const answer = await target.call({
    what: "receive a snapshot",
    run: "begin_receive",
    vars,
    stdin: lines(here),
    patience: 10,
  });
  const said = answer.split("\n").map((line) => line.split(" "));
  const whole = new Set(said.filter(([word]) => word === "have").map(([, name]) => name));
  return Object.entries(manifest.files)
    .sort(([, one], [, other]) => other.size - one.size)
    .filter(([name]) => !whole.has(name))
    .map(([name]) => ({ name, offset: Number(said.find(([word]) => word === name)?.[1] ?? 0) }));
}

async function send(
  { source, folder, elsewhere = {}, target, vars, manifest }: Transfer,
  parts: readonly Part[],
  count: (bytes: number) => void,
  begun: number,
): Promise<void> {
  const what = "transfer a snapshot";
  const files = parts.map(({ name, offset }) => `${offset} ${name} ${elsewhere[name] ?? `${folder}/${name}`}`);
  const from = await source.stream({ what, run: "send_files", vars: { files: files.join("\n") } });
  const to = await target.stream({ what, run: "receive_files", vars });
  const total = Object.values(manifest.files).reduce((sum, { size }) => sum + size, 0);
  const progress = { sent: 0, there: total - parts.reduce((sum, part) => sum + sizeOf(manifest, part.name), 0) };
  const done = new Map<string, number>(parts.map(({ name, offset }) => [name, offset]));
  createInterface({ input: to.output }).on("line", (line) => {
    const [name = "", at = ""] = line.split(" ");
    if (done.has(name)) done.set(name, Number(at));
  });
  const meter = new Transform({
    transform(chunk: Buffer, _encoding, next: TransformCallback) {
      progress.sent += chunk.length;
      count(chunk.length);
      next(null, chunk);
    },
  });
  const tick = setInterval(() => {
    const there = progress.there + [...done.values()].reduce((sum, at) => sum + at, 0);
    console.error(`from ${source.name}: ${progressLine({ ...progress, there, total, elapsed: Date.now() - begun })}`);
  }, SAID_EVERY);
  let cause: unknown;
  const ended = (error: unknown): void => void (cause ??= error);
  try {
    // The end of either ends both: the receiver keeps what came until then. The first to fail says why.
    await Promise.all([
      pipeline(from.output, meter, to.input).catch(() => to.input.end()),
      from.ended.catch(ended).finally(() => from.output.resume()),
      to.ended.catch((error: unknown) => {
        ended(error);
        from.kill();
      }),
    ]);
  } finally {
    clearInterval(tick);
  }
  if (cause !== undefined) throw cause as Error;
}

function sizeOf(manifest: Manifest, name: string): number {
  return manifest.files[name]?.size ?? 0;
}

function lines(all: readonly string[]): string {
  return all.map((line) => `${line}\n`).join("");
}
