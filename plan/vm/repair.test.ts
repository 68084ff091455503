import type { Observed, ObservedLink, ObservedVm } from "../../model/observed";
import { defaultBootArgs, planVm, type VmPlan } from "./repair";

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
  held: false,
  unsettled: false,
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

const restart = (...drift: string[]): VmPlan => ({ drift, action: "restart", mend: false });
const mend = (...drift: string[]): VmPlan => ({ drift, action: "none", mend: true });
const asDeclared: VmPlan = { drift: [], action: "none", mend: false };

test.each<[string, Observed, VmPlan, key?: string]>([
  ["as declared", observed({}), asDeclared],
  ["never started", observed(undefined), restart("no VMM was started")],
  [
    "exited",
    observed({ alive: false, exit: "137 2026-01-02T03:04:05Z" }),
    restart("VMM exited with 137 at 2026-01-02T03:04:05Z (pid 42)"),
  ],
  ["exited, unseen", observed({ alive: false }), restart("VMM exited (pid 42; nobody saw how)")],
  [
    "ended with the droplet",
    observed({ alive: false, rebooted: true }, { namespaces: [] }),
    restart("VMM of vm7 ended with the droplet, which was booted anew"),
  ],
  [
    "gone with its namespace",
    observed({ alive: false }, { namespaces: [] }),
    restart("VMM of vm7 is gone with its namespace"),
  ],
  ["elsewhere", observed({ inNamespace: false }), restart("VMM runs outside of namespace vm7")],
  ["no disk", observed({ diskSize: -1, diskMounted: false, ownDisk: false }), restart("private disk missing")],
  ["another disk", observed({ diskMounted: false, ownDisk: false }), restart("the VMM's disk is not the private one")],
  [
    "its own disk, not mounted any more",
    observed({ diskMounted: false }),
    mend("the private disk is not mounted at its path"),
  ],
  ["a disk that was cut", observed({ diskSize: 7 }), restart("private disk was cut from 8 to 7 bytes")],
  ["a disk that grew", observed({ diskSize: 9 }), asDeclared],
  ["a disk whose size was not noted", observed({ diskWas: 0 }), asDeclared],
  ["another program", observed({ ownProgram: false }), restart("VMM runs another program than it was started from")],
  [
    "a folder that others can look into",
    observed({ folderMode: "755" }),
    mend("the folder of vm7 has the mode 755, not 700"),
  ],
  ["no pid file", observed({ recorded: false }), mend("the pid file of vm7 does not name its VMM")],
  ["no mark on the disk", observed({ diskUsed: false }), mend("the mark on the disk of vm7 is missing")],
  ["no launch record", observed({ record: {}, ownDisk: false }), restart("the launch record of vm7 is missing")],
  ["silent", observed({ state: "" }), restart("VMM does not answer on its API socket")],
  ["never loaded", observed({ state: "Not started" }), restart("VMM runs no VM")],
  ["let go of its tap", observed({}, { link: { ...tap, carrier: false } }), restart("VMM does not hold tap0")],
  ["its tap is gone", observed({}, { link: { ...tap, name: "tap1" } }), restart("VMM does not hold tap0")],
  [
    "tap down: its carrier says nothing, and the network's own repair comes first",
    observed({}, { link: { ...tap, up: false, carrier: false } }),
    asDeclared,
  ],
  ["another snapshot", observed({ record: { digest: "sha256:b", key: "" } }), restart("VMM runs another snapshot")],
  ["another one that is as good", observed({ record: { digest: "sha256:b", key: "k" } }), asDeclared, "k"],
  ["one whose key is noted whole", observed({ record: { digest: "sha256:b", key: "key" } }), asDeclared, "k"],
  [
    "another one of another key",
    observed({ record: { digest: "sha256:b", key: "l" } }),
    restart("VMM runs another snapshot"),
    "k",
  ],
  [
    "paused: the guest lives on",
    observed({ state: "Paused", diskUsed: false }),
    { drift: ["VM paused", "the mark on the disk of vm7 is missing"], action: "resume", mend: true },
  ],
  [
    "not told who it is",
    observed({ held: true, state: "Paused" }),
    { drift: ["VM paused", "guest was not told who it is"], action: "identify", mend: false },
  ],
  [
    "started, but never ready",
    observed({ unsettled: true }),
    { drift: ["the clone was changed, and was not seen to be ready since"], action: "settle", mend: false },
  ],
  [
    "the same, paused since",
    observed({ unsettled: true, state: "Paused", folderMode: "755" }),
    {
      drift: [
        "VM paused",
        "the clone was changed, and was not seen to be ready since",
        "the folder of vm7 has the mode 755, not 700",
      ],
      action: "settle",
      mend: true,
    },
  ],
  ["told as declared", observed({ told: "now" }), asDeclared],
  [
    "told by an operation that was cut off",
    observed({ told: "" }),
    { drift: ["guest was told something else than what is declared"], action: "tell", mend: false },
  ],
  [
    "the process that would clear its metadata was killed",
    observed({ uncleared: true }),
    { drift: ["the metadata of vm7 was not cleared"], action: "tell", mend: false },
  ],
  [
    "told something else",
    observed({ unsettled: true, told: "then" }),
    {
      drift: [
        "guest was told something else than what is declared",
        "the clone was changed, and was not seen to be ready since",
      ],
      action: "tell",
      mend: false,
    },
  ],
  [
    "paused, but worse besides",
    observed({ state: "Paused", diskMounted: false, ownDisk: false }),
    restart("the VMM's disk is not the private one"),
  ],
  [
    "several at once, all said",
    observed({ inNamespace: false, state: "Not started" }),
    restart("VMM runs outside of namespace vm7", "VMM runs no VM"),
  ],
])("%s", (_name, seen, expected, key = "") => {
  expect(planVm({ namespace: "vm7", tap: "tap0", digest, key, told: "now" }, seen)).toEqual(expected);
});

test("the kernel's command line carries address, gateway and mask", () => {
  expect(defaultBootArgs("192.168.241.2", "192.168.241.1/29")).toBe(
    "console=ttyS0 quiet loglevel=1 reboot=k panic=1 pci=off " +
      "ip=192.168.241.2::192.168.241.1:255.255.255.248::eth0:off",
  );
});
