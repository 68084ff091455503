import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Arena, build, raw, recorded, request, until, type Answer, type RecordedRow, type Vmm } from "./testing";

const rows = recorded().filter((row) => !["Command line", "running and snapshots"].includes(row.section));
const runs = [...new Set(rows.map((row) => row.run))].map((run) => rows.filter((row) => row.run === run));

/** Bodies that the recording only describes. */
const described: Record<string, string> = {
  "boot_args 5000 bytes": JSON.stringify({ kernel_image_path: "/T/vmlinux", boot_args: "a".repeat(5000) }),
  "PUT mmds near limit": JSON.stringify({ k: "x".repeat(51_180 - 8) }),
  "PUT mmds over limit": JSON.stringify({ k: "x".repeat(51_204 - 8) }),
  "HTTP/1.0": JSON.stringify({ vcpu_count: 1, mem_size_mib: 128 }),
};

let arena: Arena;
let folder: string;
let namespace: number;

const local = (text: string): string => text.replaceAll("/T/", `${arena.folder}/`);
const global = (text: string): string => text.replaceAll(`${arena.folder}/`, "/T/");

beforeAll(async () => {
  folder = build();
  arena = new Arena();
  namespace = await arena.namespace(
    ["ip", "tuntap", "add", "fcjtap0", "mode", "tap"],
    ["ip", "link", "set", "fcjtap0", "up"],
  );
  mkdirSync(join(arena.folder, "run"));
  writeFileSync(join(arena.folder, "vmlinux"), "no kernel, but a file");
  writeFileSync(join(arena.folder, "rootfs.ext4"), Buffer.alloc(4096));
  writeFileSync(join(arena.folder, "run/garbage.snap"), Buffer.alloc(4096, 0xa5));
  writeFileSync(join(arena.folder, "run/garbage.mem"), Buffer.alloc(4096, 0xa5));
  writeFileSync(join(arena.folder, "run/empty.snap"), "");
}, 600_000);

afterAll(async () => {
  await arena.close();
});

/** Requests to the recorded process before its first recorded row. */
async function prepare(vmm: Vmm, section: string): Promise<void> {
  if (section === "drives") {
    const drive = { drive_id: "root0", path_on_host: "/T/rootfs.ext4", is_root_device: true, is_read_only: true };
    await vmm.must("PUT /drives/root0", local(JSON.stringify(drive)));
  }
  if (section === "network-interfaces and MMDS") {
    const other = await arena.start(namespace, join(folder, "firecracker"));
    await other.must("PUT /network-interfaces/eth0", { iface_id: "eth0", host_dev_name: "fcjtap0" });
  }
}

async function ask(vmm: Vmm, row: RecordedRow): Promise<Answer> {
  const line = row.request ?? "";
  const body = local(described[row.case] ?? row.body ?? "");
  if (row.case === "garbage request line") return raw(vmm.socket, "GARBAGE\r\n\r\n");
  if (row.case === "chunked body") {
    const head = "PUT /machine-config HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n";
    return raw(vmm.socket, `${head}26\r\n${JSON.stringify({ vcpu_count: 1, mem_size_mib: 128 })}\r\n0\r\n\r\n`);
  }
  if (row.case === "HTTP/1.0") return raw(vmm.socket, request(line, body).replace("HTTP/1.1", "HTTP/1.0"));
  const headers = row.case === "no Content-Type header" ? "" : undefined;
  return raw(vmm.socket, request(line, body, headers));
}

/** Paths under /T had another length when they were recorded, so that columns behind them differ. */
function comparable(row: RecordedRow, text: string): string {
  return row.body?.includes("/T/") ? text.replace(/column \d+/, "column N") : text;
}

function expected(row: RecordedRow): string {
  const text = (row.response ?? "").replaceAll("⏎", "\n");
  // This answer was recorded with the beginning of the next one, for the rest of the oversized body.
  return row.case === "PUT mmds over limit" ? text.replace(/^`/, "").replace(/HTTP\/1.1 400$/, "") : text;
}

describe.each(["firecracker", "firecracker-stub"])("%s answers as Firecracker 1.16.1 did", (program) => {
  test.each(runs.map((run) => [`${run[0]?.section ?? ""}: ${run[0]?.case ?? ""} (${run.length})`, run] as const))(
    "%s",
    async (_name, run) => {
      const section = run[0]?.section ?? "";
      const id = section.startsWith("Fresh") ? ["--id", "vm-a"] : [];
      const vmm = await arena.start(namespace, join(folder, program), id);
      try {
        await prepare(vmm, section);
        for (const row of run) {
          if (row.status?.startsWith("process exited")) {
            expect({ case: row.case, ...(await vmm.exit) }).toEqual({ case: row.case, code: 1, signal: null });
            continue;
          }
          const answer = await ask(vmm, row);
          const body = comparable(row, global(answer.body));
          expect({ case: row.case, status: String(answer.status), body }).toEqual({
            case: row.case,
            status: row.status,
            body: comparable(row, expected(row)),
          });
        }
      } finally {
        // A killed VMM leaves its vsock socket.
        rmSync(join(arena.folder, "run/v.sock"), { force: true });
        for (const each of arena.running()) each.child.kill("SIGKILL");
        await until("the VMM has ended", 10, () => arena.running().length === 0);
      }
    },
    60_000,
  );
});
