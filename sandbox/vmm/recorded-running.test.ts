import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { Arena, build, recorded, until, type RecordedRow, type Vmm } from "./testing";

// Sends the recorded requests of started guests to the stub, which opens and checks everything that a guest would need.
const rows = recorded().filter((row) => row.section === "running and snapshots");

/** The guest of the recording had a vsock device, which is not emulated; these rows need one. */
const needVsock = ["load with network_overrides to other tap + vsock_override"];

const bootArgs = /"boot_args":"([^"]*)"/.exec(
  rows.find((row) => row.case === "GET /vm/config running")?.response ?? "",
)?.[1];

let arena: Arena;
let stub: string;
let namespace: number;

const local = (text: string): string => text.replaceAll("/T/", `${arena.folder}/`);
const global = (text: string): string => text.replaceAll(`${arena.folder}/`, "/T/");
const at = (path: string): string => join(arena.folder, path);

beforeAll(async () => {
  stub = join(build(), "firecracker-stub");
  arena = new Arena();
  namespace = await arena.namespace(
    ["ip", "tuntap", "add", "fcjtap0", "mode", "tap"],
    ["ip", "tuntap", "add", "fcjtap1", "mode", "tap"],
  );
  for (const folder of ["run3", "snap", "mx"]) mkdirSync(at(folder));
  writeFileSync(at("vmlinux2"), Buffer.concat([Buffer.from("\x7fELF"), Buffer.alloc(100)]));
  writeFileSync(at("run3/rootfs.ext4"), Buffer.alloc(4096));
}, 600_000);

afterAll(async () => {
  await arena.close();
});

async function boot(): Promise<Vmm> {
  const vmm = await arena.start(namespace, stub, ["--id", "vm1"]);
  await vmm.must("PUT /machine-config", { vcpu_count: 1, mem_size_mib: 96 });
  await vmm.must("PUT /boot-source", { kernel_image_path: at("vmlinux2"), boot_args: bootArgs });
  const drive = { drive_id: "rootfs", path_on_host: at("run3/rootfs.ext4"), is_root_device: true, is_read_only: false };
  await vmm.must("PUT /drives/rootfs", drive);
  await vmm.must("PUT /network-interfaces/eth0", { iface_id: "eth0", host_dev_name: "fcjtap0" });
  await vmm.must("PUT /mmds/config", { version: "V2", network_interfaces: ["eth0"] });
  await vmm.must("PUT /actions", { action_type: "InstanceStart" });
  return vmm;
}

async function end(vmm: Vmm | undefined): Promise<void> {
  vmm?.child.kill("SIGKILL");
  await vmm?.exit;
}

/** Changes of the host before a load. */
function arrange(row: RecordedRow): void {
  const state = readFileSync(at("snap/b.snap"));
  if (row.case === "load: mem file too short") {
    copyFileSync(at("snap/b.mem"), at("mx/short.mem"));
    truncateSync(at("mx/short.mem"), statSync(at("snap/b.mem")).size / 2);
  }
  if (row.case === "load: one byte flipped in state file") {
    const middle = Math.floor(state.length / 2);
    state[middle] = (state[middle] ?? 0) ^ 1;
    writeFileSync(at("mx/flip.snap"), state);
  }
  if (row.case === "load: state file truncated by 100 bytes") {
    writeFileSync(at("mx/trunc.snap"), state.subarray(0, -100));
  }
  if (row.case === "load: drive backing file missing") renameSync(at("run3/rootfs.ext4"), at("run3/away"));
}

async function compare(vmm: Vmm, row: RecordedRow): Promise<void> {
  const answer = await vmm.send(row.request ?? "", local(row.body ?? ""));
  const wanted = (row.response ?? "").replaceAll("⏎", "\n");
  // Long answers were recorded up to an ellipsis.
  const cut = wanted.replace(/…$/, "");
  const body = global(answer.body);
  expect({
    case: row.case,
    status: String(answer.status),
    body: cut === wanted ? body : body.slice(0, cut.length),
  }).toEqual({ case: row.case, status: row.status, body: cut });
}

test("started and restored guests answer as recorded", async () => {
  const original = await boot();
  let vmm: Vmm | undefined = original;
  let compared = 0;
  for (const row of rows) {
    if (needVsock.includes(row.case)) {
      await end(vmm === original ? undefined : vmm);
      vmm = undefined;
    } else if (row.case === "afterwards" && vmm !== undefined) {
      if (row.response?.startsWith("process exited") === true) {
        expect(await vmm.exit).toEqual({ code: 1, signal: null });
        expect(vmm.output).toContain("RunWithApiError error: Failed to build MicroVM: Loading snapshot failed..");
        expect(vmm.errors).toBe("Error: RunWithApi(BuildMicroVmError(Restore))\n");
        vmm = undefined;
        if (existsSync(at("run3/away"))) renameSync(at("run3/away"), at("run3/rootfs.ext4"));
      } else {
        expect((await vmm.send("GET /")).body).toBe(row.response);
      }
      compared += 1;
    } else if (row.request === "PUT /snapshot/load" && row.case !== "second load in same process") {
      if (row.case === "load: vsock path free") await end(original);
      else if (vmm !== original) await end(vmm);
      arrange(row);
      vmm = await arena.start(namespace, stub);
      await compare(vmm, row);
      compared += 1;
    } else if (row.request !== "" && vmm !== undefined) {
      await compare(vmm, row);
      compared += 1;
    }
  }
  expect(compared).toBeGreaterThan(45);
  await end(vmm);
  await until("every VMM has ended", 10, () => arena.running().length === 0);
});

test("a load opens a tap of another name on request", async () => {
  const vmm = await arena.start(namespace, stub);
  const load = {
    snapshot_path: at("snap/b.snap"),
    mem_backend: { backend_type: "File", backend_path: at("snap/b.mem") },
    network_overrides: [{ iface_id: "eth0", host_dev_name: "fcjtap1" }],
  };
  expect((await vmm.send("PUT /snapshot/load", load)).status).toBe(204);
  const config = JSON.parse(await vmm.must("GET /vm/config")) as { "network-interfaces": { host_dev_name: string }[] };
  expect(config["network-interfaces"].map((net) => net.host_dev_name)).toEqual(["fcjtap1"]);
  // A second VMM cannot attach to it now.
  const other = await arena.start(namespace, stub);
  const answer = await other.send("PUT /network-interfaces/eth0", { iface_id: "eth0", host_dev_name: "fcjtap1" });
  expect(answer.body).toContain("Device or resource busy (os error 16). Invalid TUN/TAP Backend provided by fcjtap1.");
  await Promise.all([end(vmm), end(other)]);
  rmSync(vmm.socket);
});
