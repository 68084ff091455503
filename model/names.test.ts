import { parseConfig } from "../config/parse";
import type { FleetSpec } from "../config/spec";
import { cloneAddress, fleetIds, lastId, planClone, ownStartId, planFleet } from "./names";

function specOf(config: Record<string, unknown> = {}): FleetSpec {
  const parsed = parseConfig({ droplet: { local: true }, ...config });
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.faults));
  return parsed.spec;
}

test("a clone with the defaults", () => {
  expect(planClone(specOf(), 7)).toEqual({
    id: 7,
    name: "vm7",
    namespace: "vm7",
    hostVeth: "veth7h",
    nsVeth: "veth0",
    tap: "tap0",
    tapMac: "02:fc:00:00:00:01",
    address: "10.0.0.9",
    prefix: 24,
    gateway: "10.0.0.1",
    tapAddress: "192.168.241.1/29",
    guestAddress: "192.168.241.2",
    runtimeDir: "/opt/swarm/runtime/vm7",
  });
});

test("a clone with everything set", () => {
  const spec = specOf({
    bridge: { address: "10.7.3.254/22" },
    guest: { address: "192.168.5.9", tap: "192.168.5.10/28", tapName: "fc-tap", tapMac: "06:00:AC:10:00:01" },
    fleet: { count: 10, startId: 400 },
    vmm: { runtimeDir: "/srv/vm" },
  });
  expect(planClone(spec, 400)).toEqual({
    id: 400,
    name: "vm400",
    namespace: "vm400",
    hostVeth: "veth400h",
    nsVeth: "veth0",
    tap: "fc-tap",
    tapMac: "06:00:ac:10:00:01",
    address: "10.7.1.146",
    prefix: 22,
    gateway: "10.7.3.254",
    tapAddress: "192.168.5.10/28",
    guestAddress: "192.168.5.9",
    runtimeDir: "/srv/vm/vm400",
  });
});

test.each([
  [{ count: 0, startId: 3 }, []],
  [{ count: 3, startId: 0 }, ["vm0 10.0.0.2", "vm1 10.0.0.3", "vm2 10.0.0.4"]],
  [{ count: 2, startId: 251 }, ["vm251 10.0.0.253", "vm252 10.0.0.254"]],
])("the fleet %j", (fleet, expected) => {
  const plans = planFleet(specOf({ fleet }));
  expect(plans.map(({ name, address }) => `${name} ${address}`)).toEqual(expected);
  expect(fleetIds({ ...fleet })).toEqual(plans.map(({ id }) => id));
});

test("250 clones share no name, interface, address or folder", () => {
  const plans = planFleet(specOf({ fleet: { count: 250 } }));
  for (const key of ["name", "namespace", "hostVeth", "address", "runtimeDir"] as const) {
    expect(new Set(plans.map((plan) => plan[key])).size).toBe(250);
  }
});

test.each([-1, 0.5, NaN, 253, 2 ** 53])("there is no clone %p", (id) => {
  expect(() => planClone(specOf(), id)).toThrow(RangeError);
});

test.each([24, 29, 30])("the last id of a /%d has the network's last host address", (prefix) => {
  const bridge = { address: `10.0.0.1/${prefix}` };
  expect(cloneAddress(bridge, lastId(prefix))).toBe(`10.0.0.${2 ** (32 - prefix) - 2}`);
  expect(() => cloneAddress(bridge, lastId(prefix) + 1)).toThrow(RangeError);
});

test("a network's first clone may have another id, and the next ids follow", () => {
  const bridge = { address: "10.0.0.1/24", firstId: 1000 };
  expect([1000, 1001, lastId(24, 1000)].map((id) => cloneAddress(bridge, id))).toEqual([
    "10.0.0.2",
    "10.0.0.3",
    "10.0.0.254",
  ]);
  expect(() => cloneAddress(bridge, lastId(24, 1000) + 1)).toThrow(RangeError);
});

test("a droplet's own start id derives from its name alone, and all clones of a droplet fit below the highest id", () => {
  const names = Array.from({ length: 500 }, (_, at) => `droplet-${at}`);
  const starts = names.map(ownStartId);
  expect(names.map(ownStartId)).toEqual(starts);
  expect(["east", "west", "north"].map(ownStartId)).toMatchInlineSnapshot(`
   [
     2235392,
     3147264,
     12499968,
   ]
  `);
  expect(new Set(starts).size).toBeGreaterThan(490);
  for (const start of starts) expect(start + 255).toBeLessThan(2 ** 24 - 4);
});
