/** Faults that only several keys together show. */
import { cured, faultsOf, local, type RawConfig } from "../testing";

const KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f";

type Case = readonly [config: RawConfig, path: string, words: string];

const sources: readonly Case[] = [
  [{}, "droplet", "set hornet:droplet to the host"],
  [{ droplet: {} }, "droplet", "names no droplet: set host, local or simulated"],
  [{ droplet: { user: "root" } }, "droplet", "names no droplet"],
  [{ droplet: { host: "a", local: true } }, "droplet", "has host and local: keep one"],
  [{ droplet: { host: "a", simulated: "b" } }, "droplet", "has host and simulated: keep one"],
  [{ droplet: { simulated: "a", hostKey: KEY } }, "droplet.hostKey", "goes with host only, not with simulated"],
  [{ droplet: { local: true, privateKeyPath: "/k" } }, "droplet.privateKeyPath", "not with local"],
  [local({ snapshot: { path: "/a", boot: {} } }), "snapshot", "has path and boot: keep one"],
  [local({ snapshot: { path: "/a", from: { stack: "dev" } } }), "snapshot", "has path and from: keep one"],
  [local({ snapshot: { from: {} } }), "snapshot.from", "either stack alone, or droplet and path"],
  [local({ snapshot: { from: { path: "/a" } } }), "snapshot.from", "either stack alone, or droplet and path"],
  [local({ snapshot: { from: { droplet: { host: "a" } } } }), "snapshot.from", "droplet and path"],
  [local({ snapshot: { from: { stack: "dev", path: "/a" } } }), "snapshot.from", "either stack alone"],
  [local({ snapshot: { from: { droplet: {}, path: "/a" } } }), "snapshot.from.droplet", "names no droplet"],
];

const room: readonly Case[] = [
  [
    local({ fleet: { count: 300 } }),
    "fleet.count",
    "300 clones with ids 0 to 299 do not fit into 10.0.0.0/24: it has room for ids 0 to 252, so 253 of these; a /23 would do",
  ],
  [local({ fleet: { count: 254 } }), "fleet.count", "so 253 of these; a /23 would do"],
  [local({ fleet: { count: 3, startId: 252 } }), "fleet.count", "so 1 of these; a /23 would do"],
  [local({ fleet: { count: 1, startId: 253 } }), "fleet.count", "a clone with id 253 does not fit"],
  [local({ fleet: { count: 2 }, bridge: { address: "10.0.0.1/30" } }), "fleet.count", "ids 0 to 0, so 1 of these"],
  [local({ fleet: { count: 9000 } }), "fleet.count", "a /18 would do"],
  [local({ fleet: { count: 2, startId: 16_777_212 } }), "fleet.count", "so 0 of these; no prefix would do"],
  [local({ fleet: { count: 300 }, bridge: { address: "192.168.240.1/24" } }), "fleet.count", "a /23 would do"],
];

const addresses: readonly Case[] = [
  [
    local({ bridge: { address: "10.0.0.4/24" } }),
    "bridge.address",
    "clone vm2 would get 10.0.0.4, the bridge's own address",
  ],
  [local({ bridge: { address: "10.0.0.254/24" }, fleet: { startId: 250 } }), "bridge.address", "vm252 would get"],
  [
    local({ bridge: { address: "192.168.240.1/23" } }),
    "bridge.address",
    "192.168.240.0/23 overlaps 192.168.241.0/29, the guests' network (hornet:guest.tap)",
  ],
  [
    local({ guest: { tap: "10.0.0.249/29", address: "10.0.0.250" } }),
    "bridge.address",
    "10.0.0.0/24 overlaps 10.0.0.248/29",
  ],
  [
    local({ guest: { tap: "10.0.0.1/8", address: "10.0.0.2" }, bridge: { address: "10.0.0.1/8" } }),
    "bridge.address",
    "10.0.0.0/8 overlaps 10.0.0.0/8",
  ],
  [local({ guest: { address: "192.168.242.2" } }), "guest.address", "is not in 192.168.241.0/29, the tap's network"],
  [local({ guest: { address: "192.168.241.1" } }), "guest.address", "is the tap's own address"],
  [local({ guest: { address: "192.168.241.0" } }), "guest.address", "is the network's or the broadcast address"],
  [local({ guest: { address: "192.168.241.7" } }), "guest.address", "is the network's or the broadcast address"],
];

