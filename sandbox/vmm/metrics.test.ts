/** The stand-in's metrics: a line of JSON at the guest's start and at each request, with counters as differences. */
import { execFileSync } from "node:child_process";
import { closeSync, constants, mkdirSync, openSync, readFileSync, readSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Arena, build, until, type Vmm } from "./testing";

type Line = Record<string, Record<string, number>> & { utc_timestamp_ms: number };

let arena: Arena;
let stub: string;
let namespace: number;

const at = (name: string): string => join(arena.folder, name);
const flush = { action_type: "FlushMetrics" };

beforeAll(async () => {
  stub = join(build(), "firecracker-stub");
  arena = new Arena();
  namespace = await arena.namespace(["ip", "tuntap", "add", "tap0", "mode", "tap"]);
  writeFileSync(at("kernel"), Buffer.concat([Buffer.from("\x7fELF"), Buffer.alloc(100)]));
  writeFileSync(at("disk"), Buffer.alloc(4096));
}, 600_000);

afterAll(() => arena.close());

const lines = (name: string): Line[] =>
  readFileSync(at(name), "utf8")
    .split("\n")
    .slice(0, -1)
    .map((line) => JSON.parse(line) as Line);

async function booted(metrics: string): Promise<Vmm> {
  const vmm = await arena.start(namespace, stub, ["--id", "vm1"]);
  await vmm.must("PUT /metrics", { metrics_path: at(metrics) });
  await vmm.must("PUT /boot-source", { kernel_image_path: at("kernel") });
  await vmm.must("PUT /drives/rootfs", { drive_id: "rootfs", path_on_host: at("disk"), is_root_device: true });
  expect((await vmm.send("PUT /drives/rootfs", "{}")).status).toBe(400);
  await vmm.must("PUT /actions", { action_type: "InstanceStart" });
  return vmm;
}

async function end(vmm: Vmm): Promise<void> {
  vmm.child.kill("SIGKILL");
  await vmm.exit;
}

test("metrics count every request, and each line has the counts since the line before", async () => {
  const vmm = await booted("lines");
  try {
    await until("the first line is written", 10, () => lines("lines").length === 1);
    await vmm.must("PATCH /vm", { state: "Paused" });
    await vmm.must("GET /machine-config");
    await vmm.must("PUT /actions", flush);
    await vmm.must("PUT /actions", flush);
    const [first, second, third] = lines("lines");
    expect(first?.put_api_requests).toMatchObject({ boot_source_count: 1, drive_count: 2, drive_fails: 1 });
    expect(first?.put_api_requests).toMatchObject({ metrics_count: 1, actions_count: 1, actions_fails: 0 });
    expect(first?.get_api_requests?.vmm_version_count).toBeGreaterThan(0);
    expect(second?.put_api_requests).toMatchObject({ drive_count: 0, metrics_count: 0, actions_count: 1 });
    expect(second?.get_api_requests).toMatchObject({ machine_cfg_count: 1, vmm_version_count: 0 });
    expect(third?.get_api_requests).toMatchObject({ machine_cfg_count: 0 });
    // Not a counter, so it stays.
    expect(third?.latencies_us?.pause_vm).toBe(second?.latencies_us?.pause_vm);
    expect((third?.utc_timestamp_ms ?? 0) - Date.now()).toBeLessThan(1000);
    expect((await vmm.send("PUT /metrics", { metrics_path: at("other") })).status).toBe(400);
  } finally {
    await end(vmm);
  }
});

test("metrics can be configured once, before the start, and a load still works then", async () => {
  const first = await booted("before");
  await first.must("PATCH /vm", { state: "Paused" });
  await first.must("PUT /snapshot/create", { snapshot_path: at("state"), mem_file_path: at("memory") });
  await end(first);
  const vmm = await arena.start(namespace, stub);
  try {
    await vmm.must("PUT /metrics", { metrics_path: at("loaded") });
    const again = await vmm.send("PUT /metrics", { metrics_path: at("loaded") });
    expect(again).toMatchObject({
      status: 400,
      body: expect.stringContaining("Reinitialization of metrics") as string,
    });
    const backend = { backend_type: "File", backend_path: at("memory") };
    await vmm.must("PUT /snapshot/load", { snapshot_path: at("state"), mem_backend: backend });
    await until("the first line is written", 10, () => lines("loaded").length === 1);
    expect(lines("loaded")[0]?.latencies_us?.load_snapshot).toBeGreaterThan(0);
  } finally {
    await end(vmm);
  }
});

test("a full metrics pipe blocks nothing, and lost lines count as missed", async () => {
  mkdirSync(at("pipes"));
  execFileSync("mkfifo", [at("pipes/pipe")]);
  const reader = openSync(at("pipes/pipe"), constants.O_RDONLY | constants.O_NONBLOCK);
  const vmm = await booted("pipes/pipe");
  try {
    let refused = 0;
    for (let asked = 0; asked < 200 && refused < 2; asked += 1) {
      if ((await vmm.send("PUT /actions", flush)).status === 400) refused += 1;
    }
    expect(refused).toBe(2);
    const buffer = Buffer.alloc(1 << 20);
    expect(readSync(reader, buffer)).toBeGreaterThan(40_000);
    await vmm.must("PUT /actions", flush);
    const rest = buffer.toString("utf8", 0, readSync(reader, buffer));
    expect((JSON.parse(rest.slice(rest.lastIndexOf('{"utc'))) as Line).logger?.missed_metrics_count).toBeGreaterThan(0);
  } finally {
    closeSync(reader);
    await end(vmm);
  }
});
