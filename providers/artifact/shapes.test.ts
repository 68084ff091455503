/** Snapshots of VMs that Hornet did not boot: other interfaces, disks and metadata services than Hornet's own have. */
import { BARE, drive, makeByHand, mmds, nic, type Handmade } from "../../test/support/handmadeSnapshot";
import { Session } from "../../host/session/session";
import type { Driver } from "../../test/support/scratchProvider";
import { declared, images, Stage } from "../../test/support/scratchStage";
import { limitMs } from "../../test/support/settings";

jest.setTimeout(limitMs(120));

const stage = Stage.use({
  withVmm: true,
  undo: async () => {
    await stage.run(
      `rm -rf ${BARE} /opt/swarm/elsewhere.ext4 /opt/swarm/initrd.img /opt/swarm/tools.pmem "/opt/swarm/it's odd"`,
    );
  },
});

/** The stub runs no guest that could take an identity: nobody waits for it. */
const props = { kernel: `${images}/kernel`, identity: "service" };

const bare = { source: { path: BARE }, vmmTimeout: 1 };

/** What the clone's VMM has. */
async function vmConfig(): Promise<Record<string, unknown>> {
  const socket = "/opt/swarm/runtime/vm7/firecracker.sock";
  const text = await stage.run(`curl -sS --unix-socket ${socket} http://localhost/vm/config`);
  return JSON.parse(text) as Record<string, unknown>;
}

async function kill(): Promise<void> {
  await stage.run(
    `read -r pid _ </opt/swarm/runtime/vm7/vmm.pid; kill -9 $pid; while [ -e /proc/$pid ]; do sleep 0.02; done`,
  );
}

/**
 * What a VMM has, but for what a boot alone says, and for the entropy device: a boot attaches one, since a kernel that
 * boots needs it, and it comes behind all other devices.
 */
function devices(config: Record<string, unknown>): unknown {
  const entries = Object.entries(config).filter(([key]) => !["boot-source", "entropy"].includes(key));
  // Firecracker keeps devices in a hash map, whose order differs from process to process.
  const sorted = (value: unknown): unknown =>
    Array.isArray(value) ? value.map((one) => JSON.stringify(one)).sort() : value;
  return Object.fromEntries(entries.map(([key, value]) => [key, sorted(value)]));
}

/**
 * Makes a clone of a snapshot, kills its VMM and has it repaired: the boot from the clone's own disk has the devices of
 * the restore. Leaves nothing.
 */
async function livesAndReboots(made: Handmade, more: { guestInterface?: string } = {}): Promise<Driver> {
  await makeByHand(stage, made);
  const there = await stage.observe();
  const template = await stage.artifact({ ...bare, ...more });
  await template.create();
  const bridge = await stage.bridge();
  await bridge.create();
  const clone = await stage.clone(template.outs.artifact, props);
  await clone.create();
  expect(await clone.read()).toMatchObject(declared);
  const restored = await vmConfig();
  await kill();
  expect((await clone.read()).condition).toMatch(/^VMM exited/);
  await clone.update();
  expect(await clone.read()).toMatchObject(declared);
  expect(devices(await vmConfig())).toEqual(devices(restored));
  await clone.delete();
  await bridge.delete();
  await template.delete();
  expect(await stage.changesSince(there)).toEqual([]);
  return template;
}

test("with two interfaces, and metadata version 1 on the second, the clone's interface is the one with its tap", async () => {
  const socket = `${BARE}/sockets/of vm/template.vsock`;
  const template = await livesAndReboots({
    before: `mkdir -p "$(dirname '${socket}')"`,
    interfaces: [nic("inner", "tap9", { guest_mac: "06:00:00:00:00:09" }), nic("net", "tap0")],
    devices: [mmds("V1", "inner"), ["entropy", {}], ["vsock", { guest_cid: 5, uds_path: socket }]],
  });
  expect(template.outs.artifact).toMatchObject({
    vsock: { cid: 5, path: socket },
    iface: "net",
    tap: "tap0",
    guestMac: "06:00:c0:a8:f1:02",
    bootArgs: "console=ttyS0 pci=off",
    devices: {
      mmds: { version: "V1", interfaces: ["inner"], address: "169.254.169.254" },
      interfaces: [{ id: "inner", tap: "tap9", mac: "06:00:00:00:00:09" }],
      entropy: {},
    },
  });
});

