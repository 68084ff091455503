import { ARTIFACT, artifactPaths } from "../../model/layout";
import { interfaceName } from "../../model/values";
import { requestLines } from "../../firecracker/api";
import type { Program } from "../../firecracker/programs";
import { loadRequest } from "../../firecracker/requests";
import { HornetError } from "../../host/errors";
import { bakedIn, type Baked } from "./bakedConfig";
import { inspectFiles } from "./files";
import { scratchLimits, scratchVars } from "./scratch";
import type { ArtifactInputs } from "./inputs";
import { cleanUpAfter } from "../kit/cleanUpAfter";
import type { Droplet } from "../operation/droplet";
import { jailVars } from "../vm/jail";

/** A folder without a manifest. */
interface Folder {
  readonly path: string;
  /** The Firecracker that fits the snapshot. */
  readonly program: Program;
  /** It has a `rootfs.ext4`. */
  readonly ownDisk: boolean;
  /** MiB of the guest's memory. */
  readonly memory: number;
}

/** What a VMM in a jail needs that the snapshot alone names; each failed load shows one more. */
interface Found {
  /** Paths of drives. */
  readonly missing: Set<string>;
  readonly taps: Set<string>;
  /** Kinds of droplet/artifact/baked.pl: the VMM's error does not name what it misses. */
  readonly seek: Set<string>;
}

/** More loads than a snapshot has devices whose host side a VMM may miss. */
const MOST_LOADS = 40;

/**
 * Loads the snapshot, paused, in a separate namespace and in a jail, and asks the VMM for its config. Its disk is missing there:
 * Firecracker's error ends with the baked-in path. With a file at that path the next load shows what else is missing.
 *
 * @throws HornetError with Firecracker's message, or with a device that clones cannot have
 */
export async function trialLoad(droplet: Droplet, desired: ArtifactInputs, folder: Folder): Promise<Baked> {
  const { session } = droplet;
  const { path, program, ownDisk } = folder;
  const vars = scratchVars(desired);
  const done = async (): Promise<void> => {
    await session.call({ what: "remove the VM of a trial", run: "scratch_done", vars });
  };
  return cleanUpAfter(async () => {
    const { answer, missing } = await load(droplet, desired, folder);
    const text = configIn(answer);
    if (text === undefined) throw cannotLoad(session.name, folder, answer);
    await done();
    const baked = bakedIn({ text, path, version: program.version, pci: isOnPci(answer) }, desired);
    if (ownDisk && missing !== undefined && baked.diskPath !== missing) {
      throw new HornetError(
        `the snapshot in ${path} has a further disk ${missing}, which is not on ${session.name}: ` +
          `${path}/${ARTIFACT.disk} is the clones' own disk, at ${baked.diskPath}`,
        { next: "put it there" },
      );
    }
    return baked;
  }, done);
}

