import { specOf } from "../../config/testing";
import type { Manifest } from "../../firecracker/manifest";
import type { Observed, ObservedVm } from "../../model/observed";
import { inspect } from "./inspection";

const owner = "hornet:hornet/dev:0123456789ab";
const manifest = { memory: 128, iface: "eth0" } as unknown as Manifest;
const vm = {
  ...{ pid: 7, alive: true, recorded: true, inNamespace: true, state: "Running", version: "1.16.1", ownProgram: true },
  ...{ diskSize: 4096, diskWas: 4096, diskUsed: true, diskMounted: true, ownDisk: true, folderMode: "700" },
  record: { digest: "sha256:a" },
  limits: {
    ...{ version: 2, offered: ["cpu", "memory", "pids"], inside: ["memory", "pids"] },
    files: { "memory.max": "max", "memory.swap.max": "max", "pids.max": "256" },
    ...{ openFiles: "2048", fileSize: "77" },
  },
  limiters: { "interface eth0": {}, "drive rootfs": {} },
} as unknown as ObservedVm;
const observed = {
  ...{ links: [], forwarding: true, tables: [], namespaces: ["vm0"], bridges: {}, inside: {} },
  claims: [{ name: "vm0", owner }],
  vms: { vm0: vm },
} as unknown as Observed;

/** What doctor says of limits and rates. */
function drift(vmm: object, manifests: readonly (readonly [string, Manifest])[]): readonly string[] {
  const spec = specOf({ droplet: { local: true }, fleet: { count: 1 }, vmm });
  return inspect(spec, owner, observed, "", new Map(manifests)).drift.filter((line) => /limit|rate/.test(line));
}

test("doctor compares the limits and rates in force with those that the config declares", () => {
  const vmm = { limits: { memory: 320 }, rates: { disk: { bytes: "50MiB" } } };
  expect(drift(vmm, [["sha256:a", manifest]])).toEqual([
    "vm0: the disk rate is no limit of bytes, not 52428800 bytes per second",
    "vm0: the limit of memory is none, not 320 MiB",
    "vm0: the limit of swap is none, not 0 MiB",
    "vm0: the limit of file sizes is 77 bytes, not 192 MiB",
  ]);
  // Without its snapshot's manifest the size of a guest, and its devices, are unknown.
  expect(drift(vmm, [])).toEqual([
    "vm0: the limit of memory is none, not 320 MiB",
    "vm0: the limit of swap is none, not 0 MiB",
  ]);
});
