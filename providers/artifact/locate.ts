import { ARTIFACT, artifactFolder, artifactPaths } from "../../model/layout";
import { dirname } from "node:path";
import { z } from "zod";
import { manifestDigest, type Manifest } from "../../firecracker/manifest";
import { readHead } from "../../firecracker/snapshotHead";
import { HornetError, messageOf } from "../../host/errors";
import type { Session } from "../../host/session/session";
import type { Connection } from "../../model/connection";
import { contentKib, type DropletFacts } from "../../plan/preflight/facts";
import type { Outlook } from "../../plan/preflight/needs";
import { fromSource } from "./inputs";
import { parseManifest, readManifest } from "./manifests";
import { manifestsOn } from "./transfer";
import { snapshotArguments } from "../../model/arguments/snapshot";
import { vmArguments } from "../../model/arguments/vm";
import { absolutePath } from "../../model/values";
import { whyUntrusted } from "./trust";

/** A fleet's needs, which Hornet checks before it changes anything on the droplet. */
export const snapshotNeeds = z.object({
  /** A guest's memory in MiB; 0 if only the snapshot shows it. */
  memory: z.number().int().nonnegative().default(0),
  /** Files that must exist, with the config key that names each. */
  files: z.array(z.object({ path: absolutePath, key: z.string() })).default([]),
  /** The file that Hornet copies for every clone; empty if only the snapshot shows it. */
  disk: z.string().default(""),
  /** The folder of an existing snapshot; empty if Hornet will make one. */
  snapshot: z.string().default(""),
  /** A boot makes the snapshot, which takes room for memory, disk and kernel of one more VM. */
  boots: z.boolean().default(false),
  /** Hornet transfers it from another droplet. */
  transfer: z.boolean().default(false),
  /** The droplet that it comes from, and the pinned digest. */
  from: fromSource.optional(),
  digest: snapshotArguments.digest,
  /** The accepted signers of a transferred manifest. */
  signers: snapshotArguments.signers,
  /** A CPU that lacks features of the snapshot's CPU is a fault, not a warning. */
  requireCpuFeatures: snapshotArguments.requireCpuFeatures,
  /** The identity method, and whether Hornet's service in the guests runs the agent. */
  identity: vmArguments.identity,
  agentCommand: z.boolean().default(false),
  /** Maximum of clones that may be down at once while they move to another snapshot. */
  maxUnavailable: vmArguments.maxUnavailable,
});

/** See {@link snapshotNeeds}. */
export type SnapshotNeeds = z.infer<typeof snapshotNeeds>;

/** The known facts about a snapshot before the droplet's facts are read, and the facts still needed. */
export interface Sighting {
  /** Paths whose `file.` fact {@link outlookFrom} needs. */
  readonly paths: readonly string[];
  readonly manifest?: Manifest | undefined;
  /** The manifest's digest; clones that run another one will move to it. */
  readonly digest?: string | undefined;
  /** The clones' disk on the droplet; empty if it is not there yet. */
  readonly disk: string;
  /** The memory and the state file of a snapshot without a manifest. */
  readonly memoryFile?: string | undefined;
  readonly stateFile?: string | undefined;
  /** The files of a snapshot on another droplet, by name. */
  readonly elsewhere?: ReadonlyMap<string, FileSize> | undefined;
  readonly warnings: readonly string[];
  /** Why Hornet refuses to transfer it. */
  readonly faults?: readonly string[] | undefined;
}

interface FileSize {
  /** bytes */
  readonly size: number;
  /** KiB of its content, without its zeros. */
  readonly content: number;
  /** The fleet's droplet has no file of that digest. */
  readonly missing: boolean;
}

/**
 * Looks for the snapshot that a fleet will run: on its droplet, or on the source droplet.
 *
 * @param dir the folder of the artifacts on the fleet's droplet
 * @param sessionWith the session with the source droplet
 */
export async function sightSnapshot(
  target: Session,
  needs: SnapshotNeeds,
  dir: string,
  sessionWith: (connection: Connection) => Session,
): Promise<Sighting> {
  const { from, snapshot, disk } = needs;
  if (snapshot !== "") return sightFolder(target, snapshot);
  if (from === undefined) return { paths: needs.files.map(({ path }) => path), disk, warnings: [] };
  const here = await manifestsOn(target, dir);
  const pinned = needs.digest === undefined ? undefined : artifactFolder(dir, needs.digest);
  if (pinned !== undefined && here.has(pinned)) return sightFolder(target, pinned);
  try {
    return await sightElsewhere(sessionWith(from.droplet), from, needs, here);
  } catch (error) {
    // The transfer reports the whole error, and a snapshot that needs no more room must not fail here.
    const why = messageOf(error).split("\n")[0] ?? "";
    return { paths: [], disk: "", warnings: [`the snapshot's needs are unknown: ${why}`] };
  }
}

