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

/** What a fleet will need of its droplet; looked at before anything there is changed. */
export const snapshotNeeds = z.object({
  /** A guest's memory in MiB; 0 where the snapshot alone knows it. */
  memory: z.number().int().nonnegative().default(0),
  /** Files that must be there, with the config key that names each. */
  files: z.array(z.object({ path: absolutePath, key: z.string() })).default([]),
  /** The file that every clone gets a copy of; empty where the snapshot alone knows it. */
  disk: z.string().default(""),
  /** The folder of a snapshot that is there already; empty where it will be made. */
  snapshot: z.string().default(""),
  /** A boot makes the snapshot: room for memory, disk and kernel of one more VM. */
  boots: z.boolean().default(false),
  /** It is to be brought from another droplet. */
  transfer: z.boolean().default(false),
  /** The droplet that it is to be brought from, and the only digest that will do. */
  from: fromSource.optional(),
  digest: snapshotArguments.digest,
  /** Who may sign the manifest of what is brought. */
  signers: snapshotArguments.signers,
  /** A CPU that lacks features of the one that the snapshot was made on is a fault, not a warning. */
  requireCpuFeatures: snapshotArguments.requireCpuFeatures,
  /** How guests are told who they are, and whether Hornet's service in them is to run the agent. */
  identity: vmArguments.identity,
  agentCommand: z.boolean().default(false),
  /** How many clones may be down at once while they move to another snapshot. */
  maxUnavailable: vmArguments.maxUnavailable,
});

/** See {@link snapshotNeeds}. */
export type SnapshotNeeds = z.infer<typeof snapshotNeeds>;

/** What was found out before the droplet's own facts are there, and what these have to tell yet. */
export interface Sighting {
  /** Paths whose `file.` fact {@link outlookFrom} needs. */
  readonly paths: readonly string[];
  readonly manifest?: Manifest | undefined;
  /** Of the manifest; clones that run another one will move to it. */
  readonly digest?: string | undefined;
  /** The clones' disk on the droplet; empty where it is still to come. */
  readonly disk: string;
  /** The memory and the state file of a snapshot without a manifest. */
  readonly memoryFile?: string | undefined;
  readonly stateFile?: string | undefined;
  /** The files of a snapshot on another droplet, by name. */
  readonly elsewhere?: ReadonlyMap<string, FileSize> | undefined;
  readonly warnings: readonly string[];
  /** Why it is not to be brought. */
  readonly faults?: readonly string[] | undefined;
}

interface FileSize {
  /** bytes */
  readonly size: number;
  /** KiB of its content, without its zeros. */
  readonly content: number;
  /** The fleet's droplet has none of that digest. */
  readonly missing: boolean;
}

/**
 * Looks for the snapshot that a fleet will run: on its droplet, or on the one that it comes from.
 *
 * @param dir the folder of the artifacts on the fleet's droplet
 * @param sessionWith the session with the droplet that the snapshot comes from
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
    // Whoever brings it says in full what is wrong there, and a snapshot that needs nothing more is not held up by this.
    const why = messageOf(error).split("\n")[0] ?? "";
    return { paths: [], disk: "", warnings: [`what the snapshot needs cannot be told: ${why}`] };
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
  // A folder of the old layout has no manifest; its files tell the sizes, and nothing of versions.
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

/** What a snapshot will ask of the droplet, with what the droplet's facts tell of its files. */
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
    // The clones copy the artifact's disk, which will lie in the artifacts' folder; one of an earlier boot may do.
    const parts = needs.files.reduce((sum, { path }) => sum + contentKib(facts, path), 0);
    const known = Number(facts.get("artifacts") ?? 0) > 0;
    return { memory, disk: contentKib(facts, disk), arriving: known ? 0 : parts + memory * 1024 };
  }
  const device = disk === "" ? undefined : (facts.get(`file.${disk}`) ?? "").split(" ")[3];
  return { made, described, memory, disk: contentKib(facts, disk), device, arriving: 0 };
}
