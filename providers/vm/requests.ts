import type { ApiRequest } from "../../firecracker/api";
import { cloudInitArgs } from "../../firecracker/cloudInit";
import { devicesOf, furtherTaps, MMDS_ADDRESS, type Devices } from "../../firecracker/devices";
import { filesOf } from "../../firecracker/manifest";
import { withRates } from "../../firecracker/rates";
import { bootRequests, loadRequest } from "../../firecracker/requests";
import { defaultBootArgs } from "../../plan/vm/repair";
import type { VmInputs } from "./inputs";
import { wayOf } from "./vars";

/**
 * Restores the clone from its snapshot, paused.
 *
 * @param version the VMM's version
 * @param vsock the path of its vsock socket; undefined where the snapshot has none
 */
export function restoreVm({ artifact, tap }: VmInputs, version: string, vsock: string | undefined): ApiRequest {
  const own = { iface: artifact.iface, tap, baked: artifact.tap };
  const all = [own, ...furtherTaps(devicesOf(artifact).interfaces, tap)];
  const taps = all.filter((one) => one.tap !== one.baked);
  return loadRequest({
    snapshotPath: filesOf(artifact).snapshot,
    memoryPath: filesOf(artifact).memory,
    version,
    taps,
    ...(artifact.vsock && vsock !== undefined && { vsock: { baked: artifact.vsock.path, own: vsock } }),
  });
}

/**
 * Configures a boot from the clone's own disk, with the devices that the snapshot has: the guest finds its hardware again.
 *
 * @param withIdentity whether a drive holds the clone's identity; see vmMetadata.ts
 */
export function bootVm(
  wanted: VmInputs,
  version: string,
  vsock: string | undefined,
  withIdentity: boolean,
): ApiRequest[] {
  const { artifact } = wanted;
  const identity = { id: "identity", path: `${wanted.runtimeDir}/${wanted.namespace}/identity.disk` };
  const drives = [...(artifact.drives ?? []), ...(withIdentity ? [identity] : [])];
  const byCloudInit = wayOf(wanted) === "cloud-init";
  const devices = withRates(wanted.rates, devicesOf(artifact));
  const bootArgs =
    artifact.bootArgs === "" ? defaultBootArgs(wanted.guestAddress, wanted.tapAddress) : artifact.bootArgs;
  return bootRequests({
    version,
    kernel: filesOf(artifact).kernel ?? wanted.kernel,
    bootArgs: byCloudInit ? cloudInitArgs(bootArgs) : bootArgs,
    diskPath: artifact.diskPath,
    iface: artifact.iface,
    tap: wanted.tap,
    guestMac: artifact.guestMac,
    memory: artifact.memory,
    vcpus: artifact.vcpus,
    devices: byCloudInit ? { ...devices, mmds: forCloudInit(artifact.iface) } : devices,
    taps: Object.fromEntries(
      furtherTaps(devices.interfaces, wanted.tap).map(({ iface, tap }): [string, string] => [iface, tap]),
    ),
    ...(drives.length > 0 && { drives }),
    ...(artifact.vsock && vsock !== undefined && { vsock: { cid: artifact.vsock.cid, path: vsock } }),
  });
}

/** cloud-init asks for a session token only where it takes the machine for one of Amazon's. */
function forCloudInit(iface: string): Devices["mmds"] {
  return { version: "V1", interfaces: [iface], address: MMDS_ADDRESS };
}
