import type { Observed, ObservedLink, ObservedVm } from "../../model/observed";
import { defaultBootArgs, planRepair, vmDrift, type Desired, type Recorded, type Repair } from "./repair";

const digest = `sha256:${"a".repeat(64)}`;
const running: ObservedVm = {
  pid: 42,
  alive: true,
  recorded: true,
  exit: "",
  rebooted: false,
  startTime: "1",
  inNamespace: true,
  state: "Running",
  version: "1.16.1",
  ownProgram: true,
  diskSize: 8,
  diskWas: 8,
  diskUsed: true,
  diskMounted: true,
  ownDisk: true,
  quarantined: false,
  unverified: false,
  folderMode: "700",
  record: { digest, key: "" },
};
const tap: ObservedLink = {
  name: "tap0",
  kind: "tun",
  persistent: true,
  up: true,
  carrier: true,
  mac: "",
  alias: "",
  master: "",
  isolated: false,
  addresses: [],
  peerNamespace: -1,
};

function observed(vm: Partial<ObservedVm> | undefined, { link = tap, namespaces = ["vm7"] } = {}): Observed {
  return {
    links: [],
    forwarding: true,
    tables: [],
    namespaces,
    claims: [],
    bridges: {},
    inside: { vm7: { links: [link], routes: [], tables: [], forwarding: true } },
    vms: vm === undefined ? {} : { vm7: { ...running, ...vm } },
  };
}

const desired: Desired = {
  namespace: "vm7",
  tap: "tap0",
  digest,
  key: "",
  identityDigest: "now",
  method: "service",
  renewDisk: "",
  restart: "",
};
const recorded: Recorded = { digest, key: "", renewDisk: "", restart: "", identityDigest: "now" };

/** A short text for a repair: `start from disk`, `tidy, resume`. */
function summary(repair: Repair): string {
  const { recoverPid, tidy, kind } = repair;
  const before = [...(recoverPid ? ["recover pid"] : []), ...(tidy ? ["tidy"] : [])];
  const how = {
    create: () => "create",
    adopt: () => "adopt",
    none: () => "none",
    resume: () => "resume",
    start: () => (repair.kind === "start" ? `start from ${repair.from}${repair.putBack ? ", put back" : ""}` : ""),
    move: () => (repair.kind === "move" ? `move ${repair.sameDisk ? "with its disk" : "to a new disk"}` : ""),
    identify: () => (repair.kind === "identify" ? `identify${repair.first ? " first" : ""}${then(repair.resume)}` : ""),
    verify: () => (repair.kind === "verify" ? `verify${then(repair.resume)}` : ""),
  }[kind]();
  return [...before, how].join(", ");
}

const then = (resume: boolean): string => (resume ? ", resume" : "");

const broken = "start from disk, put back";

