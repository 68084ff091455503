import type { Devices } from "../../firecracker/devices";
import type { Manifest } from "../../firecracker/manifest";
import { givesOwnVsock } from "../../firecracker/requests";
import { bodyOf, parseVmConfig, settingsOf, some, type VmConfig } from "../../firecracker/vmConfig";
import { HornetError, messageOf } from "../../host/errors";

type Drive = VmConfig["drives"][number];
type Interface = VmConfig["network-interfaces"][number];

/** The settings baked into the snapshot of a folder without a manifest. */
export interface Baked extends Pick<
  Manifest,
  "diskPath" | "drives" | "vsock" | "tap" | "iface" | "memory" | "vcpus" | "bootArgs"
> {
  readonly devices: Devices;
  readonly mac: string;
}

/** The result of a trial load of a snapshot. */
export interface Loaded {
  /** The answer to `GET /vm/config`. */
  readonly text: string;
  /** The snapshot's folder, for messages. */
  readonly path: string;
  /** The VMM's version. */
  readonly version: string;
  readonly pci: boolean;
}

/** The config's settings for the clone's network interface. */
export interface WantedInterface {
  /** The name of the tap in every namespace. */
  readonly tap: string;
  /** The interface's id, if the config names it. */
  readonly guestInterface?: string | undefined;
}

/** A droplet may print anything in the VMM's place. */
function configOf(text: string, path: string): VmConfig {
  try {
    return parseVmConfig(text);
  } catch (error) {
    throw new HornetError(`the VMM's description of the snapshot in ${path} cannot be read: ${messageOf(error)}`, {
      next: "look at the Firecracker on the droplet (hornet:vmm.firecracker)",
    });
  }
}

/**
 * Reads a VMM's description of a snapshot that it has loaded. Refuses writable devices that clones would share, since they
 * would corrupt them.
 *
 * @throws HornetError with the reason and a next step
 */
export function bakedIn(loaded: Loaded, desired: WantedInterface): Baked {
  const { text, path, version, pci } = loaded;
  const config = configOf(text, path);
  const nic = ownInterface(config["network-interfaces"], desired, path);
  const { disk, drives } = drivesOf(config.drives, path);
  const vsock = vsockOf(config, path, version);
  const source = config["boot-source"];
  return {
    diskPath: disk?.path_on_host ?? "",
    ...(drives.length > 0 && { drives }),
    ...(vsock && { vsock }),
    tap: nic.host_dev_name,
    iface: nic.iface_id,
    mac: nic.guest_mac ?? "",
    memory: config["machine-config"].mem_size_mib,
    vcpus: config["machine-config"].vcpu_count,
    bootArgs: source?.boot_args ?? "",
    devices: {
      mmds: mmdsOf(config),
      disk: disk === undefined ? null : diskOf(disk),
      ifaceSettings: settingsOf(nic, INTERFACE_OWN),
      interfaces: config["network-interfaces"].filter((one) => one !== nic).map(interfaceOf),
      pmem: (config.pmem ?? []).map((one) => pmemOf(one, path)),
      balloon: bodyOf(config.balloon),
      entropy: bodyOf(config.entropy),
      memoryHotplug: bodyOf(config["memory-hotplug"]),
      machine: settingsOf(config["machine-config"], ["vcpu_count", "mem_size_mib", "track_dirty_pages"]),
      initrd: source?.initrd_path ?? null,
      pci,
    },
  };
}

/**
 * The interface with the clone's address. Firecracker lists the interfaces of a loaded snapshot in random order, so there is
 * no first one.
 */
function ownInterface(all: readonly Interface[], desired: WantedInterface, path: string): Interface {
  const { tap, guestInterface } = desired;
  const names = all.map(({ iface_id: id, host_dev_name: name }) => `${id} (tap ${name})`).join(", ");
  if (all.length === 0) {
    throw new HornetError(`the snapshot in ${path} has no network interface, so its clones could not be reached`, {
      next: "attach one (PUT /network-interfaces/eth0) before the snapshot is taken",
    });
  }
  if (guestInterface !== undefined) {
    const named = all.find(({ iface_id: id }) => id === guestInterface);
    if (named !== undefined) return named;
    throw new HornetError(
      `the snapshot in ${path} has no network interface ${guestInterface} (hornet:guest.interface)`,
      { next: `set it to one that the snapshot has: ${names}` },
    );
  }
  const [only] = all.length === 1 ? all : all.filter(({ host_dev_name: name }) => name === tap);
  if (only !== undefined) return only;
  throw new HornetError(
    `the snapshot in ${path} has several network interfaces, ${names}, and none has the tap ${tap} (hornet:guest.tapName)`,
    { next: "name the one with the guest's address in hornet:guest.interface" },
  );
}

