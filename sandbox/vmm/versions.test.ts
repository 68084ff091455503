/** Versions of Firecracker with other snapshot formats: each reports its format, and none reads another's snapshots. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Arena, build, type Vmm } from "./testing";
import { copyAsVersion } from "./versions";

const versions = [
  ["1.16.1", "10.0.0"],
  ["1.16.2", "11.0.0"],
  ["1.17.0", "12.0.0"],
  ["3.0.0", "21.0.0"],
] as const;

let arena: Arena;
let namespace: number;
const program = (version: string): string => join(arena.folder, `firecracker-${version}`);
const state = (version: string): string => join(arena.folder, `${version}.state`);

beforeAll(async () => {
  arena = new Arena();
  namespace = await arena.namespace();
  const stub = join(build(), "firecracker-stub");
  for (const [version, format] of versions) {
    copyAsVersion(stub, program(version), version, version === "3.0.0" ? format : undefined);
  }
  writeFileSync(join(arena.folder, "vmlinux"), Buffer.concat([Buffer.from("\x7fELF"), Buffer.alloc(100)]));
  for (const [version] of versions) {
    const vmm = await arena.start(namespace, program(version));
    await vmm.must("PUT /machine-config", { vcpu_count: 1, mem_size_mib: 1 });
    await vmm.must("PUT /boot-source", { kernel_image_path: join(arena.folder, "vmlinux") });
    await vmm.must("PUT /actions", { action_type: "InstanceStart" });
    await vmm.must("PATCH /vm", { state: "Paused" });
    await vmm.must("PUT /snapshot/create", { snapshot_path: state(version), mem_file_path: `${state(version)}.mem` });
    expect(JSON.parse(await vmm.must("GET /version"))).toEqual({ firecracker_version: version });
    await end(vmm);
  }
}, 600_000);

afterAll(async () => {
  await arena.close();
});

async function end(vmm: Vmm): Promise<void> {
  vmm.child.kill("SIGKILL");
  await vmm.exit;
}

async function answer(version: string, ...words: string[]): Promise<{ code: number | null; line: string }> {
  const vmm = arena.spawn(namespace, program(version), words);
  const { code } = await vmm.exit;
  return { code, line: vmm.output.split("\n")[0]?.replace(/^\S+ \[\S+\] /, "") ?? "" };
}

const bitcode = "An error occurred during bitcode serialization: bitcode error";
const undescribed = `When printing Snapshot Data format: Invalid data format version of snapshot file: ${bitcode}`;

test.each(versions)(
  "%s says its version and its format, which stands in the head of its snapshots",
  async (version, format) => {
    expect(await answer(version, "--version")).toEqual({ code: 0, line: `Firecracker v${version}` });
    expect(await answer(version, "--snapshot-version")).toEqual({ code: 0, line: `v${format}` });
    const head = Buffer.concat([
      Buffer.from([0, 0, 0, 0x64, 0x86, 0x84, 0x19, 0x10, 0x07, format.length]),
      Buffer.from(format),
    ]);
    expect(readFileSync(state(version)).subarray(0, head.length)).toEqual(head);
  },
);

test.each(versions)("%s describes and loads its own snapshots only", async (version, format) => {
  for (const [other] of versions) {
    const own = other === version;
    expect(await answer(version, "--describe-snapshot", state(other))).toEqual(
      own ? { code: 0, line: `v${format}` } : { code: 1, line: undescribed },
    );
    const vmm = await arena.start(namespace, program(version));
    const memory = { backend_type: "File", backend_path: `${state(other)}.mem` };
    const loaded = await vmm.send("PUT /snapshot/load", { snapshot_path: state(other), mem_backend: memory });
    const failure = `Failed to get snapshot state from file: Failed to load snapshot state from file: ${bitcode}`;
    expect(loaded).toMatchObject(
      own
        ? { status: 204 }
        : { body: `{"fault_message":"Load snapshot error: Failed to restore from snapshot: ${failure}"}` },
    );
    await end(vmm);
  }
});
