import type { ApiRequest } from "./api";
import type { Devices } from "./devices";
import { atLeast } from "./programs";
import { compareIds } from "./vmConfig";

/** The arguments of a restore. Paths are absolute, on the droplet. */
export interface LoadSpec {
  readonly snapshotPath: string;
  readonly memoryPath: string;
  /** The VMM's version, `1.16.1`: an unknown field is a 400 and ends nothing, but the body must fit. */
  readonly version: string;
  /** Guest interfaces whose tap is another one now than in the snapshot. */
  readonly taps?: readonly { readonly iface: string; readonly tap: string }[];
  /** The vsock device's socket: the path that is baked in, and the clone's own; left out where there is none. */
  readonly vsock?: { readonly baked: string; readonly own: string };
}

/** The arguments of a cold boot. */
export interface BootSpec {
  readonly kernel: string;
  readonly bootArgs: string;
  /** The baked path of the drive `devices.disk`. */
  readonly diskPath: string;
  /** The clone's own interface. */
  readonly iface: string;
  readonly tap: string;
  /** Empty: the guest chooses one. */
  readonly guestMac: string;
  /** MiB */
  readonly memory: number;
  readonly vcpus: number;
  readonly devices: Devices;
  /** Taps of further interfaces, by interface. */
  readonly taps?: Readonly<Record<string, string>>;
  /** Further disks, read-only. */
  readonly drives?: readonly { readonly id: string; readonly path: string; readonly root?: boolean | undefined }[];
  /** A vsock device, and the path of its socket. */
  readonly vsock?: { readonly cid: number; readonly path: string };
  /** The VMM's version: it gets the entropy device where it knows that; left out, it gets none. */
  readonly version?: string;
}

/**
 * Whether a restored guest's vsock device can have another socket than its template's: a relative path leads into the
 * folder that the VMM runs in; `vsock_override` came with 1.16.
 */
export function givesOwnVsock(version: string, baked: string): boolean {
  return !baked.startsWith("/") || atLeast(version, "1.16");
}

/** The path of a clone's vsock socket; its VMM runs in `folder`. See {@link givesOwnVsock}. */
export function vsockIn(folder: string, version: string, baked: string): string {
  return atLeast(version, "1.16") ? `${folder}/vsock.sock` : `${folder}/${baked}`;
}

/**
 * Load, paused. `clock_realtime` (1.16) is left alone: it moves the guest's monotonic clock on by the whole time since the
 * snapshot, so that every timer in it is due at once, and helps only where kvm-clock is the clock source; the clock is set
 * with the identity instead. `mem_backend` came with 1.1, `network_overrides` with 1.12; a VMM before those gets the older form, or
 * an error that says which version is needed.
 */
export function loadRequest({ snapshotPath, memoryPath, version, taps = [], vsock }: LoadSpec): ApiRequest {
  if (taps.length > 0 && !atLeast(version, "1.12")) {
    throw new Error(`Firecracker ${version} cannot give a restored guest another tap; that came with 1.12`);
  }
  if (vsock !== undefined && !givesOwnVsock(version, vsock.baked)) {
    throw new Error(`Firecracker ${version} cannot give a restored guest another vsock socket; that came with 1.16`);
  }
  return {
    method: "PUT",
    path: "/snapshot/load",
    body: {
      snapshot_path: snapshotPath,
      ...(atLeast(version, "1.1")
        ? { mem_backend: { backend_path: memoryPath, backend_type: "File" } }
        : { mem_file_path: memoryPath }),
      ...(taps.length === 0
        ? {}
        : { network_overrides: taps.map(({ iface, tap }) => ({ iface_id: iface, host_dev_name: tap })) }),
      ...(vsock !== undefined && atLeast(version, "1.16") && { vsock_override: { uds_path: vsock.own } }),
      resume_vm: false,
    },
  };
}

/** Hands over the metadata; see metadataSize.ts for how much it may be. */
export function metadataRequest(document: unknown): ApiRequest {
  return { method: "PUT", path: "/mmds", body: document };
}

/** Sets the file for the VMM's metrics. A VMM accepts this once, before the load or the configuration for a boot. */
export function metricsRequest(path: string): ApiRequest {
  return { method: "PUT", path: "/metrics", body: { metrics_path: path } };
}

