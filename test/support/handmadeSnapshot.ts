import { images, type Stage } from "./scratchStage";
import { smallMemory } from "./settings";

/** A request to a VMM before its start. */
export type Put = readonly [path: string, body: object];

/** A snapshot as one makes it by hand, by requests to a VMM. */
export interface Handmade {
  /** The folder that it lies in. */
  readonly folder?: string;
  readonly drives?: readonly Put[];
  readonly interfaces?: readonly Put[];
  readonly devices?: readonly Put[];
  /** Further fields of the boot source. */
  readonly boot?: object;
  /** Further flags of the VMM. */
  readonly flags?: string;
  /** Commands before the VMM starts, in {@link folder}. */
  readonly before?: string;
}

export const BARE = "/opt/swarm/bare";

export const drive = (id: string, path: string, more: object = { is_root_device: true }): Put => [
  `drives/${id}`,
  { drive_id: id, path_on_host: path, is_root_device: false, ...more },
];

export const nic = (id: string, tap: string, more: object = { guest_mac: "06:00:c0:a8:f1:02" }): Put => [
  `network-interfaces/${id}`,
  { iface_id: id, host_dev_name: tap, ...more },
];

export const mmds = (version: "V1" | "V2", ...interfaces: string[]): Put => [
  "mmds/config",
  { version, network_interfaces: interfaces },
];

/** Makes a snapshot by requests to a VMM that runs in the snapshot's folder; nothing of it stays but the folder. */
export async function makeByHand(stage: Pick<Stage, "run">, made: Handmade): Promise<void> {
  const { folder = BARE, devices = [], boot = {}, flags = "", before = ":" } = made;
  const drives = made.drives ?? [drive("root", `${folder}/rootfs.ext4`)];
  const interfaces = made.interfaces ?? [nic("net", "tap5")];
  const requests: (readonly [string, object, string?])[] = [
    ["boot-source", { kernel_image_path: `${images}/kernel`, boot_args: "console=ttyS0 pci=off", ...boot }],
    ["machine-config", { vcpu_count: 1, mem_size_mib: smallMemory() }],
    ...drives,
    ...interfaces,
    ...devices,
    ["actions", { action_type: "InstanceStart" }],
    ["vm", { state: "Paused" }, "PATCH"],
    ["snapshot/create", { snapshot_path: `${folder}/vm.snapshot`, mem_file_path: `${folder}/vm.mem` }],
  ];
  const calls = requests.map(
    ([path, body, method = "PUT"]) =>
      `curl -sS --fail-with-body --unix-socket /run/handmade -X ${method} -d '${JSON.stringify(body).replaceAll("'", String.raw`'\''`)}' http://localhost/${path}`,
  );
  await stage.run(`set -e; rm -f /run/handmade; mkdir -p '${folder}'; cd '${folder}'; cp ${images}/disk rootfs.ext4
    ${before}
    ip netns add template
    ip netns exec template /opt/stub --api-sock /run/handmade ${flags} >/dev/null 2>&1 </dev/null & pid=$!
    until [ -S /run/handmade ] || ! kill -0 $pid; do sleep 0.01; done
    ${calls.join("\n")}
    kill -9 $pid; wait $pid || :; ip netns del template; rm -f /run/handmade`);
}
