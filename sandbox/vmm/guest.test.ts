import { execFileSync } from "node:child_process";
import { copyFileSync, mkdirSync, readdirSync, readFileSync, readlinkSync, statSync, writeFileSync } from "node:fs";
import { createHash } from "node:crypto";
import { join } from "node:path";
import { Arena, build, until, type Vmm } from "./testing";

const repository = join(__dirname, "../..");
const tapMac = "02:fc:00:00:00:01";
const bootArgs = "console=ttyS0 reboot=k panic=1 pci=off ip=192.168.241.2::192.168.241.1:255.255.255.248::eth0:off";

/** The guest runs it, with its hostname, as soon as it has its identity. */
const hook = `#!/bin/sh
echo "hook: $(hostname)" >/dev/console
hostname >/written-by-clone
sync
while :; do hostname | nc -l -p 7777; done </dev/null >/dev/null 2>&1 &
case $(hostname) in
  reboots) sleep 1; reboot -f ;;
esac
`;

// Guests are emulated: they take seconds to boot, and longer on a busy machine.
jest.setTimeout(300_000);

let arena: Arena;
let firecracker: string;
let disk: string;
let frozen: string;
const state = (): string => join(arena.folder, "snapshot/vm.snapshot");
const memory = (): string => join(arena.folder, "snapshot/vm.mem");

function script(name: string, ...words: string[]): string {
  const path = join(repository, "guest", name);
  return execFileSync(path, words, { encoding: "utf8", stdio: ["ignore", "pipe", "inherit"] }).trim();
}

function digest(path: string): string {
  return createHash("sha256").update(readFileSync(path)).digest("hex");
}

/** The metadata that give a guest its hostname. */
function identity(hostname: string): unknown {
  // A newline within a value is escaped.
  const lines = ["format=2", "generation=1", `hostname=${hostname}`, `env=A=${"b".repeat(200)}\\n`];
  return { hornet: { identity: `${lines.join("\n")}\n` } };
}

function network(): Promise<number> {
  return arena.namespace(
    ["ip", "tuntap", "add", "tap0", "mode", "tap"],
    ["ip", "link", "set", "tap0", "address", tapMac],
    ["ip", "addr", "add", "192.168.241.1/29", "dev", "tap0"],
    ["ip", "link", "set", "tap0", "up"],
  );
}

/** The guest's answer on port 7777, read from its namespace: frames pass both ways. */
async function hostname(namespace: number): Promise<string> {
  const read = "exec 3<>/dev/tcp/192.168.241.2/7777 && head -n 1 <&3";
  let text = "";
  await until("the guest answers on port 7777", 60, () => {
    try {
      text = arena.inside(namespace, ["timeout", "5", "bash", "-c", read]);
    } catch {
      return false;
    }
    return text !== "";
  });
  return text;
}

/** Clears the metadata of a guest that has applied its identity: its hooks run after that. */
async function clearOnceTaken(vmm: Vmm): Promise<void> {
  await until("the guest has taken its identity", 60, () => vmm.output.includes("hornet-identity: taken"));
  await vmm.must("PUT /mmds", { hornet: {} });
}

/** A clone, loaded and paused, with a private disk at the path that the snapshot has baked in. */
async function clone(name: string, metrics?: string): Promise<{ vmm: Vmm; namespace: number; disk: string }> {
  const namespace = await network();
  const own = join(arena.folder, `${name}.ext4`);
  copyFileSync(frozen, own);
  arena.inside(namespace, ["mount", "--bind", own, disk]);
  const vmm = await arena.start(namespace, firecracker, ["--id", name]);
  if (metrics !== undefined) await vmm.must("PUT /metrics", { metrics_path: metrics });
  const backend = { backend_type: "File", backend_path: memory() };
  await vmm.must("PUT /snapshot/load", { snapshot_path: state(), mem_backend: backend });
  return { vmm, namespace, disk: own };
}

