import { ARTIFACT, artifactPaths } from "../../model/layout";
import { createHash } from "node:crypto";
import { manifestText, undeclaredFiles, type Manifest } from "../../firecracker/manifest";
import { HornetError } from "../../host/errors";
import type { Session } from "../../host/session/session";
import type { Found } from "./fromBoot";
import { detectIdentity } from "./detectIdentity";
import {
  changedSince,
  describeHost,
  hashFiles,
  inspectFiles,
  refuseIrregular,
  type FileDigest,
  type FileMarks,
} from "./files";
import type { ArtifactInputs } from "./inputs";
import { refusePrivate } from "./privateDisks";
import { trialLoad } from "./trial";
import type { Droplet } from "../operation/droplet";
import { parseManifest, readManifest } from "./manifests";
import { fittingProgram, headOf } from "../vm/programs";

/** An existing artifact on the droplet. Examines a folder without a manifest (state and memory files, maybe a disk). */
export async function artifactAt(droplet: Droplet, desired: ArtifactInputs, path: string): Promise<Found> {
  const { session } = droplet;
  const begun = Date.now();
  const text = await readManifest(session, path);
  if (text !== "") {
    const manifest = parseManifest(text, path);
    const marks = await verifyFiles(session, path, manifest);
    return { folder: path, text, manifest, given: true, marks, timings: { examine: Date.now() - begun } };
  }
  const examined = await examine(droplet, desired, path);
  const timings = { examine: Date.now() - begun };
  return { folder: path, text: manifestText(examined.manifest), ...examined, given: true, timings };
}

/**
 * The marks of the files by name, as they were when their digests were computed.
 *
 * @throws HornetError that names a file whose digest differs from the manifest's
 */
async function verifyFiles(session: Session, path: string, manifest: Manifest): Promise<FileMarks> {
  const paths = Object.keys(manifest.files).map((name) => `${path}/${name}`);
  await refuseIrregular(session, paths);
  const hashes = await hashFiles(session, paths);
  for (const [name, { sha256 }] of Object.entries(manifest.files)) {
    const found = hashes.get(`${path}/${name}`)?.sha256;
    if (found === sha256) continue;
    throw new HornetError(
      `${path}/${name} on ${session.name} has the digest ${found ?? "none"}, and its manifest says ${sha256}: the file was changed`,
      { next: "transfer the snapshot again, or remove the manifest if the change is intended" },
    );
  }
  return Object.fromEntries(paths.map((file) => [file.slice(path.length + 1), hashes.get(file)?.marks ?? ""]));
}

interface Examined {
  readonly manifest: Manifest;
  /** Of its files by name, as they were when their digests were computed. */
  readonly marks: FileMarks;
  readonly elsewhere: Readonly<Record<string, string>>;
}

/** The files of a snapshot in a folder, with size, mtime and inode. Throws if the folder has no snapshot. */
export async function filesIn(session: Session, path: string): Promise<FileMarks> {
  const names = [ARTIFACT.state, ARTIFACT.memory, ARTIFACT.disk, ARTIFACT.kernel];
  const paths = names.map((name) => `${path}/${name}`);
  await refuseIrregular(session, paths);
  const marks = await inspectFiles(session, paths);
  for (const name of [ARTIFACT.state, ARTIFACT.memory]) {
    if (marks[`${path}/${name}`] === undefined) {
      throw new HornetError(
        `there is no ${name} in ${path} on ${session.name}: hornet:snapshot.path must be a folder with vm.snapshot, ` +
          "vm.mem and rootfs.ext4",
        { next: "name another folder, or let Hornet make a snapshot with hornet:snapshot.boot" },
      );
    }
  }
  return marks;
}

/**
 * Whether Hornet must resume the guest to see how it gets its identity. It need not if the config declares that. A declared
 * service is tried all the same if somebody waits for clones: a guest that shows that it has closed its metadata gets its
 * identity sooner.
 */
function triesGuest({ identity, readyTimeout }: ArtifactInputs): boolean {
  return identity === undefined || (identity === "service" && readyTimeout !== 0);
}

