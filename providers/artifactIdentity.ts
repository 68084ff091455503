import { setTimeout as sleep } from "node:timers/promises";
import { curlConfig } from "../firecracker/api";
import { newGeneration } from "../firecracker/identity";
import type { Manifest } from "../firecracker/manifest";
import { loadRequest, metadataRequest, resumeRequest } from "../firecracker/requests";
import { sessionFor } from "./droplet";
import { scratchNamespace, scratchVars } from "./artifactBoot";
import type { ArtifactInputs } from "./artifactInputs";
import { cleanUpAfter } from "./define";

/** A snapshot without a manifest, as far as it is known. */
export interface Trial {
  /** The folder on the droplet. */
  readonly path: string;
  /** The VMM's version. */
  readonly version: string;
  /** The disk path and the tap that are baked in. */
  readonly diskPath: string;
  readonly tap: string;
  readonly ownDisk: boolean;
  readonly vsock?: Manifest["vsock"];
}

/** ms that a guest whose ssh answers gets to say that it has an identity service too; that looks every few seconds. */
const GRACE = 8000;

/**
 * Finds out whether the guest in a snapshot has an identity service: it is woken on a copy of its disk, where nobody can
 * reach it, and handed an identity. A guest that neither takes it nor answers ssh has none, as far as can be seen.
 */
export async function detectIdentity(
  wanted: ArtifactInputs,
  { path, version, diskPath, tap, ownDisk, vsock }: Trial,
): Promise<"service" | "ssh"> {
  const session = sessionFor(wanted);
  const vars = scratchVars(wanted);
  const generation = newGeneration();
  const document = { hornet: { identity: `format=2\ngeneration=${generation}\n` } };
  const own = `${wanted.runtimeDir}/${scratchNamespace(wanted)}/vsock.sock`;
  const load = loadRequest({
    snapshotPath: `${path}/vm.snapshot`,
    memoryPath: `${path}/vm.mem`,
    version,
    ...(vsock && { vsock: { baked: vsock.path, own } }),
  });
  const done = async (): Promise<void> => {
    await session.call({ what: "take away the VM of a trial", run: "scratch_done", vars });
  };
  return cleanUpAfter(async () => {
    await session.call({
      what: `wake the snapshot in ${path} for a trial`,
      run: "begin_scratch",
      vars: {
        ...vars,
        firecracker: wanted.firecracker,
        disk_path: diskPath,
        disk_source: ownDisk ? `${path}/rootfs.ext4` : diskPath,
        disk_copy: "1",
        tap,
        tap_mac: wanted.tapMac,
        tap_address: wanted.tapAddress,
      },
      stdin: curlConfig([load, metadataRequest(document), resumeRequest]),
      patience: 10,
    });
    let deadline = Date.now() + wanted.vmmTimeout * 1000;
    let found: "service" | "ssh" | undefined;
    while (found === undefined) {
      const said = await session.call({
        what: `watch the trial of ${path}`,
        run: "watch_trial",
        vars: { ...vars, generation, guest_address: wanted.guestAddress },
      });
      if (said === "service") found = said;
      else if (Date.now() > deadline) found = "ssh";
      else await sleep(300);
      if (said === "ssh") deadline = Math.min(deadline, Date.now() + GRACE);
    }
    await done();
    return found;
  }, done);
}
