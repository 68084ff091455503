import { z } from "zod";
import type { Manifest } from "../firecracker/manifest";
import { givesOwnVsock } from "../firecracker/requests";
import { HornetError } from "../host/errors";

/** The part of `GET /vm/config` that tells what a snapshot has baked in. */
const vmConfig = z.object({
  drives: z.array(
    z.object({
      drive_id: z.string(),
      path_on_host: z.string().nullish(),
      is_root_device: z.boolean(),
      is_read_only: z.boolean().nullish(),
    }),
  ),
  "machine-config": z.object({ vcpu_count: z.number(), mem_size_mib: z.number() }),
  "network-interfaces": z.array(
    z.object({ iface_id: z.string(), host_dev_name: z.string(), guest_mac: z.string().nullish() }),
  ),
  "mmds-config": z.object({ version: z.string().nullish() }).nullish(),
  vsock: z.object({ guest_cid: z.number(), uds_path: z.string() }).nullish(),
});

/** What a snapshot that nobody described brings along. */
export interface Baked extends Pick<Manifest, "diskPath" | "drives" | "vsock" | "tap" | "iface" | "memory" | "vcpus"> {
  readonly mac: string;
  /** A metadata service; without one no service in the guest can wait there for its identity. */
  readonly metadata: boolean;
}

/**
 * Reads what a VMM says of a snapshot that it has loaded. What clones could not have one each of is refused: they would
 * corrupt what they share.
 *
 * @param text the answer to `GET /vm/config`
 * @param version the VMM's version
 * @throws HornetError
 */
export function bakedIn(text: string, path: string, version: string): Baked {
  const config = vmConfig.parse(JSON.parse(text));
  const { drives, vsock } = config;
  const root = drives.find((drive) => drive.is_root_device) ?? drives[0];
  const [nic] = config["network-interfaces"];
  if (typeof root?.path_on_host !== "string" || nic === undefined) {
    throw new HornetError(`the snapshot in ${path} has no disk or no network interface`);
  }
  const further = drives
    .filter((drive) => drive !== root)
    .map(({ drive_id: id, path_on_host: at, is_read_only: readOnly }) => {
      if (typeof at !== "string" || readOnly !== true) {
        throw new HornetError(
          `the snapshot in ${path} has a further disk ${id} (${at ?? "not a file"}) that its guest writes to: clones get a ` +
            `disk of their own for the root disk alone and would all write to this one; attach it read-only before the ` +
            `snapshot is taken`,
        );
      }
      return { id, path: at };
    });
  if (vsock && !givesOwnVsock(version, vsock.uds_path)) {
    throw new HornetError(
      `the snapshot in ${path} has a vsock device with the socket ${vsock.uds_path}, which only one VM can have at a time: ` +
        `use Firecracker 1.16 or later, which can give each clone its own, or a relative path; this is ${version}`,
    );
  }
  return {
    diskPath: root.path_on_host,
    ...(further.length > 0 && { drives: further }),
    ...(vsock && { vsock: { cid: vsock.guest_cid, path: vsock.uds_path } }),
    tap: nic.host_dev_name,
    iface: nic.iface_id,
    mac: nic.guest_mac ?? "",
    memory: config["machine-config"].mem_size_mib,
    vcpus: config["machine-config"].vcpu_count,
    metadata: (config["mmds-config"] ?? undefined) !== undefined,
  };
}
