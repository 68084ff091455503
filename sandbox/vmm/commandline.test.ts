import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { Arena, build, recorded, type RecordedRow } from "./testing";

/** `--config-file unknown section` is left out: it starts a guest, which the recording does not describe. */
const rows = recorded().filter(
  (row) =>
    row.section === "Command line" && row.exit !== "-" && !row.exit?.startsWith("(") && !row.case.startsWith("SIG"),
);

let arena: Arena;
let folder: string;
let namespace: number;

const local = (text: string): string => text.replaceAll("/T/", `${arena.folder}/`);

beforeAll(async () => {
  folder = build();
  arena = new Arena();
  namespace = await arena.namespace();
  mkdirSync(join(arena.folder, "run"));
  writeFileSync(join(arena.folder, "run/garbage.snap"), Buffer.alloc(4096, 0xa5));
  writeFileSync(join(arena.folder, "run/bad.json"), '{"boot-source":{}');
  // A socket file without a listener.
  await new Promise<void>((resolve) => {
    const server = createServer().listen(join(arena.folder, "run/stale.sock"), resolve);
    server.unref();
  });
}, 600_000);

afterAll(async () => {
  await arena.close();
});

/** Log lines without their time, paths as recorded. */
function comparable(text: string): string {
  return text.replaceAll(/^\d{4}-\d\d-\d\dT[\d:.]+ /gm, "").replaceAll(`${arena.folder}/`, "/T/");
}

function words(row: RecordedRow): string[] {
  const given = local(row.arguments ?? "").split(" ");
  if (row.case === "empty --id") return [...given, ""];
  if (!row.case.startsWith("api-sock path >")) return given;
  return ["--api-sock", `${arena.folder}/run/${"a".repeat(120)}`];
}

test.each(rows.map((row) => [row.case, row] as const))("%s", async (_name, row) => {
  const vmm = arena.spawn(namespace, join(folder, "firecracker"), words(row));
  const { code, signal } = await vmm.exit;
  const exit = signal === null ? String(code) : signal === "SIGABRT" ? "-6" : signal;
  expect({ exit, stdout: comparable(vmm.output), stderr: comparable(vmm.errors) }).toEqual({
    exit: row.exit,
    stdout: (row.stdout ?? "").replaceAll("⏎", "\n"),
    stderr: (row.stderr ?? "").replaceAll("⏎", "\n"),
  });
});

test.each([
  ["SIGTERM", null, "SIGTERM"],
  ["SIGINT", null, "SIGINT"],
  ["SIGKILL", null, "SIGKILL"],
  ["SIGHUP", 156, null],
] as const)("%s before the start ends it and leaves the socket file", async (name, code, signal) => {
  const vmm = await arena.start(namespace, join(folder, "firecracker"));
  vmm.child.kill(name);
  expect(await vmm.exit).toEqual({ code, signal });
  expect(existsSync(vmm.socket)).toBe(true);
});

test("--version and --snapshot-version print the answer before the log", async () => {
  const version = arena.spawn(namespace, join(folder, "firecracker"), ["--version"]);
  expect((await version.exit).code).toBe(0);
  expect(comparable(version.output)).toBe(
    "Firecracker v1.16.1\n\n[anonymous-instance:main] Firecracker exiting successfully. exit_code=0\n",
  );
});

test("a load is refused for a guest of --config-file", async () => {
  const config = join(arena.folder, "config.json");
  const kernel = join(arena.folder, "vmlinux");
  writeFileSync(kernel, Buffer.concat([Buffer.from("\x7fELF"), Buffer.alloc(100)]));
  writeFileSync(config, JSON.stringify({ "boot-source": { kernel_image_path: kernel }, drives: [], unknown: {} }));
  const vmm = await arena.start(namespace, join(folder, "firecracker-stub"), ["--config-file", config]);
  const body = { snapshot_path: "a", mem_backend: { backend_type: "File", backend_path: "b" } };
  const answer = await vmm.send("PUT /snapshot/load", body);
  expect(answer).toMatchObject({ status: 400 });
  expect(answer.body).toContain("The requested operation is not supported after starting the microVM.");
});
