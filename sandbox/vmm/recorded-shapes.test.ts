/** Sends the recorded requests for every shape of a VM to the stub, which must answer like Firecracker 1.16.1. */
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Arena, build, recorded, type RecordedRow, type Vmm } from "./testing";

const rows = recorded("recorded-shapes-1.16.1.jsonl");

/** Rows of one process; a row of the command line is a process of its own. */
const runs: RecordedRow[][] = [];
for (const row of rows) {
  const last = runs.at(-1);
  if (last !== undefined && row.run !== 0 && last[0]?.run === row.run) last.push(row);
  else runs.push([row]);
}

/** Requests that the stub refuses in Firecracker's form, because its machine has no PCI bus. */
const refused = (row: RecordedRow): boolean => row.section.startsWith("PCI") && row.case === "hotplug of an interface";

const differences: object[] = [];

let arena: Arena;
let stub: string;
let namespace: number;

const at = (path: string): string => join(arena.folder, path);
const local = (text: string): string => text.replaceAll("/T/", `${arena.folder}/`).replaceAll(/\/T$/g, arena.folder);
const global = (text: string): string => text.replaceAll(`${arena.folder}/`, "/T/");

beforeAll(async () => {
  stub = join(build(), "firecracker-stub");
  arena = new Arena();
  const taps = ["fcjtap0", "fcjtap1", "fcjtap5", "fcjtap6"];
  namespace = await arena.namespace(...taps.map((tap) => ["ip", "tuntap", "add", tap, "mode", "tap"]));
  mkdirSync(at("snap"));
  writeFileSync(at("vmlinux"), Buffer.concat([Buffer.from("\x7fELF"), Buffer.alloc(100)]));
  for (const name of ["rootfs.ext4", "data.ext4", "tools.ext4", "pmem.img", "pm2.img", "initrd.img", "gone.ext4"]) {
    writeFileSync(at(name), Buffer.alloc(4096));
  }
  writeFileSync(at("empty.json"), "");
  writeFileSync(at("list.json"), "[]");
  const kernel = { kernel_image_path: at("vmlinux") };
  writeFileSync(at("nokernel.json"), '{"boot-source":{"kernel_image_path":"/T/absent"}}');
  const drive = { drive_id: "rootfs", path_on_host: at("absent"), is_root_device: true };
  writeFileSync(at("nodrive.json"), JSON.stringify({ "boot-source": kernel, drives: [drive] }));
}, 600_000);

afterAll(async () => {
  await arena.close();
});

/** Damages a good state file in every way of the recording. */
function spoil(): void {
  const good = readFileSync(at("snap/good.state"));
  const changed = (index: number, byte: number): Buffer => {
    const copy = Buffer.from(good);
    copy[index] = byte;
    return copy;
  };
  // As 1.14 writes it: the magic number, the length of the version in 64 bits.
  const older = Buffer.concat([good.subarray(1, 9), Buffer.from([5, 0, 0, 0, 0, 0, 0, 0]), Buffer.from("8.0.0")]);
  const bad: Record<string, Buffer> = {
    empty: Buffer.alloc(0),
    short: Buffer.from("1234567"),
    cut: good.subarray(0, -100),
    longer: Buffer.concat([good, Buffer.from("x")]),
    zeros: Buffer.alloc(4096),
    head: good.subarray(0, 15),
    text: Buffer.from("no snapshot\n".repeat(20)),
    big: Buffer.alloc(10_000_001),
    magic: changed(4, 0x65),
    packing: changed(0, 1),
    foreign: changed(10, 0x32),
    minor: changed(13, 0x32),
    crc: changed(good.length - 1, (good.at(-1) ?? 0) ^ 1),
    older: Buffer.concat([older, good.subarray(16)]),
  };
  for (const [name, bytes] of Object.entries(bad)) writeFileSync(at(`snap/${name}.state`), bytes);
}

/** Changes of the host before the start of a process. */
function arrange(run: readonly RecordedRow[]): void {
  const first = run[0]?.case ?? "";
  rmSync(at("v.sock"), { force: true });
  rmSync(at("o.sock"), { force: true });
  if (first === "describe: good") spoil();
  if (first.startsWith("vsock path taken")) writeFileSync(at("v.sock"), "");
  if (first === "vsock_override taken") writeFileSync(at("o.sock"), "");
  if (first === "second drive missing") rmSync(at("gone.ext4"));
  if (first === "pmem missing") rmSync(at("pm2.img"));
}

