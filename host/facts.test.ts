import { parseFacts, parseTable } from "./facts";

const section = (head: string, body: string): string => `\x1d${head}\n${body}`;
const veth = {
  ifname: "veth7h",
  flags: ["BROADCAST", "UP", "LOWER_UP"],
  address: "0a:fc:0a:00:00:09",
  ifalias: "hornet:p/s:1",
  master: "br0",
  link_netnsid: 3,
  linkinfo: { info_kind: "veth", info_slave_kind: "bridge", info_slave_data: { isolated: true } },
  addr_info: [{ family: "inet6", local: "fe80::1", prefixlen: 64 }],
};
const tap = {
  ifname: "tap0",
  flags: ["UP", "NO-CARRIER"],
  linkinfo: { info_kind: "tun", info_data: { type: "tap", persist: true } },
  addr_info: [{ family: "inet", local: "192.168.241.1", prefixlen: 29 }],
};
const table = {
  nftables: [
    { metainfo: { version: "1.0.6", json_schema_version: 1 } },
    { table: { family: "ip", name: "hornet", handle: 3 } },
    {
      chain: {
        family: "ip",
        table: "hornet",
        name: "forward",
        handle: 1,
        type: "filter",
        hook: "forward",
        prio: 0,
        policy: "drop",
      },
    },
    { chain: { family: "ip", table: "hornet", name: "plain", handle: 2 } },
    {
      rule: { family: "ip", table: "hornet", chain: "forward", handle: 9, comment: "egress", expr: [{ accept: null }] },
    },
    { rule: { family: "ip", table: "hornet", chain: "forward", handle: 10, expr: [{ drop: null }] } },
  ],
};

test("a table has no counters and handles", () => {
  const parsed = parseTable(JSON.stringify(table));
  expect(parsed).toEqual({
    name: "hornet",
    chains: ["forward filter forward 0 drop", "plain - - - -"],
    rules: [
      { comment: "egress", text: 'forward [{"accept":null}]' },
      { comment: "", text: 'forward [{"drop":null}]' },
    ],
  });
  expect(JSON.stringify(parsed)).not.toContain("handle");
});

test("parseFacts reads a complete droplet", () => {
  const seen = parseFacts(
    [
      section("stamp 1764000000.123456789", ""),
      section("links", `${JSON.stringify([{ ifname: "lo", flags: ["UP"] }, veth])}\n`),
      section("forwarding", "1\n"),
      section("tables", `${JSON.stringify(table)}\n`),
      section("namespaces", "vm7\nother\n"),
      section("bridge br0", ""),
      section("claim vm7 hornet:p/s:1", ""),
      section("claim vm8 hornet:other stack/s:2", ""),
      section(
        "inside vm7",
        `${JSON.stringify([tap])}\n${JSON.stringify([{ dst: "default", gateway: "10.0.0.1", dev: "veth0" }])}\n1\n`,
      ),
      section(
        "vm vm7",
        "pid=42\nrecorded=1\nstart=77\nalive=1\nin_namespace=1\ndisk=1024\nused=1\nrecord.digest=sha256:a=b\nmounted=1\n",
      ),
      section("api", 'vm7 {"id":"vm7","state":"Running","vmm_version":"1.16.1","app_name":"Firecracker"}\n'),
    ].join(""),
  );
  expect(seen).toMatchObject({
    stamp: "1764000000.123456789",
    forwarding: true,
    namespaces: ["vm7", "other"],
    claims: [
      { name: "vm7", owner: "hornet:p/s:1" },
      { name: "vm8", owner: "hornet:other stack/s:2" },
    ],
    tables: [{ name: "hornet" }],
    vms: {
      vm7: {
        pid: 42,
        alive: true,
        recorded: true,
        rebooted: false,
        exit: "",
        startTime: "77",
        inNamespace: true,
        state: "Running",
        version: "1.16.1",
        diskSize: 1024,
        diskMounted: true,
        record: { digest: "sha256:a=b" },
      },
    },
  });
  expect(seen.links[1]).toEqual({
    name: "veth7h",
    kind: "veth",
    persistent: false,
    up: true,
    carrier: true,
    mac: "0a:fc:0a:00:00:09",
    alias: "hornet:p/s:1",
    master: "br0",
    isolated: true,
    addresses: [],
    peerNamespace: 3,
  });
  expect(seen.inside.vm7?.links[0]).toMatchObject({
    persistent: true,
    carrier: false,
    addresses: ["192.168.241.1/29"],
  });
  expect(seen.inside.vm7?.routes).toEqual([{ destination: "default", gateway: "10.0.0.1", device: "veth0" }]);
});

