/** The devices of a snapshotted VM: what a guest that boots from its own disk has to find again. */
import { isDeepStrictEqual } from "node:util";
import { z } from "zod";
import { deviceId, interfaceName } from "../model/values";

/** The address that guests ask for their metadata (Firecracker's default and the clouds' usual one). */
export const MMDS_ADDRESS = "169.254.169.254";

/** A file's path, without control characters. */
const filePath = z
  .string()
  .max(4096)
  .regex(/^\P{Cc}+$/u, "must have no control characters");

/** Settings in Firecracker's own words, without those that are null or have their default. */
const settings = z.record(z.string(), z.unknown());

const networkInterface = z.object({
  id: deviceId,
  /** The tap that is baked in. */
  tap: interfaceName,
  /** Empty where the snapshot names none: the guest's driver chose one. */
  mac: z.string(),
  settings: settings.optional(),
});

export const devicesSchema = z.object({
  /** The metadata service; null: the VM has none, and Firecracker refuses `PUT /mmds`. */
  mmds: z
    .object({
      version: z.enum(["V1", "V2"]),
      interfaces: z.array(deviceId),
      address: z.ipv4(),
      imdsCompat: z.boolean().optional(),
    })
    .nullable(),
  /** The drive that each clone has a copy of; null: the VM has no drive. Its path is the manifest's `diskPath`. */
  disk: z.object({ id: deviceId, root: z.boolean(), readOnly: z.boolean(), settings: settings.optional() }).nullable(),
  /** Further settings of the clone's own interface: rate limiters, MTU. */
  ifaceSettings: settings,
  /** Network interfaces beside the clone's own. */
  interfaces: z.array(networkInterface),
  /** Files that are mapped into guests' memory, read-only, at the same path on every droplet, shared by all clones. */
  pmem: z.array(z.object({ id: deviceId, path: filePath, root: z.boolean(), settings: settings.optional() })),
  balloon: settings.nullable(),
  entropy: settings.nullable(),
  memoryHotplug: settings.nullable(),
  /** Settings of the machine beside its memory and vCPUs: SMT, huge pages, a CPU template. */
  machine: settings,
  /** The initrd of a boot; null: there is none. */
  initrd: filePath.nullable(),
  /** Devices are on a PCI bus: the VMM needs `--enable-pci` to boot the guest with the same hardware. */
  pci: z.boolean(),
});

/** See {@link devicesSchema}. */
export type Devices = z.infer<typeof devicesSchema>;

/** Those of {@link Devices} that differ from {@link usualDevices}. */
export const leanDevicesSchema = devicesSchema.partial();

/** See {@link leanDevicesSchema}. */
export type LeanDevices = z.infer<typeof leanDevicesSchema>;

/** The devices of a VM as Hornet's first versions booted it. A manifest that lists no devices is of such a VM. */
export function usualDevices(iface: string): Devices {
  return {
    mmds: { version: "V2", interfaces: [iface], address: MMDS_ADDRESS },
    disk: { id: "rootfs", root: true, readOnly: false },
    ifaceSettings: {},
    interfaces: [],
    pmem: [],
    balloon: null,
    entropy: null,
    memoryHotplug: null,
    machine: {},
    initrd: null,
    pci: false,
  };
}

/** The differences from the usual devices; undefined without any. It is in the state of every clone. */
export function leanDevices(devices: Devices, iface: string): LeanDevices | undefined {
  const usual: Readonly<Record<string, unknown>> = usualDevices(iface);
  const unusual = Object.entries(devices).filter(([key, value]) => !isDeepStrictEqual(value, usual[key]));
  return unusual.length === 0 ? undefined : leanDevicesSchema.parse(Object.fromEntries(unusual));
}

/** What describes the devices of a snapshot, in a manifest or an artifact. */
export interface Described {
  readonly devices?: LeanDevices | undefined;
  readonly iface: string;
}

/** All devices of a snapshot. */
export function devicesOf({ devices, iface }: Described): Devices {
  return devicesSchema.parse({ ...usualDevices(iface), ...devices });
}

/** MiB of memory that a guest can have, with what can be plugged in while it runs. */
export function memoryOf(artifact: { readonly memory: number } & Described): number {
  const { total_size_mib: pluggable } = devicesOf(artifact).memoryHotplug ?? {};
  return artifact.memory + (typeof pluggable === "number" ? pluggable : 0);
}

/** The devices of a clone that have rates. An empty disk: it has none. */
export interface RatedDevices {
  readonly iface: string;
  readonly disk: string;
}

/** The devices of a clone whose rates can be declared. */
export function ratedDevices(artifact: Described): RatedDevices {
  return { iface: artifact.iface, disk: devicesOf(artifact).disk?.id ?? "" };
}

/** A guest interface and the tap that a clone has for it. */
export interface TapOfInterface {
  readonly iface: string;
  readonly tap: string;
  /** The tap that is baked into the snapshot. */
  readonly baked: string;
}

/** Names that a clone's namespace has already, beside its tap. */
const TAKEN = ["lo", "veth0"];

/**
 * The taps of the interfaces beside the clone's own. Each keeps the name that is baked in, unless a link of the
 * namespace has that name already: a network override needs Firecracker 1.12.
 *
 * @param tap the name of the clone's own tap
 */
export function furtherTaps(interfaces: Devices["interfaces"], tap: string): TapOfInterface[] {
  const taken = new Set([...TAKEN, tap]);
  return interfaces.map(({ id, tap: baked }, at) => {
    const name = taken.has(baked) ? `hornet${at + 1}` : baked;
    taken.add(name);
    return { iface: id, tap: name, baked };
  });
}