beforeAll(async () => {
  firecracker = join(build(), "firecracker");
  const kernel = join(script("build-kernel.sh"), "vmlinux");
  arena = new Arena();
  const added = join(arena.folder, "added/etc/hornet/on-identity.d");
  mkdirSync(added, { recursive: true });
  writeFileSync(join(added, "10-test"), hook, { mode: 0o755 });
  disk = join(arena.folder, "rootfs.ext4");
  frozen = join(arena.folder, "frozen.ext4");
  mkdirSync(join(arena.folder, "snapshot"));
  script("build-image.sh", "--add", join(arena.folder, "added"), "--out", disk);

  const namespace = await network();
  const vmm = await arena.start(namespace, firecracker, ["--id", "template"]);
  await vmm.must("PUT /machine-config", { vcpu_count: 1, mem_size_mib: 128 });
  await vmm.must("PUT /boot-source", { kernel_image_path: kernel, boot_args: bootArgs });
  const drive = { drive_id: "rootfs", path_on_host: disk, is_root_device: true, is_read_only: false };
  await vmm.must("PUT /drives/rootfs", drive);
  const net = { iface_id: "eth0", host_dev_name: "tap0", guest_mac: "06:00:AC:10:00:02" };
  await vmm.must("PUT /network-interfaces/eth0", net);
  await vmm.must("PUT /mmds/config", { network_interfaces: ["eth0"], version: "V2" });
  await vmm.must("PUT /actions", { action_type: "InstanceStart" });
  await until("the guest waits for its identity", 120, () => vmm.output.includes("hornet-identity: waiting"));
  await vmm.must("PATCH /vm", { state: "Paused" });
  await vmm.must("PUT /snapshot/create", { snapshot_path: state(), mem_file_path: memory() });
  copyFileSync(disk, frozen);
  vmm.child.kill("SIGTERM");
  expect(await vmm.exit).toEqual({ code: null, signal: "SIGTERM" });
}, 1_800_000);

afterAll(async () => {
  await arena.close();
});

test("the memory file is sparse and as large as the memory", () => {
  const { size, blocks, mode } = statSync(memory());
  expect(size).toBe(128 << 20);
  expect(blocks * 512).toBeLessThan(size / 2);
  expect(mode & 0o777).toBe(0o644);
});

test("two clones run side by side with separate disks and identities", async () => {
  const digests = [state(), memory()].map(digest);
  const clones = [await clone("one"), await clone("two")];
  for (const [index, each] of clones.entries()) {
    const name = ["one", "two"][index] ?? "";
    expect(JSON.parse(await each.vmm.must("GET /"))).toMatchObject({ id: name, state: "Paused" });
    // The metadata service's configuration comes with the snapshot, its data do not.
    expect(await each.vmm.must("GET /mmds")).toBe("{}");
    await each.vmm.must("PUT /mmds", identity(name));
    await each.vmm.must("PATCH /vm", { state: "Resumed" });
  }
  for (const [index, each] of clones.entries()) {
    const name = ["one", "two"][index] ?? "";
    await clearOnceTaken(each.vmm);
    await until(`${name} has its identity`, 60, () => each.vmm.output.includes(`hook: ${name}`));
    expect(await hostname(each.namespace)).toBe(`${name}\n`);
    // The metadata service is in the process: nothing of it is in the namespace.
    expect(arena.inside(each.namespace, ["ip", "addr"])).not.toContain("169.254");
    expect(arena.inside(each.namespace, ["ip", "neigh"])).not.toContain("169.254");
  }
  for (const [index, each] of clones.entries()) {
    each.vmm.child.kill("SIGKILL");
    await each.vmm.exit;
    const written = execFileSync("debugfs", ["-R", "cat /written-by-clone", each.disk], { stdio: "pipe" }).toString();
    expect(written).toBe(["one\n", "two\n"][index]);
  }
  expect([state(), memory()].map(digest)).toEqual(digests);
});

