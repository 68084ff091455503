import { bridgeMac, bridgeTable, bridgeTableName, planBridge, type BridgePlan, type BridgeSpec } from "./bridge";
import { renderTable } from "./nft";
import type { Observed, ObservedLink } from "../../model/observed";

const owner = "hornet:p/s:abcdefabcdef";
const spec: BridgeSpec = {
  name: "br0",
  address: "10.0.0.1/24",
  network: "10.0.0.0/24",
  uplink: "auto",
  closed: true,
  forwards: [],
  owner,
};
const ours: ObservedLink = {
  name: "br0",
  kind: "bridge",
  persistent: false,
  up: true,
  carrier: false,
  mac: bridgeMac("br0"),
  alias: owner,
  master: "",
  isolated: false,
  addresses: ["10.0.0.1/24"],
  peerNamespace: -1,
};

function observed(link: ObservedLink | undefined, forwarding = true): Observed {
  return {
    links: link === undefined ? [] : [link],
    forwarding,
    tables: [],
    namespaces: [],
    claims: [],
    bridges: {},
    inside: {},
    vms: {},
  };
}

const make = `link add br0 address ${bridgeMac("br0")} type bridge`;
const fromNothing = [make, `link set br0 alias ${owner}`, "addr replace 10.0.0.1/24 dev br0", "link set br0 up"];

type Case = readonly [name: string, seen: Observed, adopted: boolean, plan: Partial<BridgePlan>];
const cases: readonly Case[] = [
  [
    "absent",
    observed(undefined, false),
    false,
    {
      drift: ["bridge br0 missing", "IPv4 forwarding off"],
      host: fromNothing,
      addAddress: true,
      enableForwarding: true,
    },
  ],
  [
    "absent, forwarding already on",
    observed(undefined),
    false,
    { drift: ["bridge br0 missing"], host: fromNothing, addAddress: true },
  ],
  ["ours, as declared", observed(ours), false, {}],
  [
    "adopted, as declared: keeps its alias and MAC address",
    observed({ ...ours, alias: "lan", mac: "0a:0b" }),
    true,
    {},
  ],
  [
    "adopted, without our address: gets the address and no owner label",
    observed({ ...ours, alias: "", addresses: ["10.9.0.1/24"], up: false }, false),
    true,
    {
      drift: ["address 10.0.0.1/24 missing on br0", "br0 down", "IPv4 forwarding off"],
      host: ["addr replace 10.0.0.1/24 dev br0", "link set br0 up"],
      addAddress: true,
      enableForwarding: true,
    },
  ],
  [
    "owner label",
    observed({ ...ours, alias: "" }),
    false,
    { drift: ["br0 lost its owner label"], host: [`link set br0 alias ${owner}`] },
  ],
  [
    "address",
    observed({ ...ours, addresses: ["10.0.0.1/16"] }),
    false,
    { drift: ["address 10.0.0.1/24 missing on br0"], host: ["addr replace 10.0.0.1/24 dev br0"], addAddress: true },
  ],
  ["down", observed({ ...ours, up: false }), false, { drift: ["br0 down"], host: ["link set br0 up"] }],
  [
    "MAC address",
    observed({ ...ours, mac: "02:00:00:00:00:09" }),
    false,
    { drift: ["br0 has another MAC address"], host: [`link set br0 address ${bridgeMac("br0")}`] },
  ],
  [
    "replaced by a bridge with neither our label nor our MAC address: adopted",
    observed({ ...ours, alias: "lan", mac: "02:00:00:00:00:09", addresses: [] }),
    false,
    {
      drift: ["br0 was replaced by another bridge", "address 10.0.0.1/24 missing on br0"],
      host: ["addr replace 10.0.0.1/24 dev br0"],
      addAddress: true,
    },
  ],
  [
    "renamed: renamed back, so that its ports stay; the link is down meanwhile",
    observed({ ...ours, name: "brx", up: false }),
    false,
    {
      drift: ["bridge br0 was renamed to brx", "br0 down"],
      host: ["link set brx down", "link set brx name br0", "link set br0 up"],
    },
  ],
  [
    "somebody else's bridge under another name is not ours",
    observed({ ...ours, name: "brx", alias: "lan" }),
    false,
    { drift: ["bridge br0 missing"], host: fromNothing, addAddress: true },
  ],
  ["forwarding", observed(ours, false), false, { drift: ["IPv4 forwarding off"], enableForwarding: true }],
];

test.each(cases)("%s", (_name, seen, adopted, expected) => {
  expect(planBridge(spec, seen, adopted)).toEqual({
    drift: [],
    host: [],
    addAddress: false,
    enableForwarding: false,
    ...expected,
  });
});

test("a bridge's MAC address is fixed, local and unicast, and differs by name", () => {
  const macs = [bridgeMac("br0"), bridgeMac("br1")];
  expect(bridgeMac("br0")).toBe(macs[0]);
  expect(new Set(macs).size).toBe(2);
  for (const mac of macs) expect(mac).toMatch(/^02:fc(:[0-9a-f]{2}){4}$/);
});

test("the table masquerades what leaves the network, through any interface or through the uplink", () => {
  expect(bridgeTableName(owner, "br0")).toBe("hornet_abcdefabcdef_br0");
  const text = renderTable(bridgeTable(spec));
  expect(text).toContain(
    'ip saddr 10.0.0.0/24 ip daddr != 10.0.0.0/24 oifname != "br0" masquerade comment "masquerade"',
  );
  expect(text).not.toContain("hook forward");
  expect(renderTable(bridgeTable({ ...spec, uplink: "eth0" }))).toContain(
    'ip saddr 10.0.0.0/24 ip daddr != 10.0.0.0/24 oifname "eth0" masquerade',
  );
});