/** Each state of a clone, its drift, and its repair where its inputs did not change. */
test.each<[string, Observed, readonly string[], string, key?: string]>([
  ["running", observed({}), [], "none"],
  ["absent", observed(undefined), ["no VMM was started"], "start from snapshot, put back"],
  [
    "ended",
    observed({ alive: false, exit: "137 2026-01-02T03:04:05Z" }),
    ["VMM exited with 137 at 2026-01-02T03:04:05Z (pid 42)"],
    broken,
  ],
  ["ended, exit status unknown", observed({ alive: false }), ["VMM exited (pid 42; exit status unknown)"], broken],
  [
    "ended with the droplet",
    observed({ alive: false, rebooted: true }, { namespaces: [] }),
    ["VMM of vm7 ended when the droplet rebooted"],
    broken,
  ],
  [
    "gone with its namespace",
    observed({ alive: false }, { namespaces: [] }),
    ["VMM of vm7 is gone with its namespace"],
    broken,
  ],
  ["outside of its namespace", observed({ inNamespace: false }), ["VMM runs outside of namespace vm7"], broken],
  [
    "without its disk",
    observed({ diskSize: -1, diskMounted: false, ownDisk: false }),
    ["private disk missing"],
    "start from snapshot, put back",
  ],
  [
    "on another disk",
    observed({ diskMounted: false, ownDisk: false }),
    ["the VMM's disk is not the private one"],
    broken,
  ],
  [
    "its disk not mounted any more",
    observed({ diskMounted: false }),
    ["the private disk is not mounted at its path"],
    "tidy, none",
  ],
  [
    "its disk cut short",
    observed({ diskSize: 7 }),
    ["private disk was cut from 8 to 7 bytes"],
    "start from snapshot, put back",
  ],
  ["its disk grown", observed({ diskSize: 9 }), [], "none"],
  ["the size of its disk not recorded", observed({ diskWas: 0 }), [], "none"],
  ["another program", observed({ ownProgram: false }), ["VMM runs another program than it was started from"], broken],
  [
    "its folder open to others",
    observed({ folderMode: "755" }),
    ["the folder of vm7 has the mode 755, not 700"],
    "tidy, none",
  ],
  [
    "no pid file",
    observed({ recorded: false }),
    ["the pid file of vm7 does not name its VMM"],
    "recover pid, tidy, none",
  ],
  [
    "no pid file, and broken",
    observed({ recorded: false, state: "" }),
    ["VMM does not answer on its API socket", "the pid file of vm7 does not name its VMM"],
    `recover pid, ${broken}`,
  ],
  ["no used-disk marker", observed({ diskUsed: false }), ["the used-disk marker of vm7 is missing"], "tidy, none"],
  ["no launch record", observed({ record: {}, ownDisk: false }), ["the launch record of vm7 is missing"], broken],
  ["silent", observed({ state: "" }), ["VMM does not answer on its API socket"], broken],
  ["never loaded", observed({ state: "Not started" }), ["VMM runs no VM"], broken],
  ["without its tap", observed({}, { link: { ...tap, carrier: false } }), ["VMM does not hold tap0"], broken],
  ["its tap gone", observed({}, { link: { ...tap, name: "tap1" } }), ["VMM does not hold tap0"], broken],
  [
    "its tap down, so that the carrier is unknown; the network's repair comes first",
    observed({}, { link: { ...tap, up: false, carrier: false } }),
    [],
    "none",
  ],
  ["on another snapshot", observed({ record: { digest: "sha256:b", key: "" } }), ["VMM runs another snapshot"], broken],
  ["on an equivalent snapshot", observed({ record: { digest: "sha256:b", key: "k" } }), [], "none", "k"],
  [
    "on a snapshot whose whole key is recorded",
    observed({ record: { digest: "sha256:b", key: "key" } }),
    [],
    "none",
    "k",
  ],
  [
    "on a snapshot of another key",
    observed({ record: { digest: "sha256:b", key: "l" } }),
    ["VMM runs another snapshot"],
    broken,
    "k",
  ],
  [
    "paused",
    observed({ state: "Paused", diskUsed: false }),
    ["VM paused", "the used-disk marker of vm7 is missing"],
    "tidy, resume",
  ],
  [
    "paused, and broken",
    observed({ state: "Paused", diskMounted: false, ownDisk: false }),
    ["the VMM's disk is not the private one"],
    broken,
  ],
  [
    "quarantined, but no longer identified over ssh",
    observed({ quarantined: true, state: "Paused" }),
    ["VM paused", "guest has no identity yet"],
    "start from disk",
  ],
  ["unverified", observed({ unverified: true }), ["the clone was not verified since its last change"], "verify"],
  [
    "unverified, and paused since",
    observed({ unverified: true, state: "Paused", folderMode: "755" }),
    ["VM paused", "the clone was not verified since its last change", "the folder of vm7 has the mode 755, not 700"],
    "tidy, verify, resume",
  ],
  ["with the declared identity", observed({ appliedIdentity: "now" }), [], "none"],
  [
    "an identity change that was cut off",
    observed({ appliedIdentity: "" }),
    ["guest identity differs from the declared one"],
    "identify",
  ],
  [
    "metadata that was not cleared",
    observed({ uncleared: true, state: "Paused" }),
    ["VM paused", "the metadata of vm7 was not cleared"],
    "identify, resume",
  ],
  [
    "misidentified and unverified",
    observed({ unverified: true, appliedIdentity: "then" }),
    ["guest identity differs from the declared one", "the clone was not verified since its last change"],
    "identify",
  ],
  [
    "broken in several ways",
    observed({ inNamespace: false, state: "Not started" }),
    ["VMM runs outside of namespace vm7", "VMM runs no VM"],
    broken,
  ],
])("%s", (_name, seen, drift, repair, key = "") => {
  expect(vmDrift({ ...desired, key }, seen)).toEqual(drift);
  expect(summary(planRepair({ ...desired, key }, { ...recorded, key }, seen))).toBe(repair);
});

