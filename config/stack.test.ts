import { planFleet } from "../model/names";
import { parseStack, type NamedFleet } from "./stack";
import type { RawConfig } from "./testing";

function fleetsOf(config: RawConfig): readonly NamedFleet[] {
  const parsed = parseStack(config);
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.faults, undefined, 2));
  return parsed.fleets;
}

function faultsOf(config: RawConfig, secretKeys: readonly string[] = []): readonly string[] {
  const parsed = parseStack(config, { secretKeys });
  return parsed.ok ? [] : parsed.faults.map(({ path, problem }) => `${path}: ${problem}`);
}

/** What names each clone, on the droplet and in the stack. */
function clonesOf(config: RawConfig): Record<string, string[]> {
  return Object.fromEntries(
    fleetsOf(config).map(({ name = "-", spec }) => [
      name,
      planFleet(spec).map(({ id, name: clone, address }) => `${id} ${clone} ${address}`),
    ]),
  );
}

const east = { host: "203.0.113.10", count: 100 };
const west = { host: "203.0.113.20", count: 50 };

test("a config with one droplet is one fleet without a name", () => {
  expect(fleetsOf({ droplet: { local: true }, droplets: {} })).toMatchObject([
    { name: undefined, spec: { droplet: { kind: "local" }, fleet: { count: 3, startId: 0 }, bridge: { firstId: 0 } } },
  ]);
});

test("the clones of all droplets have different ids and names, and addresses in each droplet's network", () => {
  const clones = clonesOf({ droplets: { east, west }, droplet: { host: "203.0.113.30" } });
  expect(Object.entries(clones).map(([name, all]) => [name, all.length])).toEqual([
    ["-", 3],
    ["east", 100],
    ["west", 50],
  ]);
  expect(clones["-"]).toEqual(["0 vm0 10.0.0.2", "1 vm1 10.0.0.3", "2 vm2 10.0.0.4"]);
  const all = Object.values(clones).flat();
  expect(new Set(all.map((clone) => clone.split(" ")[0])).size).toBe(153);
  expect(new Set(all.map((clone) => clone.split(" ")[1])).size).toBe(153);
  expect(clones.west?.map((clone) => clone.split(" ")[2])).toContain("10.0.0.51");
});

test.each([
  ["another droplet before it", { droplets: { asia: { host: "a.example.org", count: 9 }, east, west } }],
  ["another droplet after it", { droplets: { east, west, zurich: { host: "z.example.org" } } }],
  ["a droplet without a name", { droplet: { host: "d.example.org" }, droplets: { east, west } }],
  ["more clones elsewhere", { droplets: { east, west: { ...west, count: 200 } } }],
  ["the other droplet gone", { droplets: { east } }],
])("%s moves no clone", (_what, config) => {
  const before = clonesOf({ droplets: { east, west } });
  expect(clonesOf(config).east).toEqual(before.east);
});

test("a droplet's startId names its clones", () => {
  const clones = clonesOf({
    droplets: { east: { ...east, count: 2, startId: 0 }, west: { ...west, count: 2, startId: 1000 } },
  });
  expect(clones).toEqual({
    east: ["0 vm0 10.0.0.2", "1 vm1 10.0.0.3"],
    west: ["1000 vm1000 10.0.0.2", "1001 vm1001 10.0.0.3"],
  });
});

test("what hornet:droplet says without a host is every droplet's", () => {
  const key = { user: "ops", privateKeyPath: "~/.ssh/key", port: 2222 };
  const [first, second, third] = fleetsOf({
    droplet: key,
    droplets: { a: { host: "203.0.113.10" }, b: { host: "203.0.113.20", port: 22 }, c: { simulated: "one" } },
  });
  expect(first?.spec.droplet).toMatchObject({ host: "203.0.113.10", ...key });
  expect(second?.spec.droplet).toMatchObject({ host: "203.0.113.20", ...key, port: 22 });
  expect(third?.spec.droplet).toEqual({ kind: "simulated", name: "one", timeout: 60 });
});

