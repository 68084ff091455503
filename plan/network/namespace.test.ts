import { planNamespace, type NamespacePlan, type NamespaceSpec } from "./namespace";
import type { Observed, ObservedLink, ObservedNamespace } from "../../model/observed";

const owner = "hornet:p/s:abcdefabcdef";
const spec: NamespaceSpec = {
  namespace: "vm7",
  bridge: "br0",
  hostVeth: "veth7h",
  hostMac: "0a:fc:0a:00:00:09",
  nsVeth: "veth0",
  nsMac: "06:fc:0a:00:00:09",
  address: "10.0.0.9/24",
  gateway: "10.0.0.1",
  isolated: true,
  tap: "tap0",
  tapMac: "02:fc:00:00:00:01",
  tapAddress: "192.168.241.1/29",
  owner,
};

const blank: ObservedLink = {
  name: "",
  kind: "",
  persistent: false,
  up: true,
  carrier: true,
  mac: "",
  alias: "",
  master: "",
  isolated: false,
  addresses: [],
  peerNamespace: -1,
};
const outer: ObservedLink = {
  ...blank,
  name: "veth7h",
  kind: "veth",
  mac: spec.hostMac,
  alias: owner,
  master: "br0",
  isolated: true,
};
const inner: ObservedLink = { ...blank, name: "veth0", kind: "veth", mac: spec.nsMac, addresses: [spec.address] };
const lo: ObservedLink = { ...blank, name: "lo", alias: owner, addresses: ["127.0.0.1/8"] };
const tap: ObservedLink = {
  ...blank,
  name: "tap0",
  kind: "tun",
  persistent: true,
  carrier: false,
  mac: spec.tapMac,
  addresses: [spec.tapAddress],
};
const route = { destination: "default", gateway: "10.0.0.1", device: "veth0" };
const onLink = { destination: "10.0.0.0/24", gateway: "", device: "veth0" };

interface Found {
  readonly links?: readonly ObservedLink[];
  readonly inside?: readonly ObservedLink[];
  readonly routes?: ObservedNamespace["routes"];
}

function observed({ links = [outer], inside = [lo, inner, tap], routes = [route, onLink] }: Found = {}): Observed {
  return {
    links: [{ ...blank, name: "br0", kind: "bridge" }, ...links],
    forwarding: true,
    tables: [],
    namespaces: ["vm7", "other"],
    claims: [{ name: "vm7", owner }],
    bridges: {},
    inside: { vm7: { links: inside, routes, tables: [], forwarding: true } },
    vms: {},
  };
}

const nothing: Observed = { ...observed(), links: [], namespaces: ["other"], claims: [], inside: {} };

const addVeth =
  "link add veth7h address 0a:fc:0a:00:00:09 type veth peer name veth0 address 06:fc:0a:00:00:09 netns vm7";
const setVeth = [
  `link set veth7h alias ${owner}`,
  "link set veth7h master br0 up",
  "link set veth7h type bridge_slave isolated on",
];
const setInner = [
  "addr replace 10.0.0.9/24 dev veth0",
  "link set veth0 up",
  "route replace default via 10.0.0.1 dev veth0",
];
const makeTap = [
  "tuntap add dev tap0 mode tap",
  "link set tap0 address 02:fc:00:00:00:01 up",
  "addr replace 192.168.241.1/29 dev tap0",
];

test("create: the veth pair before its settings, the address before the route", () => {
  expect(planNamespace(spec, nothing)).toEqual({
    drift: ["namespace vm7 missing"],
    addNamespace: true,
    insideFirst: [],
    host: [addVeth, ...setVeth],
    inside: [`link set lo alias ${owner} up`, ...setInner, ...makeTap],
  });
});

test("create without isolation sets it off", () => {
  const { host } = planNamespace({ ...spec, isolated: false }, nothing);
  expect(host.at(-1)).toBe("link set veth7h type bridge_slave isolated off");
});

test("no steps where all is as declared", () => {
  expect(planNamespace(spec, observed())).toEqual({
    drift: [],
    addNamespace: false,
    insideFirst: [],
    host: [],
    inside: [],
  });
});

