import { artifactPaths } from "../../model/layout";
import { curlConfig } from "../../firecracker/api";
import { furtherTaps, type Devices } from "../../firecracker/devices";
import { newGeneration } from "../../firecracker/identity";
import type { Manifest } from "../../firecracker/manifest";
import type { Program } from "../../firecracker/programs";
import { loadRequest, metadataRequest, resumeRequest } from "../../firecracker/requests";
import type { Droplet } from "../operation/droplet";
import { saidOf } from "./fromBoot";
import { scratchNamespace, scratchVars } from "./scratch";
import type { ArtifactInputs } from "./inputs";
import { cleanUpAfter } from "../kit/cleanUpAfter";
import { atGuest } from "../vm/guestError";
import { firstShown } from "../vm/guestShows";

/** A snapshot without a manifest, as far as it is known. */
export interface Trial {
  /** The folder on the droplet. */
  readonly path: string;
  /** The Firecracker that runs it. */
  readonly program: Program;
  /** The disk path and the tap that are baked in. */
  readonly diskPath: string;
  readonly tap: string;
  readonly ownDisk: boolean;
  readonly vsock?: Manifest["vsock"];
  readonly devices: Pick<Devices, "interfaces">;
}

/**
 * A guest whose ssh answers may have an identity service too, which looks for its identity every few seconds: it gets so
 * many ms, and a slow one so many times the time that its ssh took.
 */
const GRACE = { ms: 8000, times: 4 };

/**
 * Finds out whether the guest in a snapshot has an identity service: it is woken on a copy of its disk, where nobody can
 * reach it, and handed an identity. A guest that neither takes it nor answers ssh has none, as far as can be seen.
 */
export async function detectIdentity(
  droplet: Droplet,
  wanted: ArtifactInputs,
  { path, program, diskPath, tap, ownDisk, vsock, devices }: Trial,
): Promise<Pick<Manifest, "identity" | "metadata">> {
  const { session } = droplet;
  const vars = scratchVars(wanted);
  const generation = newGeneration();
  const document = { hornet: { identity: `format=2\ngeneration=${generation}\n` } };
  const taps = furtherTaps(devices.interfaces, tap);
  const own = `${wanted.runtimeDir}/${scratchNamespace(wanted)}/vsock.sock`;
  const load = loadRequest({
    snapshotPath: artifactPaths(path).state,
    memoryPath: artifactPaths(path).memory,
    version: program.version,
    taps: taps.filter((one) => one.tap !== one.baked),
    ...(vsock && { vsock: { baked: vsock.path, own } }),
  });
  const done = async (): Promise<void> => {
    await session.call({ what: "remove the VM of a trial", run: "scratch_done", vars });
  };
  return cleanUpAfter(async () => {
    await session.call({
      what: `wake the snapshot in ${path} for a trial`,
      run: "begin_scratch",
      vars: {
        ...vars,
        firecracker: program.path,
        disk_path: diskPath,
        disk_source: ownDisk && diskPath !== "" ? artifactPaths(path).disk : diskPath,
        disk_copy: diskPath === "" ? "" : "1",
        tap,
        tap_mac: wanted.tapMac,
        tap_address: wanted.tapAddress,
      },
      stdin: curlConfig([load, metadataRequest(document), resumeRequest]),
      patience: 10,
    });
    const found = await tryGuest(droplet, wanted, path, generation);
    await done();
    return found;
  }, done);
}

async function tryGuest(
  droplet: Droplet,
  wanted: ArtifactInputs,
  path: string,
  generation: string,
): Promise<Pick<Manifest, "identity" | "metadata">> {
  const namespace = scratchNamespace(wanted);
  const begun = Date.now();
  const guest = {
    session: droplet.session,
    name: `the guest of the snapshot in ${path}`,
    namespace,
    address: wanted.guestAddress,
    folder: `${wanted.runtimeDir}/${namespace}`,
  };
  const service = `taken ${generation}`;
  const limit = (wanted.readyTimeout ?? wanted.vmmTimeout) * 1000;
  return atGuest(droplet, { ...wanted, namespace }, async () => {
    const first = await firstShown(guest, { service, ssh: true, limit });
    if (first === "service") return taken(droplet, wanted, generation);
    if (first === undefined) return { identity: "ssh" };
    const grace = Math.max(GRACE.ms, GRACE.times * (Date.now() - begun));
    const left = Math.max(0, limit - (Date.now() - begun));
    await firstShown(guest, { service, ssh: false, limit: Math.min(grace, left) });
    return taken(droplet, wanted, generation);
  });
}

/** Whether the guest took the identity, and what its service says of who may read it. */
async function taken(
  droplet: Droplet,
  wanted: ArtifactInputs,
  generation: string,
): Promise<Pick<Manifest, "identity" | "metadata">> {
  const said = await saidOf(droplet, wanted, generation);
  if (said === "closed") return { identity: "service", metadata: said };
  return { identity: said === "" ? "ssh" : "service" };
}