export const resumeRequest: ApiRequest = { method: "PATCH", path: "/vm", body: { state: "Resumed" } };
export const pauseRequest: ApiRequest = { method: "PATCH", path: "/vm", body: { state: "Paused" } };

/** A full snapshot of a paused VM. Disks are not part of it: they are copied while it is paused. */
export function snapshotRequest(snapshotPath: string, memoryPath: string): ApiRequest {
  return {
    method: "PUT",
    path: "/snapshot/create",
    body: { snapshot_type: "Full", snapshot_path: snapshotPath, mem_file_path: memoryPath },
  };
}

function put(path: string, body: object): ApiRequest {
  return { method: "PUT", path, body };
}

/** The configuration of a VM that boots, without the start; metadata can be put between the two. */
export function bootRequests(spec: BootSpec): ApiRequest[] {
  const { devices, vsock } = spec;
  const { initrd, balloon, entropy, memoryHotplug, mmds } = devices;
  return [
    put("/machine-config", { vcpu_count: spec.vcpus, mem_size_mib: spec.memory, ...devices.machine }),
    put("/boot-source", {
      kernel_image_path: spec.kernel,
      boot_args: spec.bootArgs,
      ...(initrd !== null && { initrd_path: initrd }),
    }),
    ...driveRequests(spec),
    ...devices.pmem.map(({ id, path, root, settings }) =>
      put(`/pmem/${id}`, { id, path_on_host: path, root_device: root, read_only: true, ...settings }),
    ),
    ...(vsock === undefined ? [] : [put("/vsock", { guest_cid: vsock.cid, uds_path: vsock.path })]),
    ...interfaceRequests(spec),
    ...(balloon === null ? [] : [put("/balloon", balloon)]),
    ...entropyRequest(entropy, spec.version),
    ...(memoryHotplug === null ? [] : [put("/hotplug/memory", memoryHotplug)]),
    ...(mmds === null
      ? []
      : [
          put("/mmds/config", {
            version: mmds.version,
            network_interfaces: mmds.interfaces,
            ipv4_address: mmds.address,
            ...(mmds.imdsCompat === true && { imds_compat: true }),
          }),
        ]),
  ];
}

/**
 * Without the device a guest whose CPU has no RDRAND that the kernel trusts never has a ready random generator, and its
 * dropbear blocks. It came with 1.4.
 */
function entropyRequest(entropy: Devices["entropy"], version: string | undefined): ApiRequest[] {
  if (entropy !== null) return [put("/entropy", entropy)];
  return version !== undefined && atLeast(version, "1.4") ? [put("/entropy", {})] : [];
}

/** By id: Firecracker lists what it has loaded in no order, and a guest numbers devices as they are attached. */
function byId(one: { readonly id: string }, other: { readonly id: string }): number {
  return compareIds(one.id, other.id);
}

/** Firecracker itself puts the root drive first. */
function driveRequests({ devices: { disk }, diskPath, drives = [] }: BootSpec): ApiRequest[] {
  const own = disk === null ? [] : [{ ...disk, path: diskPath }];
  const further = drives.map((drive) => ({ root: false, readOnly: true, settings: {}, ...drive }));
  return [...own, ...further].sort(byId).map(({ id, path, root = false, readOnly, settings }) =>
    put(`/drives/${id}`, {
      drive_id: id,
      path_on_host: path,
      is_root_device: root,
      is_read_only: readOnly,
      ...settings,
    }),
  );
}

function interfaceRequests({ devices, iface, tap, guestMac, taps = {} }: BootSpec): ApiRequest[] {
  const own = { id: iface, tap, mac: guestMac, settings: devices.ifaceSettings };
  const further = devices.interfaces.map((one) => ({ ...one, tap: taps[one.id] ?? one.tap }));
  return [own, ...further].sort(byId).map(({ id, tap: hostName, mac, settings }) =>
    put(`/network-interfaces/${id}`, {
      iface_id: id,
      ...(mac !== "" && { guest_mac: mac }),
      host_dev_name: hostName,
      ...settings,
    }),
  );
}

export const startRequest: ApiRequest = { method: "PUT", path: "/actions", body: { action_type: "InstanceStart" } };