test("a second interface gets another tap where its tap has the clone's name", async () => {
  await livesAndReboots(
    { interfaces: [nic("a", "tap3"), nic("b", "tap0", {})], devices: [mmds("V2", "a")] },
    { guestInterface: "a" },
  );
});

test("an ambiguous interface is refused with a question, and a missing one is named", async () => {
  await makeByHand(stage, { interfaces: [nic("a", "tap3"), nic("b", "tap4", {})] });
  const there = await stage.observe();
  const refused = async (more: object): Promise<unknown> => (await stage.artifact({ ...bare, ...more })).create();
  await expect(refused({})).rejects.toThrow(
    /several network interfaces, a \(tap tap3\), b \(tap tap4\)[\s\S]*next: .*hornet:guest\.interface/,
  );
  await expect(refused({ guestInterface: "c" })).rejects.toThrow(
    /no network interface c \(hornet:guest\.interface\)\n {2}next: .* the snapshot has: a/,
  );
  const named = await stage.artifact({ ...bare, guestInterface: "b" });
  await named.create();
  expect(named.outs.artifact).toMatchObject({ iface: "b", tap: "tap4", guestMac: "" });
  await named.delete();
  expect(await stage.changesSince(there)).toEqual([]);
});

test("a snapshot without an interface is refused", async () => {
  await makeByHand(stage, { interfaces: [] });
  const there = await stage.observe();
  await expect((await stage.artifact(bare)).create()).rejects.toThrow("has no network interface, so its clones");
  expect(await stage.changesSince(there)).toEqual([]);
});

test("a snapshot without metadata gets none, and identity: service is refused before the clone changes", async () => {
  await makeByHand(stage, {});
  const template = await stage.artifact(bare);
  await template.create();
  expect(template.outs.artifact).toMatchObject({ identity: "ssh", devices: { mmds: null } });
  await expect(stage.clone(template.outs.artifact, props)).rejects.toThrow("has no metadata service");
  const command = { command: "exec ./agent", user: "root", restart: "always" };
  await expect(stage.clone(template.outs.artifact, { agent: command })).rejects.toThrow("hornet:agent.service");
  const bridge = await stage.bridge();
  await bridge.create();
  // The real Firecracker refuses `PUT /mmds`; here the clone gets as far as its guest, which the stub does not have.
  const clone = await stage.clone(template.outs.artifact, { readyTimeout: 1 });
  await expect(clone.create()).rejects.toThrow("the guest's ssh does not answer");
  // Its console is kept until the next up.
  await (await stage.namespace()).delete();
  await bridge.delete();
  await template.delete();
});

test("clones share a read-only root disk, and each has its own copy of the writable disk", async () => {
  const other = "/opt/swarm/elsewhere.ext4";
  const template = await livesAndReboots({
    before: `truncate -s 2M ${other}; mv rootfs.ext4 base.img`,
    drives: [drive("base", `${BARE}/base.img`, { is_root_device: true, is_read_only: true }), drive("own", other, {})],
    devices: [mmds("V2", "net")],
  });
  expect(template.outs.artifact).toMatchObject({
    diskPath: other,
    drives: [{ id: "base", path: `${BARE}/base.img`, root: true }],
    devices: { disk: { id: "own", root: false, readOnly: false } },
  });
});

test("a VM without a disk restarts from its snapshot", async () => {
  const template = await livesAndReboots({
    before: "rm rootfs.ext4",
    drives: [],
    devices: [mmds("V2", "net")],
  });
  expect(template.outs.artifact).toMatchObject({ diskPath: "", devices: { disk: null } });
});

test("a clone that boots keeps its initrd, pmem root device, balloon and hotplug memory", async () => {
  const [initrd, tools] = ["/opt/swarm/initrd.img", "/opt/swarm/tools.pmem"];
  const template = await livesAndReboots({
    before: `head -c 4096 /dev/zero >${initrd}; truncate -s 2M ${tools}`,
    boot: { initrd_path: initrd },
    drives: [drive("own", `${BARE}/rootfs.ext4`, {})],
    devices: [
      ["pmem/tools", { id: "tools", path_on_host: tools, root_device: true, read_only: true }],
      ["balloon", { amount_mib: 2, deflate_on_oom: true, stats_polling_interval_s: 1 }],
      ["hotplug/memory", { total_size_mib: 1024 }],
      ["entropy", {}],
      mmds("V2", "net"),
    ],
  });
  expect(template.outs.artifact).toMatchObject({
    devices: {
      disk: { id: "own", root: false },
      pmem: [{ id: "tools", path: tools, root: true }],
      balloon: { amount_mib: 2, deflate_on_oom: true, stats_polling_interval_s: 1 },
      memoryHotplug: { total_size_mib: 1024 },
    },
  });
});