type Case = readonly [name: string, found: Found, plan: Partial<NamespacePlan>];
const cases: readonly Case[] = [
  [
    "owner label",
    { links: [{ ...outer, alias: "" }] },
    { drift: ["veth7h lost its owner label"], host: [`link set veth7h alias ${owner}`] },
  ],
  [
    "outer MAC",
    { links: [{ ...outer, mac: "0a:00:00:00:00:00" }] },
    { drift: ["veth7h has another MAC address"], host: ["link set veth7h address 0a:fc:0a:00:00:09"] },
  ],
  [
    "master",
    { links: [{ ...outer, master: "", isolated: false }] },
    {
      drift: ["veth7h is not a port of br0", "veth7h is not isolated"],
      host: ["link set veth7h master br0", "link set veth7h type bridge_slave isolated on"],
    },
  ],
  [
    "another master, still isolated: isolation is set again, because the new port starts without",
    { links: [{ ...outer, master: "br9" }] },
    {
      drift: ["veth7h is not a port of br0"],
      host: ["link set veth7h master br0", "link set veth7h type bridge_slave isolated on"],
    },
  ],
  [
    "isolation",
    { links: [{ ...outer, isolated: false }] },
    { drift: ["veth7h is not isolated"], host: ["link set veth7h type bridge_slave isolated on"] },
  ],
  ["outer down", { links: [{ ...outer, up: false }] }, { drift: ["veth7h down"], host: ["link set veth7h up"] }],
  [
    "several settings of one link: the owner label in a separate line, the rest in one line",
    { links: [{ ...outer, up: false, mac: "0a:00:00:00:00:00", alias: "x" }] },
    {
      drift: ["veth7h lost its owner label", "veth7h has another MAC address", "veth7h down"],
      host: [`link set veth7h alias ${owner}`, "link set veth7h address 0a:fc:0a:00:00:09 up"],
    },
  ],
  ["lo down", { inside: [{ ...lo, up: false }, inner, tap] }, { drift: ["lo down"], inside: [expect.any(String)] }],
  [
    "lo label",
    { inside: [{ ...lo, alias: "" }, inner, tap] },
    { drift: ["lo lost its owner label"], inside: [`link set lo alias ${owner} up`] },
  ],
  [
    "inner MAC",
    { inside: [lo, { ...inner, mac: "06:00:00:00:00:00" }, tap] },
    { drift: ["veth0 has another MAC address"], inside: ["link set veth0 address 06:fc:0a:00:00:09"] },
  ],
  [
    "inner address gone, its routes with it",
    { inside: [lo, { ...inner, addresses: [] }, tap], routes: [] },
    {
      drift: ["address 10.0.0.9/24 missing on veth0", "default route missing"],
      inside: ["addr replace 10.0.0.9/24 dev veth0", "route replace default via 10.0.0.1 dev veth0"],
    },
  ],
  [
    "a foreign address",
    { inside: [lo, { ...inner, addresses: ["10.0.0.9/24", "10.0.0.77/24"] }, tap] },
    { drift: ["veth0 has a foreign address 10.0.0.77/24"], inside: ["addr del 10.0.0.77/24 dev veth0"] },
  ],
  [
    "inner down, its routes gone",
    { inside: [lo, { ...inner, up: false }, tap], routes: [] },
    {
      drift: ["veth0 down", "default route missing"],
      inside: ["link set veth0 up", "route replace default via 10.0.0.1 dev veth0"],
    },
  ],
  [
    "no default route",
    { routes: [onLink] },
    { drift: ["default route missing"], inside: ["route replace default via 10.0.0.1 dev veth0"] },
  ],
  [
    "another gateway",
    { routes: [{ ...route, gateway: "10.0.0.2" }, onLink] },
    {
      drift: ["default route changed"],
      inside: ["route del default via 10.0.0.2 dev veth0", "route replace default via 10.0.0.1 dev veth0"],
    },
  ],
  [
    "a second default route",
    { routes: [route, { destination: "default", gateway: "", device: "tap0" }, onLink] },
    {
      drift: ["default route changed"],
      inside: ["route del default dev tap0", "route replace default via 10.0.0.1 dev veth0"],
    },
  ],
  [
    "a second default route over the right gateway, but another device",
    { routes: [route, { ...route, device: "tap0" }, onLink] },
    {
      drift: ["default route changed"],
      inside: ["route del default via 10.0.0.1 dev tap0", "route replace default via 10.0.0.1 dev veth0"],
    },
  ],
  [
    "the default route twice, with two metrics",
    { routes: [route, route, onLink] },
    {
      drift: ["default route changed"],
      inside: [
        "route del default via 10.0.0.1 dev veth0",
        "route del default via 10.0.0.1 dev veth0",
        "route replace default via 10.0.0.1 dev veth0",
      ],
    },
  ],
  ["tap missing", { inside: [lo, inner] }, { drift: ["tap0 missing"], inside: makeTap }],
  [
    "a tap that a VMM made for itself",
    { inside: [lo, inner, { ...tap, persistent: false }] },
    { drift: ["tap0 missing"], inside: ["link del tap0", ...makeTap] },
  ],
  [
    "another kind of link under the tap's name",
    { inside: [lo, inner, { ...tap, kind: "dummy", persistent: false }] },
    { drift: ["tap0 missing"], inside: ["link del tap0", ...makeTap] },
  ],
  [
    "a tap of ours under another name, left by a run that was cut off",
    { inside: [lo, inner, tap, { ...tap, name: "tap7" }, { ...tap, name: "tap8", mac: "02:00:00:00:00:00" }] },
    { drift: ["tap7 has the addresses of tap0"], inside: ["link del tap7"] },
  ],
  [
    "tap MAC",
    { inside: [lo, inner, { ...tap, mac: "02:00:00:00:00:00" }] },
    { drift: ["tap0 has another MAC address"], inside: ["link set tap0 address 02:fc:00:00:00:01"] },
  ],
  [
    "tap address",
    { inside: [lo, inner, { ...tap, addresses: [] }] },
    { drift: ["address 192.168.241.1/29 missing on tap0"], inside: ["addr replace 192.168.241.1/29 dev tap0"] },
  ],
  ["tap down", { inside: [lo, inner, { ...tap, up: false }] }, { drift: ["tap0 down"], inside: ["link set tap0 up"] }],
  [
    "both ends of the pair gone: the pair and its settings, nothing else",
    { links: [], inside: [lo, tap], routes: [] },
    { drift: ["veth pair veth7h/veth0 missing"], host: [addVeth, ...setVeth], inside: setInner },
  ],
  [
    "only the outer end left: it is deleted first",
    { inside: [lo, tap], routes: [] },
    { drift: ["veth pair veth7h/veth0 missing"], host: ["link del veth7h", addVeth, ...setVeth], inside: setInner },
  ],
  [
    "the outer end renamed: the inner end is deleted first, and the outer end with it",
    { links: [] },
    {
      drift: ["veth pair veth7h/veth0 missing"],
      insideFirst: ["link del veth0"],
      host: [addVeth, ...setVeth],
      inside: setInner,
    },
  ],
  [
    "an empty namespace, as a crash right after its creation leaves it",
    { links: [], inside: [{ ...lo, up: false, alias: "", addresses: [] }], routes: [] },
    {
      drift: ["veth pair veth7h/veth0 missing", "lo down", "tap0 missing"],
      host: [addVeth, ...setVeth],
      inside: [`link set lo alias ${owner} up`, ...setInner, ...makeTap],
    },
  ],
];

test.each(cases)("drift: %s", (_name, found, expected) => {
  expect(planNamespace(spec, observed(found))).toEqual({
    drift: [],
    addNamespace: false,
    insideFirst: [],
    host: [],
    inside: [],
    ...expected,
  });
});

test("drift: isolated, but declared without isolation", () => {
  expect(planNamespace({ ...spec, isolated: false }, observed())).toMatchObject({
    drift: ["veth7h is isolated"],
    host: ["link set veth7h type bridge_slave isolated off"],
  });
});
