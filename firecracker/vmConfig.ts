/** A VMM's description of the VM that it has loaded. */
import { z } from "zod";

const body = z.record(z.string(), z.unknown());

/** The part of `GET /vm/config` that says what a snapshot has. */
const vmConfig = z.object({
  drives: z.array(
    z.looseObject({
      drive_id: z.string(),
      path_on_host: z.string().nullish(),
      is_root_device: z.boolean(),
      is_read_only: z.boolean().nullish(),
    }),
  ),
  "boot-source": z.object({ boot_args: z.string().nullish(), initrd_path: z.string().nullish() }).nullish(),
  "machine-config": z.looseObject({ vcpu_count: z.number(), mem_size_mib: z.number() }),
  "network-interfaces": z.array(
    z.looseObject({ iface_id: z.string(), host_dev_name: z.string(), guest_mac: z.string().nullish() }),
  ),
  "mmds-config": z
    .object({
      version: z.enum(["V1", "V2"]).nullish(),
      network_interfaces: z.array(z.string()),
      ipv4_address: z.string().nullish(),
      imds_compat: z.boolean().nullish(),
    })
    .nullish(),
  vsock: z.object({ guest_cid: z.number(), uds_path: z.string() }).nullish(),
  balloon: body.nullish(),
  entropy: body.nullish(),
  "memory-hotplug": body.nullish(),
  pmem: z
    .array(
      z.looseObject({
        id: z.string(),
        path_on_host: z.string(),
        root_device: z.boolean().nullish(),
        read_only: z.boolean().nullish(),
      }),
    )
    .nullish(),
});

/** See {@link parseVmConfig}. */
export type VmConfig = z.infer<typeof vmConfig>;

/** Orders devices by their ids: `eth2` comes before `eth10`. */
export function compareIds(one: string, other: string): number {
  return one.localeCompare(other, "en", { numeric: true });
}

/**
 * Parses the answer to `GET /vm/config`. The devices of one kind are sorted by id: Firecracker keeps them in a hash
 * map, so it lists them in another order each time.
 */
export function parseVmConfig(text: string): VmConfig {
  const config = vmConfig.parse(JSON.parse(text));
  config.drives.sort((one, other) => compareIds(one.drive_id, other.drive_id));
  config["network-interfaces"].sort((one, other) => compareIds(one.iface_id, other.iface_id));
  config["mmds-config"]?.network_interfaces.sort(compareIds);
  config.pmem?.sort((one, other) => compareIds(one.id, other.id));
  return config;
}

/** Firecracker's defaults. */
const DEFAULTS: Readonly<Record<string, unknown>> = {
  cache_type: "Unsafe",
  io_engine: "Sync",
  smt: false,
  huge_pages: "None",
  cpu_template: "None",
};

/** The fields of a body that say something: neither null nor the default. */
export function settingsOf(
  one: Readonly<Record<string, unknown>>,
  without: readonly string[] = [],
): Record<string, unknown> {
  const said = Object.entries(one).filter(
    ([key, value]) => !without.includes(key) && value !== null && value !== DEFAULTS[key],
  );
  return Object.fromEntries(said);
}

/** The same for a device that may be missing. */
export function bodyOf(one: Readonly<Record<string, unknown>> | null | undefined): Record<string, unknown> | null {
  return one ? settingsOf(one) : null;
}

/** As an optional property: nothing where there are none. */
export function some(settings: Record<string, unknown>): { settings?: Record<string, unknown> } {
  return Object.keys(settings).length === 0 ? {} : { settings };
}