test("metrics count a guest's traffic and disk writes, and each line has only the difference", async () => {
  const file = join(arena.folder, "metrics");
  const { vmm, namespace } = await clone("counted", file);
  const lines = (): Record<string, Record<string, number>>[] =>
    readFileSync(file, "utf8")
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line) as Record<string, Record<string, number>>);
  await vmm.must("PUT /mmds", identity("counted"));
  await vmm.must("PATCH /vm", { state: "Resumed" });
  await clearOnceTaken(vmm);
  expect(await hostname(namespace)).toBe("counted\n");
  const [seen] = JSON.parse(arena.inside(namespace, ["ip", "-s", "-j", "link", "show", "tap0"])) as {
    stats64: Record<"rx" | "tx", { bytes: number; packets: number }>;
  }[];
  await vmm.must("PUT /actions", { action_type: "FlushMetrics" });
  const [first, second] = lines();
  expect(first).toMatchObject({ put_api_requests: { metrics_count: 1, mmds_count: 0 } });
  expect(second?.put_api_requests).toMatchObject({ metrics_count: 0, mmds_count: 2 });
  expect(second?.net).toEqual(second?.net_eth0);
  const both = (field: string): number => (first?.net_eth0?.[field] ?? 0) + (second?.net_eth0?.[field] ?? 0);
  // The tap's sent frames are the guest's received ones, and the other way round.
  expect(both("rx_bytes_count")).toBeGreaterThanOrEqual(seen?.stats64.tx.bytes ?? NaN);
  expect(both("tx_bytes_count")).toBeGreaterThanOrEqual(seen?.stats64.rx.bytes ?? NaN);
  expect(both("tx_packets_count")).toBeGreaterThanOrEqual(Math.max(1, seen?.stats64.rx.packets ?? NaN));
  expect(second?.mmds?.rx_accepted).toBeGreaterThan(0);
  expect(second?.block_rootfs?.write_bytes).toBeGreaterThan(0);
  expect(second?.block_rootfs?.flush_count).toBeGreaterThan(0);
  vmm.child.kill("SIGKILL");
  await vmm.exit;
});

test("the started process becomes the guest's and keeps its name", async () => {
  const { vmm } = await clone("pid");
  expect(readlinkSync(`/proc/${vmm.pid}/exe`)).toContain("qemu");
  const command = readFileSync(`/proc/${vmm.pid}/cmdline`, "utf8").split("\0");
  expect(command).toEqual([firecracker, "--api-sock", vmm.socket, "--id", "pid", ""]);
  expect(readFileSync(`/proc/${vmm.pid}/comm`, "utf8")).toBe("firecracker\n");
  expect(readFileSync(`/proc/${vmm.pid}/task/${vmm.pid}/children`, "utf8")).toBe("");
  vmm.child.kill("SIGKILL");
  await vmm.exit;
});

test("a guest that reboots ends the process with exit code 0", async () => {
  const { vmm } = await clone("reboot");
  await vmm.must("PUT /mmds", identity("reboots"));
  await vmm.must("PATCH /vm", { state: "Resumed" });
  await clearOnceTaken(vmm);
  expect(await vmm.exit).toEqual({ code: 0, signal: null });
  expect(vmm.output).toContain("Firecracker exiting successfully. exit_code=0");
});

test("a drive can be switched to another file, and back", async () => {
  const { vmm, disk: own } = await clone("patched");
  const other = join(arena.folder, "other.ext4");
  copyFileSync(frozen, other);
  const files = (): string[] =>
    readdirSync(`/proc/${vmm.pid}/fd`).map((fd) => {
      try {
        return readlinkSync(`/proc/${vmm.pid}/fd/${fd}`);
      } catch {
        return "";
      }
    });
  for (const path of [other, own, other]) {
    await vmm.must("PATCH /drives/rootfs", { drive_id: "rootfs", path_on_host: path });
    expect(files().filter((file) => file.endsWith(".ext4"))).toEqual([path]);
  }
  expect(await vmm.must("GET /vm/config")).toContain(`"path_on_host":"${other}"`);
  vmm.child.kill("SIGKILL");
  await vmm.exit;
});

test("a clone's own snapshot can be made and loaded", async () => {
  const { vmm, namespace } = await clone("again");
  await vmm.must("PATCH /vm", { state: "Resumed" });
  await vmm.must("PATCH /vm", { state: "Paused" });
  const [file, ram] = [join(arena.folder, "second.snapshot"), join(arena.folder, "second.mem")];
  for (const type of ["Diff", "Full", "Full"]) {
    await vmm.must("PUT /snapshot/create", { snapshot_type: type, snapshot_path: file, mem_file_path: ram });
  }
  await vmm.must("PATCH /vm", { state: "Resumed" });
  vmm.child.kill("SIGKILL");
  await vmm.exit;
  const second = await arena.start(namespace, firecracker);
  await second.must("PUT /mmds", identity("second"));
  const backend = { backend_type: "File", backend_path: ram };
  await second.must("PUT /snapshot/load", { snapshot_path: file, mem_backend: backend, resume_vm: true });
  expect(JSON.parse(await second.must("GET /"))).toMatchObject({ state: "Running" });
  // Metadata from before the load survive it.
  await clearOnceTaken(second);
  await until("the second generation has its identity", 60, () => second.output.includes("hook: second"));
  second.child.kill("SIGKILL");
  await second.exit;
});
