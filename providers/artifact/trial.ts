import { ARTIFACT, artifactPaths } from "../../model/layout";
import { curlConfig } from "../../firecracker/api";
import type { Program } from "../../firecracker/programs";
import { loadRequest } from "../../firecracker/requests";
import { HornetError } from "../../host/errors";
import { bakedIn, type Baked } from "./bakedConfig";
import { scratchLimits, scratchVars } from "./scratch";
import type { ArtifactInputs } from "./inputs";
import { cleanUpAfter } from "../kit/cleanUpAfter";
import type { Droplet } from "../operation/droplet";

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

/**
 * Loads the snapshot, paused, in a separate namespace, and asks the VMM for its config. If its disk is missing, Firecracker's
 * error ends with the baked-in path; with a disk at that path the second load succeeds.
 *
 * @throws HornetError with Firecracker's message, or with a device that clones cannot have
 */
export async function trialLoad(
  droplet: Droplet,
  desired: ArtifactInputs,
  { path, program, ownDisk, memory }: Folder,
): Promise<Baked> {
  const { session } = droplet;
  const { version } = program;
  const vars = scratchVars(desired);
  const load = loadRequest({
    snapshotPath: artifactPaths(path).state,
    memoryPath: artifactPaths(path).memory,
    version,
  });
  const attempt = async (diskPath: string): Promise<string> =>
    session.call({
      what: `examine the snapshot in ${path}`,
      run: "try_scratch",
      vars: {
        ...vars,
        ...scratchLimits(memory),
        firecracker: program.path,
        disk_path: diskPath,
        disk_source: diskPath === "" ? "" : artifactPaths(path).disk,
        disk_copy: "",
        tap: "",
      },
      stdin: curlConfig([load, { method: "GET", path: "/vm/config" }]),
      patience: 10,
    });
  const done = async (): Promise<void> => {
    await session.call({ what: "remove the VM of a trial", run: "scratch_done", vars });
  };
  return cleanUpAfter(async () => {
    let answer = await attempt("");
    const missing = missingFile(answer);
    if (missing !== undefined && ownDisk) answer = await attempt(missing);
    const another = missingFile(answer);
    if (ownDisk && missing !== undefined && another !== undefined && another !== missing) {
      // Firecracker opens the disks in random order, so either may be the clones' own.
      throw new HornetError(
        `the snapshot in ${path} has the files ${missing} and ${another}, and neither is on ${session.name}: ` +
          `${path}/${ARTIFACT.disk} stands for the clones' own disk`,
        { next: "put the other one there, at an absolute path" },
      );
    }
    const text = configIn(answer);
    if (text === undefined) {
      throw new HornetError(
        `Firecracker ${version} on ${session.name} cannot load the snapshot in ${path}: ${answer.trim()}${hintFor(answer)}`,
      );
    }
    await done();
    const baked = bakedIn({ text, path, version, pci: isOnPci(answer) }, desired);
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

function configIn(answer: string): string | undefined {
  return answer.split("\n").find((line) => line.startsWith('{"') && line.includes('"machine-config"'));
}

/** The file that a load did not find. */
function missingFile(answer: string): string | undefined {
  return /\(os error 2\) (.+)$/s.exec(faultIn(answer))?.[1];
}

function faultIn(answer: string): string {
  const [json = ""] = /\{"fault_message":"(?:[^"\\]|\\.)*"\}/.exec(answer) ?? [];
  if (json === "") return "";
  return (JSON.parse(json) as { fault_message: string }).fault_message;
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
