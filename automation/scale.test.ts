/** How a size becomes counts in a config, and where a clone's restart is written. */
import { parseStack } from "../config/stack";
import { scaledConfig, settingOf, type Size } from "./scale";

const host = (last: number): string => `203.0.113.${last}`;
const several = {
  droplet: { user: "root" },
  droplets: { east: { host: host(1), count: 2, startId: 0 }, west: { host: host(2), count: 5, startId: 100 } },
  snapshot: { path: "/s" },
};
/** Beside hornet:droplet; north has the count of hornet:fleet. */
const grown = {
  droplet: { host: host(9) },
  fleet: { count: 3 },
  droplets: { north: { host: host(3), startId: 50 }, south: { host: host(4), startId: 60, fleet: { count: 1 } } },
  snapshot: { path: "/s" },
};

test.each<[string, Readonly<Record<string, unknown>>, Size, object]>([
  ["one droplet", { droplet: { host: host(1) } }, 7, { "fleet.count": 7 }],
  ["one droplet by its name", { droplet: { host: host(1) } }, { droplet: 0 }, { "fleet.count": 0 }],
  ["one of several", several, { east: 10 }, { "droplets.east.count": 10 }],
  ["two of several", several, { west: 0, east: 1 }, { "droplets.east.count": 1, "droplets.west.count": 0 }],
  ["more in all: where fewest are", several, 9, { "droplets.east.count": 4 }],
  ["many more in all: equal", several, 20, { "droplets.east.count": 10, "droplets.west.count": 10 }],
  ["fewer in all: from where most are", several, 5, { "droplets.west.count": 3 }],
  ["none", several, 0, { "droplets.east.count": 0, "droplets.west.count": 0 }],
  ["as many as there are", several, 7, {}],
  [
    "the main one, without the others that have its count",
    grown,
    { droplet: 5 },
    {
      "fleet.count": 5,
      "droplets.north.count": 3,
    },
  ],
  ["one that has its own section", grown, { south: 4 }, { "droplets.south.fleet.count": 4 }],
  [
    "no more than the ids between two droplets",
    grown,
    40,
    {
      "fleet.count": 15,
      "droplets.north.count": 10,
      "droplets.south.fleet.count": 15,
    },
  ],
])("%s", (_what, raw, size, changes) => {
  expect(scaledConfig(raw, size)).toEqual(changes);
});

test("a clone that goes takes along that it was restarted, wherever the config says so", () => {
  const again = { restart: "at 1" };
  const raw = {
    ...several,
    clones: { "1": again, "100": again, "104": again, "103": { publish: [] } },
    droplets: { ...several.droplets, east: { ...several.droplets.east, clones: { "1": { renewDisk: "at 2" } } } },
  };
  expect(scaledConfig(raw, { east: 1, west: 1 })).toEqual({
    "droplets.east.count": 1,
    "droplets.west.count": 1,
    "clones.1": undefined,
    "droplets.east.clones.1": undefined,
    "clones.104": undefined,
  });
});

test("a droplet that the stack does not have is refused", () => {
  expect(() => scaledConfig(several, { middle: 1 })).toThrow("no droplet middle\n  next: it has east, west");
});

test("a restart is written where it counts, and the config accepts it", () => {
  expect(settingOf({ droplet: { host: host(1) } }, 1, "restart")).toBe("clones.1.restart");
  expect(settingOf(several, 101, "renewDisk")).toBe("droplets.west.clones.101.renewDisk");
  expect(settingOf({ ...several, clones: { "101": { restart: "at 1" } } }, 101, "restart")).toBe("clones.101.restart");
  const west = { ...several.droplets.west, clones: { "101": { restart: "at 1" } } };
  expect(parseStack({ ...several, droplets: { ...several.droplets, west } }).ok).toBe(true);
});
