import type { ApiRequest } from "./api";
import { atLeast } from "./programs";

/** What a restore needs to know. Paths are absolute, on the droplet. */
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

/** What a cold boot needs to know. */
export interface BootSpec {
  readonly kernel: string;
  readonly bootArgs: string;
  readonly diskPath: string;
  readonly tap: string;
  readonly guestMac: string;
  /** MiB */
  readonly memory: number;
  readonly vcpus: number;
  /** V1 answers without a session token; left out, it is V2. */
  readonly metadataVersion?: "V1" | "V2";
  /** Further disks, read-only. */
  readonly drives?: readonly { readonly id: string; readonly path: string }[];
  /** A vsock device, and the path of its socket. */
  readonly vsock?: { readonly cid: number; readonly path: string };
  /** The VMM's version: it gets the entropy device where it knows that; left out, it gets none. */
  readonly version?: string;
}

/** The address that guests ask for their metadata (Firecracker's default and the clouds' usual one). */
export const MMDS_ADDRESS = "169.254.169.254";

/**
 * Whether a restored guest's vsock device can have another socket than its template's: a relative path leads into the
 * folder that the VMM runs in; `vsock_override` came with 1.16.
 */
export function givesOwnVsock(version: string, baked: string): boolean {
  return !baked.startsWith("/") || atLeast(version, "1.16");
}

/** Where a clone's vsock socket is, `folder` being what its VMM runs in; see {@link givesOwnVsock}. */
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

/** Where a VMM tells what it counts. It can be asked once, before the load or the configuration for a boot. */
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

/** The configuration of a VM that boots, without the start; metadata can be put between the two. */
export function bootRequests(spec: BootSpec): ApiRequest[] {
  return [
    {
      method: "PUT",
      path: "/machine-config",
      body: { vcpu_count: spec.vcpus, mem_size_mib: spec.memory },
    },
    { method: "PUT", path: "/boot-source", body: { kernel_image_path: spec.kernel, boot_args: spec.bootArgs } },
    {
      method: "PUT",
      path: "/drives/rootfs",
      body: { drive_id: "rootfs", path_on_host: spec.diskPath, is_root_device: true, is_read_only: false },
    },
    ...(spec.drives ?? []).map(({ id, path }): ApiRequest => ({
      method: "PUT",
      path: `/drives/${id}`,
      body: { drive_id: id, path_on_host: path, is_root_device: false, is_read_only: true },
    })),
    ...(spec.vsock === undefined
      ? []
      : [
          {
            method: "PUT" as const,
            path: "/vsock",
            body: { guest_cid: spec.vsock.cid, uds_path: spec.vsock.path },
          },
        ]),
    // Without it a guest whose CPU has no RDRAND that the kernel trusts never has a ready random generator, and its dropbear
    // blocks. It came with 1.4.
    ...(spec.version !== undefined && atLeast(spec.version, "1.4")
      ? [{ method: "PUT" as const, path: "/entropy", body: {} }]
      : []),
    {
      method: "PUT",
      path: "/network-interfaces/eth0",
      body: { iface_id: "eth0", guest_mac: spec.guestMac, host_dev_name: spec.tap },
    },
    {
      method: "PUT",
      path: "/mmds/config",
      body: { version: spec.metadataVersion ?? "V2", network_interfaces: ["eth0"], ipv4_address: MMDS_ADDRESS },
    },
  ];
}

export const startRequest: ApiRequest = { method: "PUT", path: "/actions", body: { action_type: "InstanceStart" } };
