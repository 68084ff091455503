import {
  artifactIn,
  artifactSchema,
  filesOf,
  manifestDigest,
  manifestSchema,
  manifestText,
  type Manifest,
} from "./manifest";

const file = (letter: string): Manifest["files"][string] => ({ sha256: letter.repeat(64), size: 1024 });
const manifest: Manifest = {
  format: 1,
  files: { "vm.snapshot": file("a"), "vm.mem": file("b"), "rootfs.ext4": file("c"), vmlinux: file("d") },
  firecracker: "1.16.1",
  snapshotFormat: "10.0.0",
  cpu: "Some CPU",
  hostKernel: "6.1.0",
  guest: { address: "192.168.241.2", mac: "06:00:c0:a8:f1:02", tap: "192.168.241.1/29" },
  diskPath: "/opt/swarm/snapshots/hornet-guest/rootfs.ext4",
  tap: "tap0",
  iface: "eth0",
  memory: 128,
  vcpus: 1,
  identity: "service",
  bootArgs: "quiet",
  made: { at: "2026-01-01T00:00:00.000Z", from: "boot", key: "k" },
};

test("the digest of a manifest is pinned, so that an artifact keeps its name in every version of Hornet", () => {
  expect(manifestDigest(manifestText(manifest))).toBe(
    "sha256:d2ebd590c3226b8455f8981db67bceb37def5b9abfe9fd407573d0a920d1b12d",
  );
});

test("a manifest survives parsing and rendering unchanged", () => {
  const text = manifestText(manifest);
  expect(manifestText(manifestSchema.parse(JSON.parse(text)))).toBe(text);
});

test("CPU features, where recorded, are a part of the digest", () => {
  const noted = { ...manifest, cpuFeatures: ["aes", "avx2"] };
  const text = manifestText(manifestSchema.parse(noted));
  expect(manifestSchema.parse(JSON.parse(text)).cpuFeatures).toEqual(["aes", "avx2"]);
  expect(manifestDigest(text)).not.toBe(manifestDigest(manifestText(manifest)));
});

test("any change changes the digest", () => {
  const digest = manifestDigest(manifestText(manifest));
  expect(manifestDigest(manifestText({ ...manifest, memory: 256 }))).not.toBe(digest);
  const files = { ...manifest.files, "vm.mem": file("e") };
  expect(manifestDigest(manifestText({ ...manifest, files }))).not.toBe(digest);
});

test.each<[string, unknown]>([
  ["another format", { ...manifest, format: 2 }],
  ["a short hash", { ...manifest, files: { "vm.mem": { sha256: "ab", size: 1 } } }],
  ["a negative size", { ...manifest, files: { "vm.mem": { ...file("a"), size: -1 } } }],
  ["no disk path", { ...manifest, diskPath: undefined }],
  ["an unknown identity", { ...manifest, identity: "none" }],
  ["features that are no names", { ...manifest, cpuFeatures: ["aes\n"] }],
  ["a list", []],
])("refuses %s", (_name, value) => expect(manifestSchema.safeParse(value).success).toBe(false));

test("a clone's part of an artifact", () => {
  const artifact = artifactIn("/a/digest", "sha256:x", manifest);
  expect(artifactSchema.parse(artifact)).toEqual(artifact);
  expect(artifact).toMatchObject({
    digest: "sha256:x",
    folder: "/a/digest",
    diskPath: manifest.diskPath,
    kernel: "vmlinux",
    guestMac: manifest.guest.mac,
  });
  expect(filesOf(artifact)).toEqual({
    snapshot: "/a/digest/vm.snapshot",
    memory: "/a/digest/vm.mem",
    disk: "/a/digest/rootfs.ext4",
    kernel: "/a/digest/vmlinux",
  });
  expect(filesOf({ ...artifact, kernel: "/a/digest/vmlinux" }).kernel).toBe("/a/digest/vmlinux");
});

test("clones of an artifact without a disk copy the one at the baked path, and one without a kernel names none", () => {
  const files = { "vm.snapshot": file("a"), "vm.mem": file("b") };
  const artifact = artifactIn("/a", "sha256:x", { ...manifest, files });
  expect(filesOf(artifact).kernel).toBeUndefined();
  expect(filesOf(artifact).disk).toBe(manifest.diskPath);
});