/**
 * The drive that Hornet copies for each clone, and those that all clones share. The copied one is the drive that the guest
 * writes to, or its root drive if it writes to none.
 */
function drivesOf(all: readonly Drive[], path: string): { disk: Drive | undefined; drives: Manifest["drives"] & {} } {
  const writable = all.filter((drive) => drive.is_read_only !== true);
  const root = all.find((drive) => drive.is_root_device);
  const disk = writable.find((drive) => drive === root) ?? writable[0] ?? root ?? all[0];
  const drives = all
    .filter((drive) => drive !== disk)
    .map(({ drive_id: id, path_on_host: at, is_read_only: readOnly, is_root_device: isRoot }) => {
      if (at?.startsWith("/") === false) throw new HornetError(relativeFault(`disk ${id}`, at, path));
      if (typeof at !== "string" || readOnly !== true) {
        throw new HornetError(
          `the snapshot in ${path} has a further disk ${id} (${at ?? "not a file"}) that its guest writes to: clones get a ` +
            `disk of their own for ${disk?.drive_id ?? "one disk"} alone and would all write to this one`,
          { next: "attach it read-only before the snapshot is taken" },
        );
      }
      return { id, path: at, ...(isRoot && { root: true }) };
    });
  if (disk !== undefined && typeof disk.path_on_host !== "string") {
    throw new HornetError(`the snapshot in ${path} has a disk ${disk.drive_id} that is no file: Hornet copies files`, {
      next: "attach one by path_on_host",
    });
  }
  if (disk?.path_on_host?.split("/").includes("..") === true) {
    throw new HornetError(
      `the snapshot in ${path} has its disk ${disk.drive_id} at ${disk.path_on_host}: Hornet puts no clone's disk at a path with .. in it`,
      { next: "attach the disk by an absolute path without .. before the snapshot is taken" },
    );
  }
  return { disk, drives };
}

/** A VMM runs in its clone's folder, where a file that all clones share cannot be. */
function relativeFault(device: string, at: string, path: string): string {
  return (
    `the snapshot in ${path} has a further ${device} at the relative path ${at}, which leads on from the folder that a VMM ` +
    "runs in: attach it by its absolute path before the snapshot is taken"
  );
}

function vsockOf({ vsock }: VmConfig, path: string, version: string): Manifest["vsock"] {
  if (!vsock) return undefined;
  if (!givesOwnVsock(version, vsock.uds_path)) {
    throw new HornetError(
      `the snapshot in ${path} has a vsock device with the socket ${vsock.uds_path}, which only one VM can have at a time, and Firecracker ${version} cannot give each clone its own`,
      { next: "use Firecracker 1.16 or later, or a relative path" },
    );
  }
  return { cid: vsock.guest_cid, path: vsock.uds_path };
}

function mmdsOf(config: VmConfig): Devices["mmds"] {
  const mmds = config["mmds-config"];
  if (!mmds) return null;
  return {
    version: mmds.version ?? "V1",
    interfaces: mmds.network_interfaces,
    address: mmds.ipv4_address ?? "169.254.169.254",
    ...(mmds.imds_compat === true && { imdsCompat: true }),
  };
}

function pmemOf(one: NonNullable<VmConfig["pmem"]>[number], path: string): Devices["pmem"][number] {
  const { id, path_on_host: at, read_only: readOnly, root_device: root } = one;
  if (!at.startsWith("/")) throw new HornetError(relativeFault(`pmem device ${id}`, at, path));
  if (readOnly !== true) {
    throw new HornetError(
      `the snapshot in ${path} has a pmem device ${id} (${at}) that its guest writes to: clones would all write to this file`,
      { next: "attach it with read_only: true before the snapshot is taken" },
    );
  }
  return {
    id,
    path: at,
    root: root === true,
    ...some(settingsOf(one, ["id", "path_on_host", "read_only", "root_device"])),
  };
}

function diskOf(drive: Drive): Devices["disk"] {
  const { drive_id: id, is_root_device: root, is_read_only: readOnly } = drive;
  const own = ["drive_id", "path_on_host", "is_root_device", "is_read_only", "socket"];
  return { id, root, readOnly: readOnly === true, ...some(settingsOf(drive, own)) };
}

const INTERFACE_OWN = ["iface_id", "host_dev_name", "guest_mac"];

function interfaceOf(one: Interface): Devices["interfaces"][number] {
  const { iface_id: id, host_dev_name: tap, guest_mac: mac } = one;
  return { id, tap, mac: mac ?? "", ...some(settingsOf(one, INTERFACE_OWN)) };
}