/**
 * Keys of the inputs of {@link examine}, the best first: a manifest with one of them is equivalent to a new one. If the config
 * declares the identity method, a manifest from before or after a trial of the guest will do: another method restarts no clone.
 */
export function bareKeys(desired: ArtifactInputs, path: string, hashes: ReadonlyMap<string, FileDigest>): string[] {
  const files = [...hashes].map(([file, { sha256 }]) => [file, sha256]).sort();
  const { guestAddress, tapAddress, guestInterface, identity } = desired;
  const named = guestInterface === undefined ? [] : [guestInterface];
  const examined = [path, files, guestAddress, tapAddress, ...named];
  const known = identity === undefined ? [examined] : [examined, [...examined, UNTRIED]];
  return known.map((key) => createHash("sha256").update(JSON.stringify(key)).digest("hex"));
}

/** Part of the key of a snapshot whose guest was not tried. Not null or a string: those are other parts. */
const UNTRIED = { tried: false };

/** Makes the manifest of a folder that has none. `at` is the newest file's time, because the real one is unknown. */
export async function examine(droplet: Droplet, desired: ArtifactInputs, path: string): Promise<Examined> {
  const { session } = droplet;
  const marks = await filesIn(session, path);
  const head = await headOf(session, artifactPaths(path).state);
  const program = await fittingProgram(droplet, desired.firecracker, head?.format ?? "");
  const host = await describeHost(session);
  const ownDisk = marks[artifactPaths(path).disk] !== undefined;
  const { version } = program;
  const memory = Math.ceil(Number(marks[artifactPaths(path).memory]?.split(" ")[0] ?? 0) / 1024 ** 2);
  const { mac, ...baked } = await trialLoad(droplet, desired, { path, program, ownDisk, memory });
  // A disk at the baked-in path is part of the artifact too, even outside of the folder.
  const atPath = !ownDisk && baked.diskPath !== "";
  const elsewhere: Record<string, string> = atPath ? { [ARTIFACT.disk]: baked.diskPath } : {};
  await refusePrivate(session, desired, [...undeclaredFiles(baked), ...Object.values(elsewhere)]);
  // Without metadata no service in the guest can wait for an identity.
  const isKnown = baked.devices.mmds === null;
  const identity =
    isKnown || !triesGuest(desired)
      ? { identity: "ssh" as const }
      : await detectIdentity(droplet, desired, { path, program, ownDisk, ...baked });
  await refuseIrregular(session, Object.values(elsewhere));
  const found = { ...marks, ...(await inspectFiles(session, Object.values(elsewhere))) };
  const hashes = await hashFiles(session, Object.keys(found));
  // The digests must be those of the files that the trial ran on.
  for (const [file, { marks: now }] of hashes) {
    if (found[file] !== now) throw changedSince(session, file);
  }
  const newest = Math.max(...Object.values(found).map((mark) => Number(mark.split(" ")[1] ?? 0)));
  const own = new Map([...hashes].filter(([file]) => marks[file] !== undefined));
  // A VM without a drive may have the image of its initrd in the folder.
  const parts = [...hashes].filter(([file]) => baked.diskPath !== "" || file !== artifactPaths(path).disk);
  const nameOf = (file: string): string => (marks[file] === undefined ? ARTIFACT.disk : file.slice(path.length + 1));
  const [tried = "", untried = ""] = bareKeys(desired, path, own);
  const key = isKnown || triesGuest(desired) ? tried : untried;
  const manifest = {
    format: 1 as const,
    files: Object.fromEntries(parts.map(([file, { sha256, size }]) => [nameOf(file), { sha256, size }])),
    firecracker: version,
    // The head of a file from before Firecracker 1.7 names no format.
    snapshotFormat: head === undefined || head.format === "" ? program.format : head.format,
    cpu: host.cpu,
    cpuFeatures: [...host.cpuFeatures],
    hostKernel: host.kernel,
    guest: { address: desired.guestAddress, mac, tap: desired.tapAddress },
    ...baked,
    ...identity,
    made: { at: new Date(newest * 1000).toISOString(), from: path, key },
  };
  const marked = Object.fromEntries([...hashes].map(([file, digest]) => [nameOf(file), digest.marks]));
  return { manifest, elsewhere, marks: marked };
}