test.each<[string, object, object, object]>([
  [
    "bridge",
    { bridge: { name: "br7", uplink: "eth0" } },
    { bridge: { uplink: "eth1" } },
    { bridge: { name: "br7", uplink: "eth1" } },
  ],
  [
    "fleet",
    { fleet: { readyTimeout: 9 } },
    { fleet: { egress: "none" } },
    { fleet: { readyTimeout: 9, egress: { allow: ["none"] } } },
  ],
  ["fleet.count", { fleet: { count: 9 } }, { fleet: { count: 2 } }, { fleet: { count: 2 } }],
  [
    "guest",
    { guest: { user: "ops", tapName: "tap7" } },
    { guest: { user: "root" } },
    { guest: { user: "root", tapName: "tap7" } },
  ],
  [
    "vmm",
    { vmm: { limits: { memory: 99, cpus: 1 } } },
    { vmm: { limits: { memory: 320 } } },
    { vmm: { limits: { memory: 320, cpus: 1 } } },
  ],
  [
    "snapshot",
    { snapshot: { dir: "/a", path: "/s/p" } },
    { snapshot: { boot: { memory: 64 } } },
    { snapshot: { dir: "/a", source: { kind: "boot", boot: { memory: 64 } } } },
  ],
  [
    "identity",
    { identity: { env: { A: "1", B: "1" } } },
    { identity: { env: { B: "2" } } },
    { identity: { env: { A: "1", B: "2" } } },
  ],
  [
    "agent",
    { agent: { command: "a", env: { X: "1" } } },
    { agent: { service: "b" } },
    { agent: { service: "b", env: { X: "1" } } },
  ],
  ["steps", { steps: [{ name: "a", on: "operator", create: "a" }] }, { steps: [] }, { steps: [] }],
])("a droplet's own %s goes over the stack's, key by key", (_section, common, own, expected) => {
  const fleets = fleetsOf({ ...common, droplets: { east: { host: east.host, ...own }, west } });
  expect(fleets[0]?.spec).toMatchObject(expected);
  const plain = fleetsOf({ ...common, droplets: { west } });
  expect(fleets[1]).toEqual(plain[0]);
});

test("settings and steps of single clones go to the droplet that has the clone", () => {
  const [first, second] = fleetsOf({
    droplets: { east: { ...east, startId: 0, clones: { "1": { restart: "own" } } }, west: { ...west, startId: 200 } },
    clones: { "1": { identity: { env: { ROLE: "a" } } }, "200": { restart: "b" } },
    steps: [
      { name: "both", on: "operator", create: "x", clones: [1, 200] },
      { name: "west", on: "operator", create: "x", clones: [201] },
      { name: "all", on: "operator", create: "x" },
    ],
  });
  expect(first?.spec.clones).toMatchObject({ "1": { identity: { env: { ROLE: "a" } }, restart: "own" } });
  expect(Object.keys(second?.spec.clones ?? {})).toEqual(["200"]);
  expect(first?.spec.steps.map(({ name, clones }) => [name, clones])).toEqual([
    ["both", [1]],
    ["all", undefined],
  ]);
  expect(second?.spec.steps.map(({ name, clones }) => [name, clones])).toEqual([
    ["both", [200]],
    ["west", [201]],
    ["all", undefined],
  ]);
});