async function sightFolder(session: Session, folder: string): Promise<Sighting> {
  const text = await readManifest(session, folder);
  if (text === "") {
    const [memoryFile, disk] = [artifactPaths(folder).memory, artifactPaths(folder).disk];
    return { paths: [memoryFile, disk], disk, memoryFile, stateFile: artifactPaths(folder).state, warnings: [] };
  }
  const manifest = parseManifest(text, folder);
  const disk = manifest.files[ARTIFACT.disk] === undefined ? manifest.diskPath : artifactPaths(folder).disk;
  return { paths: disk === "" ? [] : [disk], disk, manifest, digest: manifestDigest(text), warnings: [] };
}

async function sightElsewhere(
  source: Session,
  from: NonNullable<SnapshotNeeds["from"]>,
  { digest, signers }: SnapshotNeeds,
  here: ReadonlyMap<string, Manifest>,
): Promise<Sighting> {
  const { path } = from;
  const folders = digest === undefined ? [path] : [path, artifactFolder(dirname(path), digest)];
  for (const folder of folders) {
    const text = await readManifest(source, folder);
    if (text === "" || (digest !== undefined && manifestDigest(text) !== digest)) continue;
    const manifest = parseManifest(text, folder);
    const held = new Set([...here.values()].flatMap(({ files }) => Object.values(files).map(({ sha256 }) => sha256)));
    const missing = (name: string): boolean => !held.has(manifest.files[name]?.sha256 ?? "");
    const elsewhere = await sizesOf(source, folder, Object.keys(manifest.files), missing);
    const faults = await whyUntrusted({ source, from, folder, text }, signers);
    return { paths: [], disk: "", manifest, digest: manifestDigest(text), elsewhere, warnings: [], faults };
  }
  if (digest !== undefined && (await readManifest(source, path)) !== "") {
    throw new HornetError(`${source.name} has no snapshot ${digest} any more, in ${path} or beside it`);
  }
  // A folder of the old layout has no manifest; its files show the sizes, but no versions.
  const elsewhere = await sizesOf(source, path, [ARTIFACT.state, ARTIFACT.memory, ARTIFACT.disk], () => true);
  return { paths: [], disk: "", elsewhere, warnings: [] };
}

async function sizesOf(
  session: Session,
  folder: string,
  names: readonly string[],
  missing: (name: string) => boolean,
): Promise<Map<string, FileSize>> {
  const text = await session.call({
    what: "ask for the size of a snapshot",
    run: "allocated",
    vars: { folder },
    stdin: names.map((name) => `${name}\n`).join(""),
  });
  const rows = text.split("\n").filter((line) => line !== "");
  return new Map(
    rows.map((line): [string, FileSize] => {
      const [name = "", size, allocated] = line.split(" ");
      const content = Math.ceil(Math.min(Number(size), Number(allocated)) / 1024);
      return [name, { size: Number(size), content, missing: missing(name) }];
    }),
  );
}

/** A snapshot's needs, completed from the droplet's facts about its files. */
export function outlookFrom(facts: DropletFacts, needs: SnapshotNeeds, sighting: Sighting): Outlook {
  const { manifest, disk, memoryFile, stateFile, elsewhere } = sighting;
  const head = readHead(facts.get("head") ?? "");
  const described = stateFile === undefined ? undefined : { stateFile, head, said: facts.get("described") ?? "" };
  const made = manifest && { format: manifest.snapshotFormat, cpu: manifest.cpu, cpuFeatures: manifest.cpuFeatures };
  const bytesOf = (path: string): number => Number((facts.get(`file.${path}`) ?? "").split(" ")[0] ?? 0);
  const memoryBytes = elsewhere?.get(ARTIFACT.memory)?.size ?? (memoryFile === undefined ? 0 : bytesOf(memoryFile));
  const memory = manifest?.memory ?? (memoryBytes === 0 ? needs.memory : Math.ceil(memoryBytes / (1 << 20)));
  if (elsewhere !== undefined) {
    const coming = [...elsewhere.values()].filter(({ missing }) => missing);
    const arriving = coming.reduce((sum, { content }) => sum + content, 0);
    return { made, memory, disk: elsewhere.get(ARTIFACT.disk)?.content ?? 0, arriving };
  }
  if (needs.boots) {
    // The clones copy the artifact's disk, which will be in the artifacts' folder; an earlier boot's may match.
    const parts = needs.files.reduce((sum, { path }) => sum + contentKib(facts, path), 0);
    const known = Number(facts.get("artifacts") ?? 0) > 0;
    return { memory, disk: contentKib(facts, disk), arriving: known ? 0 : parts + memory * 1024 };
  }
  const device = disk === "" ? undefined : (facts.get(`file.${disk}`) ?? "").split(" ")[3];
  return { made, described, memory, disk: contentKib(facts, disk), device, arriving: 0 };
}
