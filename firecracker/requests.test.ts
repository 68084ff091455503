import { atLeast } from "./programs";
import {
  bootRequests,
  loadRequest,
  metadataRequest,
  pauseRequest,
  resumeRequest,
  snapshotRequest,
  vsockIn,
} from "./requests";
import { usualDevices } from "./devices";
import { versionsForFormat } from "./versions";

test.each<[string, string, boolean]>([
  ["1.16.1", "1.12", true],
  ["1.12.0", "1.12", true],
  ["1.12", "1.12.0", true],
  ["1.9.9", "1.12", false],
  ["1.2", "1.12", false],
  ["1.0.2", "1.1", false],
  ["2.0", "1.12", true],
  ["0.25.2", "1.1", false],
  ["1.12.0-dev", "1.12", true],
])("%s is at least %s: %p", (version, wanted, expected) => expect(atLeast(version, wanted)).toBe(expected));

const paths = { snapshotPath: "/a/vm.snapshot", memoryPath: "/a/vm.mem" };

test.each(["1.1.0", "1.7.0", "1.11.0", "1.12.0", "1.16.1"])("load, paused, with %s", (version) => {
  expect(loadRequest({ ...paths, version })).toEqual({
    method: "PUT",
    path: "/snapshot/load",
    body: {
      snapshot_path: "/a/vm.snapshot",
      mem_backend: { backend_path: "/a/vm.mem", backend_type: "File" },
      resume_vm: false,
    },
  });
});

test("a load before 1.1 names the memory file in a separate field", () => {
  expect(loadRequest({ ...paths, version: "1.0.2" }).body).toEqual({
    snapshot_path: "/a/vm.snapshot",
    mem_file_path: "/a/vm.mem",
    resume_vm: false,
  });
});

test("another tap needs 1.12, and the error for an earlier version says so", () => {
  const taps = [{ iface: "eth0", tap: "tap7" }];
  expect(loadRequest({ ...paths, version: "1.12.0", taps }).body).toMatchObject({
    network_overrides: [{ iface_id: "eth0", host_dev_name: "tap7" }],
  });
  expect(() => loadRequest({ ...paths, version: "1.11.0", taps })).toThrow(
    "Firecracker 1.11.0 cannot give a restored guest another tap; that came with 1.12",
  );
});

test.each<[string, string, string, object | undefined]>([
  ["1.16.1", "/tmp/v.sock", "/run/vm7/vsock.sock", { uds_path: "/run/vm7/vsock.sock" }],
  ["1.16.1", "v.sock", "/run/vm7/vsock.sock", { uds_path: "/run/vm7/vsock.sock" }],
  ["1.15.0", "v.sock", "/run/vm7/v.sock", undefined],
])("a vsock device with %s, baked in as %s, has its socket at %s", (version, baked, own, override) => {
  expect(vsockIn("/run/vm7", version, baked)).toBe(own);
  const body = loadRequest({ ...paths, version, vsock: { baked, own } }).body as Record<string, unknown>;
  expect(body.vsock_override).toEqual(override);
});

test("before 1.16 only a relative vsock path gives each clone its own socket", () => {
  const vsock = { baked: "/tmp/v.sock", own: "/run/vm7/vsock.sock" };
  expect(() => loadRequest({ ...paths, version: "1.15.0", vsock })).toThrow(
    "Firecracker 1.15.0 cannot give a restored guest another vsock socket; that came with 1.16",
  );
});

test("the other requests", () => {
  expect(resumeRequest).toEqual({ method: "PATCH", path: "/vm", body: { state: "Resumed" } });
  expect(pauseRequest.body).toEqual({ state: "Paused" });
  expect(metadataRequest({ a: 1 })).toEqual({ method: "PUT", path: "/mmds", body: { a: 1 } });
  expect(snapshotRequest("/d/s", "/d/m").body).toEqual({
    snapshot_type: "Full",
    snapshot_path: "/d/s",
    mem_file_path: "/d/m",
  });
  const boot = bootRequests({
    kernel: "/k",
    bootArgs: "quiet",
    diskPath: "/d/rootfs.ext4",
    iface: "eth0",
    devices: usualDevices("eth0"),
    tap: "tap0",
    guestMac: "06:00:c0:a8:f1:02",
    memory: 128,
    vcpus: 1,
  });
  expect(boot.map(({ path }) => path)).toEqual([
    "/machine-config",
    "/boot-source",
    "/drives/rootfs",
    "/network-interfaces/eth0",
    "/mmds/config",
  ]);
});

test.each([
  [8, "1.13 or 1.14"],
  [10, "1.16.0 or 1.16.1"],
  [99, "with --snapshot-version 99"],
])("snapshot format %d: %s", (format, words) => expect(versionsForFormat(format)).toBe(words));

test.each([
  ["1.3.3", false],
  ["1.4.0", true],
  ["1.17.0", true],
])("a boot by Firecracker %s has an entropy device: %s", (version, expected) => {
  const spec = { kernel: "/k", bootArgs: "", diskPath: "/d", tap: "tap0", guestMac: "06:00:c0:a8:f1:02", memory: 128 };
  const machine = { iface: "eth0", devices: usualDevices("eth0"), vcpus: 1 };
  const paths = bootRequests({ ...spec, ...machine, version }).map(({ path }) => path);
  expect(paths.includes("/entropy")).toBe(expected);
});