test("a clone that boots from its own disk keeps its devices on the PCI bus", async () => {
  const template = await livesAndReboots({
    flags: "--enable-pci",
    devices: [["vsock", { guest_cid: 5, uds_path: "template.vsock" }], ["entropy", {}], mmds("V2", "net")],
  });
  expect(template.outs.artifact).toMatchObject({ devices: { pci: true }, vsock: { cid: 5, path: "template.vsock" } });
});

test.each([
  ["relative, to the folder that the VMM runs in", "rootfs.ext4"],
  ["relative, with folders of its own", "./disks/of vm/root.ext4"],
  ["absolute, with blanks, quotes and letters beyond ASCII", `/opt/swarm/it's odd/"disk" $(id) é.ext4`],
])("a disk path that is %s", async (_kind, path) => {
  const quoted = `'${path.replaceAll("'", String.raw`'\''`)}'`;
  const template = await livesAndReboots({
    before: `mkdir -p "$(dirname ${quoted})"; [[ ${quoted} -ef rootfs.ext4 ]] || cp rootfs.ext4 ${quoted}`,
    drives: [drive("root", path)],
    devices: [mmds("V2", "net")],
  });
  expect(template.outs.artifact).toMatchObject({ diskPath: path });
});

test.each([
  [
    "its own disk out of the VMM's folder",
    [drive("root", "../elsewhere.ext4")],
    "its disk root at ../elsewhere.ext4: Hornet",
  ],
  [
    "a further disk at a relative path",
    [drive("root", `${BARE}/rootfs.ext4`), drive("tools", "tools.img", { is_read_only: true })],
    "further disk tools at the relative path tools.img",
  ],
  [
    "a further disk that is missing beside its own",
    [drive("root", "/opt/swarm/nowhere.ext4"), drive("tools", "/opt/swarm/tools.img", { is_read_only: true })],
    /has the files \/opt\/swarm\/(nowhere.ext4 and \/opt\/swarm\/tools.img|tools.img and \/opt\/swarm\/nowhere.ext4), and neither/,
  ],
])("%s is refused, and nothing is left", async (_kind, drives, words) => {
  const copies = ["../elsewhere.ext4", "tools.img", "../nowhere.ext4", "../tools.img"];
  await makeByHand(stage, { before: copies.map((copy) => `cp rootfs.ext4 ${copy}`).join("; "), drives });
  await stage.run("rm /opt/swarm/nowhere.ext4 /opt/swarm/tools.img");
  const there = await stage.observe();
  await expect((await stage.artifact(bare)).create()).rejects.toThrow(words);
  expect(await stage.changesSince(there)).toEqual([]);
});

test("a declared identity method spares the trial of the guest, and uses the snapshot of an earlier trial", async () => {
  await makeByHand(stage, { devices: [mmds("V2", "net")] });
  const there = await stage.observe();
  const spy = jest.spyOn(Session.prototype, "perform");
  const trials = async (more: object): Promise<[number, Driver]> => {
    spy.mockClear();
    const template = await stage.artifact({ ...bare, ...more });
    await template.create();
    return [spy.mock.calls.filter(([{ run }]) => run === "begin_scratch").length, template];
  };
  try {
    const [none, told] = await trials({ identity: "ssh" });
    expect(none).toBe(0);
    const [still, unawaited] = await trials({ identity: "service", readyTimeout: 0 });
    expect(still).toBe(0);
    expect(unawaited.outs.artifactDigest).toBe(told.outs.artifactDigest);
    const [one, tried] = await trials({});
    expect(one).toBe(1);
    expect(tried.outs.artifactDigest).not.toBe(told.outs.artifactDigest);
    const [again, known] = await trials({ identity: "ssh" });
    expect(again).toBe(0);
    expect(known.outs.artifactDigest).toBe(tried.outs.artifactDigest);
    for (const template of [told, unawaited, tried, known]) await template.delete();
  } finally {
    spy.mockRestore();
  }
  expect(await stage.changesSince(there)).toEqual([]);
});