/** The answer to the last load, and the path of a drive that is not on the droplet: it stands for the clones' own disk. */
async function load(
  droplet: Droplet,
  desired: ArtifactInputs,
  folder: Folder,
): Promise<{ readonly answer: string; readonly missing: string | undefined }> {
  const { session } = droplet;
  const { path, program, ownDisk, memory } = folder;
  const { state, memory: memoryPath, disk } = artifactPaths(path);
  const jail = await jailVars(droplet, desired, program, { shown: [state, memoryPath] });
  const isJailed = jail.jailer !== "";
  // The usual tap at once: each load that shows a need takes a third of a second.
  const found: Found = { missing: new Set(), taps: new Set([desired.tap]), seek: new Set() };
  let missing: string | undefined;
  const attempt = (): Promise<string> =>
    session.call({
      what: `examine the snapshot in ${path}`,
      run: "try_scratch",
      vars: {
        ...scratchVars(desired),
        ...jail,
        ...scratchLimits(memory),
        firecracker: program.path,
        disk_path: isJailed ? "" : (missing ?? ""),
        disk_source: isJailed || missing === undefined ? "" : disk,
        disk_copy: "",
        tap: "",
        further_taps: isJailed ? [...found.taps].join(" ") : "",
        missing: [...found.missing].join("\n"),
        seek: [...found.seek].join(" "),
      },
      stdin: requestLines([
        loadRequest({ snapshotPath: state, memoryPath, version: program.version }),
        { method: "GET", path: "/vm/config" },
      ]),
      patience: 10,
    });
  for (let loads = 0; loads < MOST_LOADS; loads++) {
    const answer = await attempt();
    const file = missingFile(answer);
    if (file === undefined) {
      if (!isJailed || !findsMore(found, answer)) return { answer, missing };
      continue;
    }
    if (found.missing.has(file)) return { answer, missing };
    found.missing.add(file);
    if (isJailed && (await isOnDroplet(droplet, file))) continue;
    if (!ownDisk) return { answer, missing };
    if (missing !== undefined) {
      // Firecracker opens the disks in random order, so either may be the clones' own.
      throw new HornetError(
        `the snapshot in ${path} has the files ${missing} and ${file}, and neither is on ${session.name}: ` +
          `${path}/${ARTIFACT.disk} stands for the clones' own disk`,
        { next: "put the other one there, at an absolute path" },
      );
    }
    missing = file;
  }
  throw new HornetError(
    `the snapshot in ${path} has more than ${MOST_LOADS} devices: Hornet examines no such snapshot`,
    {
      next: "take one of a VM with fewer devices",
    },
  );
}

/** Whether a failed load shows a need of a jailed VMM that was not known. */
function findsMore({ taps, seek }: Found, answer: string): boolean {
  const fault = faultIn(answer);
  const [, tap = ""] =
    /Operation not permitted \(os error 1\)\. Invalid TUN\/TAP Backend provided by (\S+)\. /.exec(fault) ?? [];
  const before = taps.size + seek.size;
  if (interfaceName.safeParse(tap).success) taps.add(tap);
  if (/binding to the host-side Unix socket: .*\(os error (2|13)\)/.test(fault)) seek.add("folders");
  if (/Error accessing backing file: .*\(os error 2\)/.test(fault)) seek.add("files");
  return taps.size + seek.size > before;
}

/** A relative path leads on from the folder that a VMM runs in, where nothing is. */
async function isOnDroplet({ session }: Droplet, file: string): Promise<boolean> {
  return file.startsWith("/") && (await inspectFiles(session, [file]))[file] !== undefined;
}

function cannotLoad(droplet: string, { path, program: { version } }: Folder, answer: string): HornetError {
  return new HornetError(
    `Firecracker ${version} on ${droplet} cannot load the snapshot in ${path}: ${answer.trim()}${hintFor(answer)}`,
  );
}

function configIn(answer: string): string | undefined {
  return answer.split("\n").find((line) => line.startsWith('{"') && line.includes('"machine-config"'));
}

/** The file that a load did not find. */
function missingFile(answer: string): string | undefined {
  const [, file] = /\(os error 2\) (.+)$/s.exec(faultIn(answer)) ?? [];
  // Hornet puts one there, a line each; the snapshot is a stranger's.
  return file === undefined || /\p{Cc}/u.test(file) ? undefined : file;
}

function faultIn(answer: string): string {
  const [json = ""] = /\{"fault_message":"(?:[^"\\]|\\.)*"\}/.exec(answer) ?? [];
  try {
    return (JSON.parse(json) as { fault_message: string }).fault_message;
  } catch {
    return "";
  }
}

/** Firecracker unplugs only PCI devices; the library asks it to unplug one that does not exist. */
function isOnPci(answer: string): boolean {
  return /^hornet-unplug: .*device not found/im.test(answer);
}

/** The next step after a refused load, if Firecracker's message does not show it. */
function hintFor(answer: string): string {
  const missing = missingFile(answer);
  if (missing !== undefined) return `; the guest has a disk ${missing}, which is not on the droplet: put it there`;
  if (!/vsock/i.test(answer) || !/in use|AddrInUse/.test(answer)) return "";
  return "; its vsock socket is taken: end the VM that has it, or remove the file if there is none";
}