/** Firecracker keeps the devices of a started VM in a hash table, whose order differs between processes. */
function sorted(text: string): string {
  if (!text.startsWith('{"balloon"')) return text;
  const config = JSON.parse(text) as Record<string, unknown>;
  for (const key of ["drives", "network-interfaces", "pmem"]) {
    const list = config[key] as unknown[];
    config[key] = list.map((device) => JSON.stringify(device)).sort();
  }
  const mmds = config["mmds-config"] as { network_interfaces: string[] } | null;
  mmds?.network_interfaces.sort();
  return JSON.stringify(config);
}

/** Paths under /T have another length here than in the recording. */
const comparable = (row: RecordedRow, text: string): string =>
  sorted(row.body?.includes("/T/") ? text.replace(/column \d+/, "column N") : text).replaceAll("\n", "⏎");

async function commandLine(row: RecordedRow): Promise<void> {
  const words = (row.arguments ?? "").split(" ").map((word) => local(word));
  const vmm = arena.spawn(namespace, stub, words);
  const { code, signal } = await vmm.exit;
  const text = (output: string): string =>
    global(output.replaceAll(/^\d{4}-\d\d-\d\dT[\d:.]+ /gm, "").replaceAll("\n", "⏎"));
  const exit = signal === "SIGABRT" ? "-6" : String(code);
  // Rust's debug text, which names Firecracker's types, follows the error of a file.
  const stderr = row.case === "config-file with a missing drive" ? row.stderr : text(vmm.errors);
  expect({ case: row.case, exit, stdout: text(vmm.output), stderr }).toEqual({
    case: row.case,
    exit: row.exit,
    stdout: row.stdout,
    stderr: row.stderr,
  });
}

async function compare(vmm: Vmm, row: RecordedRow): Promise<void> {
  if (row.case === "start" && row.request === undefined) return;
  if (row.case === "sockets") {
    const there = (path: string): string => (existsSync(at(path)) ? "True" : "False");
    expect(`/T/v.sock ${there("v.sock")}, /T/o.sock ${there("o.sock")}`).toBe(row.response);
    return;
  }
  if (row.case === "afterwards") {
    if (row.status === "alive") await vmm.must("GET /");
    else expect(await vmm.exit).toEqual({ code: Number(row.response), signal: null });
    return;
  }
  const answer = await vmm.send(row.request ?? "", local(row.body ?? ""));
  if (refused(row)) {
    expect(answer).toMatchObject({ status: 400 });
    expect(answer.body).toContain('{"fault_message":"The requested operation is not supported: ');
    return;
  }
  const found = `${answer.status} ${comparable(row, global(answer.body))}`;
  const wanted = `${row.status ?? ""} ${comparable(row, row.response ?? "")}`;
  if (found !== wanted) differences.push({ section: row.section, run: row.run, case: row.case, wanted, found });
}

async function replay(run: readonly RecordedRow[], whileOpen?: () => Promise<void>): Promise<void> {
  const [first] = run;
  if (first?.section === "Command line") return commandLine(first);
  const words = first?.request === undefined ? (first?.arguments ?? "").split(" ").filter((word) => word !== "") : [];
  const vmm = await arena.start(namespace, stub, words);
  try {
    for (const row of run) await compare(vmm, row);
    await whileOpen?.();
  } finally {
    vmm.child.kill("SIGKILL");
    await vmm.exit;
    rmSync(vmm.socket, { force: true });
  }
}

test("every shape of a VM answers as recorded", async () => {
  let replayed = 0;
  for (let index = 0; index < runs.length; index += 1) {
    const run = runs[index] ?? [];
    arrange(run);
    const next = runs[index + 1];
    if (run[0]?.case === "two VMMs, one vsock_override" && next !== undefined) {
      await replay(run, () => replay(next));
      index += 1;
    } else {
      await replay(run);
    }
    replayed += run.length;
  }
  expect(differences).toEqual([]);
  expect(replayed).toBeGreaterThan(1200);
}, 120_000);