test("the faults of a jail belong to its clone, and a jail whose comparison did not end has none", () => {
  const seen = parseFacts(
    [
      ...["vm7", "vm8", "vm9"].map((name) =>
        section(`vm ${name}`, "pid=42\nrecorded=1\nalive=1\nrecord.jail=listed\n"),
      ),
      section("jails", "vm7 missing - - - /a path\nvm7 mode 666 444 last /m\nvm7 compared\nvm8 list - - last \n"),
      section("jails", "vm9 compared\n"),
    ].join(""),
  );
  expect(seen.vms.vm7?.jailFaults).toEqual([
    { what: "missing", path: "/a path", is: "", was: "", last: false },
    { what: "mode", path: "/m", is: "666", was: "444", last: true },
  ]);
  expect(seen.vms.vm8).not.toHaveProperty("jailFaults");
  expect(seen.vms.vm9?.jailFaults).toEqual([]);
});

test.each([
  ["ours 0", "ours"],
  ["adopted 1 10.0.0.1/24", "adopted"],
])("a bridge that is %s", (origin, expected) => {
  expect(parseFacts(section(`bridge br0 ${origin}`, "")).bridges).toEqual({ br0: expected });
});

test.each([
  ["pid=42\nexit=42 137 2026-01-02T03:04:05Z\n", "137 2026-01-02T03:04:05Z"],
  ["pid=42\nexit=41 137 2026-01-02T03:04:05Z\n", ""],
  ["pid=42\n", ""],
])("the exit of a VMM comes from its own record only: %j", (body, exit) => {
  expect(parseFacts(section("vm vm7", body)).vms.vm7).toMatchObject({ alive: false, exit });
});

test("a namespace of ours whose folder lost its owner label is an unmarked claim", () => {
  expect(parseFacts(section("unmarked vm7 hornet:p/s:1", "")).claims).toEqual([
    { name: "vm7", owner: "hornet:p/s:1", unmarked: true },
  ]);
});

test("a VMM can only say the state of its VM, and nonsense counts as no answer", () => {
  const vm = (name: string): string => section(`vm ${name}`, "pid=1\nalive=1\n");
  const answer = (id: string, state: string): string => JSON.stringify({ id, state, vmm_version: "1" });
  const answers = [
    `a ${answer("a", "Running")}`,
    `b ${answer("a", "Paused")}${answer("b", "Running")}`,
    `c ${answer("a", "Paused")}`,
    "d <html>",
    "",
  ];
  const { vms } = parseFacts([...["a", "b", "c", "d"].map(vm), section("api", answers.join("\n"))].join(""));
  expect(Object.entries(vms).map(([name, { state }]) => [name, state])).toEqual([
    ["a", "Running"],
    ["b", ""],
    ["c", ""],
    ["d", ""],
  ]);
});

test("a description that is nested deeper than the stack is refused", () => {
  const nested = "[".repeat(5000) + "]".repeat(5000);
  const table = `{"nftables":[{"rule":{"chain":"x","expr":[${nested}]}}]}`;
  expect(() => parseFacts(section("tables", table))).toThrow("the droplet's description of itself cannot be read");
});

test("an empty droplet", () => {
  expect(parseFacts([section("links", "\n"), section("tables", "")].join(""))).toEqual({
    stamp: "",
    links: [],
    forwarding: false,
    tables: [],
    namespaces: [],
    claims: [],
    pending: [],
    bridges: {},
    inside: {},
    vms: {},
  });
});
