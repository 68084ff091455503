import type { Observed, ObservedLink, ObservedVm } from "./observed";
import { defaultBootArgs, planVm, type VmPlan } from "./vm";

const digest = `sha256:${"a".repeat(64)}`;
const running: ObservedVm = {
  pid: 42,
  alive: true,
  startTime: "1",
  inNamespace: true,
  state: "Running",
  version: "1.16.1",
  diskSize: 1,
  diskUsed: true,
  diskMounted: true,
  record: { digest },
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
    bootId: "",
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

const restart = (...drift: string[]): VmPlan => ({ drift, action: "restart" });

test.each<[string, Observed, VmPlan]>([
  ["as declared", observed({}), { drift: [], action: "none" }],
  ["never started", observed(undefined), restart("no VMM was started")],
  ["exited", observed({ alive: false }), restart("VMM of vm7 exited (pid 42)")],
  [
    "gone with its namespace",
    observed({ alive: false }, { namespaces: [] }),
    restart("VMM of vm7 is gone with its namespace"),
  ],
  ["elsewhere", observed({ inNamespace: false }), restart("VMM runs outside of namespace vm7")],
  ["no disk", observed({ diskSize: -1, diskMounted: false }), restart("private disk missing")],
  ["another disk", observed({ diskMounted: false }), restart("the VMM's disk is not the private one")],
  ["silent", observed({ state: "" }), restart("VMM does not answer on its API socket")],
  ["never loaded", observed({ state: "Not started" }), restart("VMM runs no VM")],
  ["let go of its tap", observed({}, { link: { ...tap, carrier: false } }), restart("VMM does not hold tap0")],
  [
    "tap down: its carrier says nothing, and the network's own repair comes first",
    observed({}, { link: { ...tap, up: false, carrier: false } }),
    { drift: [], action: "none" },
  ],
  ["another snapshot", observed({ record: { digest: "sha256:b" } }), restart("VMM runs another snapshot")],
  ["paused: the guest lives on", observed({ state: "Paused" }), { drift: ["VM paused"], action: "resume" }],
  [
    "paused, but worse besides",
    observed({ state: "Paused", diskMounted: false }),
    restart("the VMM's disk is not the private one"),
  ],
  [
    "several at once, all said",
    observed({ inNamespace: false, state: "Not started" }),
    restart("VMM runs outside of namespace vm7", "VMM runs no VM"),
  ],
])("%s", (_name, seen, expected) => {
  expect(planVm({ namespace: "vm7", tap: "tap0", digest }, seen)).toEqual(expected);
});

test("the kernel's command line carries address, gateway and mask", () => {
  expect(defaultBootArgs("192.168.241.2", "192.168.241.1/29")).toBe(
    "console=ttyS0 quiet loglevel=1 reboot=k panic=1 pci=off " +
      "ip=192.168.241.2::192.168.241.1:255.255.255.248::eth0:off",
  );
});
