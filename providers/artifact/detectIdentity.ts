import { artifactPaths } from "../../model/layout";
import { requestLines } from "../../firecracker/api";
import { furtherTaps, type Devices } from "../../firecracker/devices";
import { newGeneration } from "../../firecracker/identity";
import { undeclaredFiles, type Manifest } from "../../firecracker/manifest";
import type { Program } from "../../firecracker/programs";
import { loadRequest, metadataRequest, resumeRequest, vsockIn } from "../../firecracker/requests";
import type { Droplet } from "../operation/droplet";
import { metadataAccess } from "./fromBoot";
import { scratchLimits, scratchNamespace, scratchVars } from "./scratch";
import type { ArtifactInputs } from "./inputs";
import { cleanUpAfter } from "../kit/cleanUpAfter";
import { atGuest } from "../vm/guestError";
import { firstShown } from "../vm/guestShows";
import { jailVars } from "../vm/jail";

/** The known facts of a snapshot without a manifest. */
export interface Trial {
  /** The folder on the droplet. */
  readonly path: string;
  /** The Firecracker that runs it. */
  readonly program: Program;
  /** The disk path and the tap that are baked in. */
  readonly diskPath: string;
  readonly tap: string;
  readonly ownDisk: boolean;
  readonly drives?: Manifest["drives"];
  readonly vsock?: Manifest["vsock"];
  readonly iface: string;
  readonly devices: Devices;
  /** MiB. */
  readonly memory: number;
}

/**
 * A guest whose ssh answers may also have an identity service, which polls for its identity every few seconds: Hornet waits so
 * many ms more, or for a slow guest so many times as long as its ssh took.
 */
const GRACE = { ms: 8000, times: 4 };

/**
 * Finds out whether the guest in a snapshot has an identity service: Hornet resumes it on a copy of its disk, isolated from
 * the network, and sends it an identity. A guest that neither takes it nor answers ssh counts as one without.
 */
export async function detectIdentity(
  droplet: Droplet,
  desired: ArtifactInputs,
  { path, program, diskPath, tap, ownDisk, drives, vsock, iface, devices, memory: guestMemory }: Trial,
): Promise<Pick<Manifest, "identity" | "metadata">> {
  const { session } = droplet;
  const vars = scratchVars(desired);
  const generation = newGeneration();
  const document = { hornet: { identity: `format=2\ngeneration=${generation}\n` } };
  const taps = furtherTaps(devices.interfaces, tap);
  const folder = `${desired.runtimeDir}/${scratchNamespace(desired)}`;
  const load = loadRequest({
    snapshotPath: artifactPaths(path).state,
    memoryPath: artifactPaths(path).memory,
    version: program.version,
    taps: taps.filter((one) => one.tap !== one.baked),
    ...(vsock && { vsock: { baked: vsock.path, own: `${folder}/vsock.sock` } }),
  });
  const { state, memory } = artifactPaths(path);
  const named = undeclaredFiles({ drives, devices, iface }, desired.disks);
  const jail = await jailVars(droplet, desired, program, { shown: [state, memory], lent: desired.disks, named });
  const done = async (): Promise<void> => {
    await session.call({ what: "remove the VM of a trial", run: "scratch_done", vars });
  };
  return cleanUpAfter(async () => {
    await session.call({
      what: `resume the snapshot in ${path} for a trial`,
      run: "begin_scratch",
      vars: {
        ...vars,
        firecracker: program.path,
        ...jail,
        ...scratchLimits(guestMemory),
        further_taps: taps.map((one) => one.tap).join(" "),
        vsock: vsock ? vsockIn(folder, program.version, vsock.path) : "",
        disk_path: diskPath,
        disk_source: ownDisk && diskPath !== "" ? artifactPaths(path).disk : diskPath,
        disk_copy: diskPath === "" ? "" : "1",
        tap,
        tap_mac: desired.tapMac,
        tap_address: desired.tapAddress,
      },
      stdin: requestLines([load, metadataRequest(document), resumeRequest]),
      patience: 10,
    });
    const found = await tryGuest(droplet, desired, path, generation);
    await done();
    return found;
  }, done);
}

async function tryGuest(
  droplet: Droplet,
  desired: ArtifactInputs,
  path: string,
  generation: string,
): Promise<Pick<Manifest, "identity" | "metadata">> {
  const namespace = scratchNamespace(desired);
  const begun = Date.now();
  const guest = {
    session: droplet.session,
    name: `the guest of the snapshot in ${path}`,
    namespace,
    address: desired.guestAddress,
    folder: `${desired.runtimeDir}/${namespace}`,
  };
  const service = `taken ${generation}`;
  const limit = (desired.readyTimeout ?? desired.vmmTimeout) * 1000;
  return atGuest(droplet, { ...desired, namespace }, async () => {
    const first = await firstShown(guest, { service, ssh: true, limit });
    if (first === "service") return taken(droplet, desired, generation);
    if (first === undefined) return { identity: "ssh" };
    const grace = Math.max(GRACE.ms, GRACE.times * (Date.now() - begun));
    const left = Math.max(0, limit - (Date.now() - begun));
    await firstShown(guest, { service, ssh: false, limit: Math.min(grace, left) });
    return taken(droplet, desired, generation);
  });
}

/** Whether the guest took the identity, and whether its service has closed the metadata. */
async function taken(
  droplet: Droplet,
  desired: ArtifactInputs,
  generation: string,
): Promise<Pick<Manifest, "identity" | "metadata">> {
  const access = await metadataAccess(droplet, desired, generation);
  if (access === "closed") return { identity: "service", metadata: access };
  return { identity: access === "" ? "ssh" : "service" };
}