test.each<[string, RawConfig, string]>([
  [
    "an unknown key",
    { droplets: { east: { ...east, cuont: 3 } } },
    "hornet:droplets.east.cuont: unknown key hornet:droplets.east.cuont, did you mean count?",
  ],
  [
    "a malformed section",
    { droplets: { east: { ...east, bridge: { name: "a/b" } } } },
    "hornet:droplets.east.bridge.name: ",
  ],
  ["no host", { droplets: { east: { count: 3 } } }, "hornet:droplets.east: names no droplet"],
  ["two kinds", { droplets: { east: { ...east, local: true } } }, "hornet:droplets.east: has host and local"],
  ["a reserved name", { droplets: { fleet: east } }, "hornet:droplets.fleet: no droplet may be named fleet"],
  ["a clone's name", { droplets: { vm7: east } }, "hornet:droplets.vm7: no droplet may be named vm7"],
  [
    "one host twice",
    { droplets: { east, west: { host: "203.0.113.10" } } },
    "hornet:droplets.west: is 203.0.113.10:22, as hornet:droplets.east is",
  ],
  [
    "the host of hornet:droplet",
    { droplet: { host: "203.0.113.10" }, droplets: { east } },
    "hornet:droplets.east: is 203.0.113.10:22, as hornet:droplet is",
  ],
  [
    "overlapping ids",
    { droplets: { east: { ...east, startId: 0 }, west: { ...west, startId: 99 } } },
    "hornet:droplets.west.startId: the ids of west, 99 to 148, and of east, 0 to 99, overlap",
  ],
  [
    "ids of hornet:droplet",
    { droplet: { local: true }, droplets: { east: { ...east, startId: 2 } } },
    "hornet:droplets.east.startId: the ids of east, 2 to 101, and of hornet:droplet, 0 to 2, overlap",
  ],
  [
    "too many clones",
    { droplets: { east: { ...east, count: 300, startId: 0 } } },
    "hornet:droplets.east.count: 300 clones with ids 0 to 299 do not fit into 10.0.0.0/24",
  ],
  [
    "a stranger's clone",
    { droplets: { east }, clones: { "5": { restart: "x" } } },
    "hornet:clones.5: is no clone of any droplet of the stack",
  ],
  [
    "another droplet's clone",
    { droplets: { east: { ...east, startId: 0, clones: { "100": {} } } } },
    "hornet:droplets.east.clones.100: is no clone of this droplet",
  ],
  [
    "a stranger's step",
    { droplets: { east: { ...east, startId: 0 } }, steps: [{ name: "a", create: "x", clones: [100] }] },
    "hornet:steps: step a is for clone 100, which is no clone of any droplet of the stack",
  ],
  [
    "its own roll",
    { droplets: { east: { ...east, fleet: { maxUnavailable: 3 } } } },
    "hornet:droplets.east.fleet.maxUnavailable: is the whole stack's",
  ],
  [
    "a count twice",
    { droplets: { east: { ...east, fleet: { count: 3 } } } },
    "hornet:droplets.east.fleet.count: is set twice",
  ],
  ["a start for all", { droplets: { east }, fleet: { startId: 7 } }, "hornet:fleet.startId: is for hornet:droplet"],
  [
    "a host key for all",
    {
      droplet: { hostKey: "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f" },
      droplets: { east },
    },
    "hornet:droplet.hostKey: is the key of one host",
  ],
  ["a fault of all", { droplets: { east, west }, bridge: { address: "192.168.241.9/24" } }, "hornet:bridge.address: "],
  [
    "a fault of one",
    { droplets: { east: { ...east, bridge: { address: "192.168.241.9/24" } } } },
    "hornet:droplets.east.bridge.address: ",
  ],
  ["no mapping", { droplets: { east: null } }, "hornet:droplets.east: "],
  ["a wrong name", { droplets: { "East 1": east } }, "hornet:droplets.East 1: "],
])("%s is one fault, which names the key", (_what, config, expected) => {
  const faults = faultsOf(config);
  expect(faults).toHaveLength(1);
  expect(faults[0]).toContain(expected);
});

test("a secret in an entry is not shown", () => {
  const secret = "203.0.113.99";
  const config = {
    droplets: { east: { host: secret, bridge: { address: "192.168.241.9/24" } }, west: { host: secret } },
  };
  expect(faultsOf(config, ["droplets"]).join("\n")).not.toContain(secret);
  expect(faultsOf(config, ["droplets"]).join("\n")).not.toContain("192.168.241.9");
});

test("the config of a stack with several droplets as Pulumi's CLI stores it", () => {
  expect(fleetsOf({ droplets: JSON.stringify({ east, west }) }).map(({ name }) => name)).toEqual(["east", "west"]);
});