const quarantined = { quarantined: true, state: "Paused" };
const noDisk = { diskSize: -1, diskUsed: false, diskMounted: false, record: { digest, key: "", disk_path: "" } };

/** The declaration against the state. */
test.each<[string, Partial<ObservedVm> | undefined, Partial<Desired>, Partial<Recorded> | undefined, string]>([
  ["another identity", {}, { identityDigest: "next" }, {}, "identify"],
  ["another identity for a paused guest", { state: "Paused" }, { identityDigest: "next" }, {}, "identify, resume"],
  ["another identity by cloud-init", {}, { identityDigest: "next", method: "cloud-init" }, {}, "start from disk"],
  ["the same identity by cloud-init", {}, { method: "cloud-init" }, {}, "none"],
  ["quarantined, by ssh", quarantined, { method: "ssh" }, {}, "identify first, resume"],
  [
    "quarantined, by ssh, another identity",
    quarantined,
    { method: "ssh", identityDigest: "next" },
    {},
    "identify first, resume",
  ],
  ["quarantined, by cloud-init", quarantined, { method: "cloud-init" }, {}, "start from disk"],
  ["another snapshot", {}, { digest: "sha256:b" }, {}, "move with its disk"],
  ["another snapshot, ended", { alive: false }, { digest: "sha256:b" }, {}, "move with its disk"],
  ["another snapshot, its disk cut", { diskSize: 7 }, { digest: "sha256:b" }, {}, "move to a new disk"],
  ["another disk", {}, { renewDisk: "2" }, {}, "move to a new disk"],
  ["a restart", {}, { restart: "2" }, {}, "move with its disk"],
  ["a restart of one that ended", { alive: false }, { restart: "2" }, {}, "start from disk, put back"],
  [
    "a snapshot of the same key",
    { record: { digest, key: "k" } },
    { digest: "sha256:b", key: "k" },
    { key: "k" },
    "tidy, none",
  ],
  ["no state, nothing there", undefined, {}, undefined, "create"],
  ["no state, a disk that never ran", { alive: false, diskUsed: false }, {}, undefined, "create"],
  ["no state, a guest that runs", {}, {}, undefined, "adopt"],
  [
    "no state, a guest that runs, untidy",
    { folderMode: "755", recorded: false },
    {},
    undefined,
    "recover pid, tidy, adopt",
  ],
  ["no state, a guest without a disk", noDisk, {}, undefined, "adopt"],
  ["no state, a guest without a disk that ended", { ...noDisk, alive: false }, {}, undefined, "create"],
  ["no state, a used disk", { alive: false }, {}, undefined, "start from disk"],
  ["no state, a guest that runs, by cloud-init", {}, { method: "cloud-init" }, undefined, "start from disk"],
])("%s: %#", (_name, vm, declared, state, repair) => {
  const inState = state === undefined ? undefined : { ...recorded, ...state };
  expect(summary(planRepair({ ...desired, ...declared }, inState, observed(vm)))).toBe(repair);
});

test("the kernel's command line carries address, gateway and mask", () => {
  expect(defaultBootArgs("192.168.241.2", "192.168.241.1/29")).toBe(
    "console=ttyS0 quiet loglevel=1 reboot=k panic=1 pci=off " +
      "ip=192.168.241.2::192.168.241.1:255.255.255.248::eth0:off",
  );
});