const others: readonly Case[] = [
  [local({ bridge: { name: "veth2h" } }), "bridge.name", "the name of an interface of vm2"],
  [local({ bridge: { uplink: "br0" } }), "bridge.uplink", "is br0, the bridge itself"],
  [local({ guest: { tapName: "veth0" } }), "guest.tapName", "the name of the other interface"],
  [local({ guest: { mac: "02:FC:00:00:00:01" } }), "guest.mac", "is 02:fc:00:00:00:01, the tap's own"],
  [local({ vmm: { runtimeDir: "/opt/swarm/snapshots/run" } }), "vmm.runtimeDir", "lie within each other"],
  [local({ vmm: { runtimeDir: "/opt/swarm" } }), "vmm.runtimeDir", "lie within each other"],
  [local({ snapshot: { dir: "/opt/swarm/runtime" } }), "vmm.runtimeDir", "lie within each other"],
  [local({ vmm: { metrics: "/opt/swarm/runtime" } }), "vmm.metrics", "/opt/swarm/runtime is Hornet's own folder"],
  [local({ vmm: { metrics: "/opt/swarm/snapshots/a" } }), "vmm.metrics", "/opt/swarm/snapshots is Hornet's own folder"],
  [
    local({ vmm: { rates: { network: { burst: "1MiB", packets: 9 } } } }),
    "vmm.rates.network.burst",
    "adds to a rate, and none is declared: set rx or tx, or remove burst",
  ],
  [
    local({ vmm: { rates: { disk: { burst: "1MiB", operations: 9 } } } }),
    "vmm.rates.disk.burst",
    "set bytes, or remove",
  ],
  [local({ clones: { "0": { rates: { disk: { burst: "1MiB" } } } } }), "clones.0.rates.disk.burst", "set bytes, or"],
  [local({ clones: { "3": {} } }), "clones.3", "is no clone of this fleet, which has the ids 0 to 2"],
  [local({ clones: { "4": {} }, fleet: { startId: 5 } }), "clones.4", "which has the ids 5 to 7"],
  [local({ clones: { "0": {} }, fleet: { count: 0 } }), "clones.0", "which is empty"],
  [
    local({ clones: { "0": { publish: [{ port: 80 }, { port: 80 }] } } }),
    "clones.0.publish[1]",
    "a port that no other",
  ],
];

const agents: readonly Case[] = [
  [local({ agent: { source: "/a", command: "b" } }), "agent.source", "goes with hornet:snapshot.boot only"],
  [local({ agent: { source: "/a" }, snapshot: { boot: {} } }), "agent.command", "is not set"],
  [local({ agent: { command: "a", service: "b" } }), "agent.service", "stands beside command: keep one"],
];

describe.each([
  ["sources", sources],
  ["room for the clones", room],
  ["addresses", addresses],
  ["names, folders, clones", others],
  ["agents", agents],
])("%s", (_, cases) => {
  test.each(cases)("%j: %s", (config, path, words) => {
    const faults = faultsOf(config);
    expect(faults).toEqual([
      {
        path: `hornet:${path}`,
        problem: expect.stringContaining(words) as string,
        example: expect.stringMatching(/^hornet:/) as string,
      },
    ]);
    const [fault] = faults;
    if (fault === undefined) throw new Error("no fault");
    expect(faultsOf(cured(config, fault))).toEqual([]);
  });
});

test.each<[string, RawConfig]>([
  ["metrics beside Hornet's own folders", local({ vmm: { metrics: "/opt/swarm/runtimes" } })],
  ["a burst with one direction's rate", local({ vmm: { rates: { network: { tx: "1mbit", burst: "1MiB" } } } })],
  [
    "a clone's burst over the fleet's rate",
    local({ vmm: { rates: { disk: { bytes: "1MiB" } } }, clones: { "0": { rates: { disk: { burst: "1MiB" } } } } }),
  ],
  ["an empty fleet", local({ fleet: { count: 0 } })],
  ["an empty fleet with ids that have no address", local({ fleet: { count: 0, startId: 5000 } })],
  ["all of a /24", local({ fleet: { count: 253 } })],
  ["the last address of a /24", local({ fleet: { count: 1, startId: 252 } })],
  ["the bridge's address after the last clone", local({ bridge: { address: "10.0.0.5/24" } })],
  ["the bridge's address before the first clone", local({ bridge: { address: "10.0.0.6/24" }, fleet: { startId: 5 } })],
  ["networks side by side", local({ bridge: { address: "192.168.241.9/29" }, fleet: { startId: 0, count: 3 } })],
  ["one port by two protocols", local({ clones: { "0": { publish: [{ port: 53 }, { port: 53, protocol: "udp" }] } } })],
  ["one port on two clones", local({ clones: { "0": { publish: [{ port: 80 }] }, "1": { publish: [{ port: 80 }] } } })],
  [
    "a port of the droplet for each of two clones",
    local({
      clones: { "0": { publish: [{ port: 80, on: "uplink" }] }, "1": { publish: [{ port: 81, on: "uplink" }] } },
    }),
  ],
  ["a bridge named like no clone's interface", local({ bridge: { name: "veth3h" } })],
  [
    "an agent that a boot puts into the guest",
    local({ agent: { source: "/a", command: "b" }, snapshot: { boot: {} } }),
  ],
  ["an agent that the snapshot has", local({ agent: { service: "swarm-agent" } })],
  ["a stack as source", local({ snapshot: { from: { stack: "org/hornet/dev" } } })],
])("%s is valid", (_, config) => {
  expect(faultsOf(config)).toEqual([]);
});
