import { ConfigFaults, formatFaults } from "./faults";
import { parseConfig } from "./parse";
import { egressOf, identityOf } from "./spec";
import { faultsOf, local, specOf, type RawConfig } from "./testing";

const KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f";

test("an empty config has all defaults", () => {
  expect(parseConfig({ droplet: { host: "203.0.113.10" } })).toEqual({
    ok: true,
    spec: {
      droplet: { kind: "ssh", host: "203.0.113.10", user: "root", port: 22, timeout: 60 },
      bridge: {
        ...{ name: "br0", address: "10.0.0.1/24", firstId: 0, uplink: "auto", isolateClones: true },
        ...{ services: [], closed: true },
      },
      guest: {
        address: "192.168.241.2",
        tap: "192.168.241.1/29",
        user: "root",
        identity: "auto",
        nameservers: [],
        tapName: "tap0",
        tapMac: "02:fc:00:00:00:01",
        mac: "02:fc:00:00:00:02",
      },
      snapshot: {
        source: { kind: "path", path: "/opt/swarm/snapshots/alpine3.19-hornetos-v2" },
        dir: "/opt/swarm/snapshots",
        keepGenerations: 2,
        requireCpuFeatures: true,
        requireProof: true,
      },
      fleet: {
        ...{ count: 3, startId: 0, maxUnavailable: 1, readyTimeout: 60, concurrency: "auto", adopt: false },
        ...{ connections: 4096, newConnections: 1000 },
      },
      identity: { authorizedKeys: [], env: {} },
      agent: { env: {} },
      vmm: {
        firecracker: "/usr/bin/firecracker",
        jailer: "auto",
        uids: { first: 70_000, count: 10_000 },
        limits: { pids: 256, files: 2048, fileSize: "auto" },
        rates: { serial: "1MiB" },
        recovery: { restart: "always", budget: 5, backoff: 10, hung: 0 },
        runtimeDir: "/opt/swarm/runtime",
        kernel: "/opt/swarm/images/vmlinux.bin",
        timeout: 30,
        consoleLimit: 4,
        shutdownTimeout: 0,
      },
      clones: {},
      steps: [],
    },
  });
});

describe("a config becomes a fleet spec", () => {
  test.each<[RawConfig, unknown]>([
    [{ local: true }, { kind: "local", timeout: 60 }],
    [{ simulated: "dev-1" }, { kind: "simulated", name: "dev-1", timeout: 60 }],
    [{ host: "2001:db8::7" }, { kind: "ssh", host: "2001:db8::7", user: "root", port: 22, timeout: 60 }],
    [
      { host: "swarm_1.example.org", user: "admin", port: 2222, privateKeyPath: "~/.ssh/k", hostKey: `${KEY}  me@x ` },
      {
        kind: "ssh",
        host: "swarm_1.example.org",
        user: "admin",
        port: 2222,
        privateKeyPath: "~/.ssh/k",
        hostKey: KEY,
        timeout: 60,
      },
    ],
  ])("droplet %j", (droplet, expected) => expect(specOf({ droplet }).droplet).toEqual(expected));

  const boot = {
    kernel: "/opt/swarm/images/vmlinux.bin",
    rootfs: "/opt/swarm/images/rootfs.ext4",
    memory: 128,
    vcpus: 1,
    timeout: 120,
    name: "hornet-guest",
  };
  const ssh = { kind: "ssh", host: "a", user: "root", port: 22, timeout: 60 };
  test.each<[RawConfig, unknown]>([
    [{}, { kind: "path", path: "/opt/swarm/snapshots/alpine3.19-hornetos-v2" }],
    [{ keepGenerations: 5 }, { kind: "path", path: "/opt/swarm/snapshots/alpine3.19-hornetos-v2" }],
    [{ path: "/srv/my snapshot" }, { kind: "path", path: "/srv/my snapshot" }],
    [{ boot: {} }, { kind: "boot", boot }],
    [{ boot: { memory: 256, bootArgs: "quiet" } }, { kind: "boot", boot: { ...boot, memory: 256, bootArgs: "quiet" } }],
    [{ from: { stack: "dev" } }, { kind: "stack", stack: "dev" }],
    [{ from: { droplet: { host: "a" }, path: "/b" } }, { kind: "droplet", droplet: ssh, path: "/b" }],
  ])("snapshot %j", (snapshot, expected) => expect(specOf(local({ snapshot })).snapshot.source).toEqual(expected));

  test("digest and signers are in the spec", () => {
    const digest = `sha256:${"0f".repeat(32)}`;
    const signers = [`ops@example.org namespaces="hornet" ${KEY}`];
    expect(specOf(local({ snapshot: { digest, signers } })).snapshot).toMatchObject({ digest, signers });
  });

  test("numbers and booleans of an environment become text", () => {
    const env = { INTERVAL: 10, RATE: 0.5, ON: true, EMPTY: "", TEXT: "0010", LINES: "a\nb" };
    expect(specOf(local({ identity: { env } })).identity.env).toEqual({
      INTERVAL: "10",
      RATE: "0.5",
      ON: "true",
      EMPTY: "",
      TEXT: "0010",
      LINES: "a\nb",
    });
  });

  test("a clone's settings override the fleet's", () => {
    const clones = { "2": { publish: [{ port: 80, guestPort: 8080 }, { port: 22 }], egress: {} } };
    expect(specOf(local({ clones })).clones).toEqual({
      "2": {
        identity: { authorizedKeys: [], env: {} },
        publish: [
          { port: 80, guestPort: 8080, protocol: "tcp", on: "clone" },
          { port: 22, guestPort: 22, protocol: "tcp", on: "clone" },
        ],
        egress: { allow: [] },
      },
    });
  });

  test("egress has several forms, and a clone's replaces the fleet's", () => {
    const spec = specOf(
      local({ fleet: { egress: "none" }, clones: { "0": { egress: ["internet", "10.0.0.0/8:22"] } } }),
    );
    expect([0, 1].map((id) => egressOf(spec, id))).toEqual([["internet", "10.0.0.0/8:22"], ["none"]]);
    expect(egressOf(specOf(local({})), 0)).toEqual(["internet"]);
    expect(egressOf(specOf(local({ bridge: { closed: false } })), 0)).toEqual(["everything"]);
  });

  test("an agent runs where its command is given, and its environment has the lowest precedence of the three", () => {
    expect(specOf(local({ agent: { service: "a", user: "b" } })).agent).toEqual({ service: "a", env: {} });
    const spec = specOf(
      local({
        agent: { command: "./a", user: "b", env: { A: 1, B: 1, C: 1 } },
        identity: { env: { B: 2, C: 2 } },
        clones: { "1": { identity: { env: { C: 3 } } } },
      }),
    );
    expect(spec.agent.run).toEqual({ command: "./a", user: "b", restart: "always" });
    expect(identityOf(spec, 1).env).toEqual({ A: "1", B: "2", C: "3" });
  });

  test("a clone's identity overrides the fleet's", () => {
    const other = `restrict,pty ${KEY} other`;
    const spec = specOf(
      local({
        identity: { authorizedKeys: [KEY], env: { A: "1", B: "2" } },
        clones: { "1": { identity: { authorizedKeys: [other, KEY], env: { B: "3" } } } },
      }),
    );
    expect(identityOf(spec, 0)).toEqual({ authorizedKeys: [KEY], env: { A: "1", B: "2" } });
    expect(identityOf(spec, 1)).toEqual({ authorizedKeys: [KEY, other], env: { A: "1", B: "3" } });
  });

  test("JSON text is parsed, because `pulumi config set` stores a whole mapping as text", () => {
    expect(specOf({ droplet: ' {"host": "a"}', fleet: '{"count": 0}' })).toEqual(
      specOf({ droplet: { host: "a" }, fleet: { count: 0 } }),
    );
  });
});

describe("several faults at once", () => {
  const paths = (config: RawConfig): string[] => faultsOf(config).map(({ path }) => path.replace("hornet:", ""));

  test.each<[RawConfig, string[]]>([
    [
      // One key of bridge is malformed: the others of it are still compared with those of the fleet.
      { droplet: { prot: 2 }, bridge: { name: "a/b" }, fleet: { count: 300, readyTimeout: 0.5 }, vmm: { kernel: "k" } },
      ["droplet.prot", "bridge.name", "fleet.readyTimeout", "vmm.kernel", "droplet", "fleet.count"],
    ],
    // What cannot be compared, as it is malformed itself, is not: neither with its default nor with what was meant.
    [local({ fleet: { count: "x", startId: 9000 } }), ["fleet.count"]],
    [local({ bridge: { address: "x" }, fleet: { count: 300 } }), ["bridge.address"]],
    [local({ fleet: { cuont: 8 }, clones: { "7": {} } }), ["fleet.cuont"]],
    [{ droplet: { hots: "a" } }, ["droplet.hots"]],
    [{ dorplet: { host: "a" } }, ["dorplet"]],
    [{ droplet: { host: "-a" } }, ["droplet.host"]],
    [local({ snapshot: { boot: 3 } }), ["snapshot.boot"]],
    [local({ bridge: 3, fleet: 4, guest: 5 }), ["bridge", "guest", "fleet"]],
    [
      local({ clones: { "0": { publish: [{}] }, "1": { publish: [{ port: 8 }, { port: 8 }] }, "9": {} } }),
      ["clones.0.publish[0].port", "clones.9", "clones.1.publish[1]"],
    ],
    [
      local({ bridge: { address: "10.0.0.3/24" }, guest: { address: "10.0.0.2" }, fleet: { count: 400 } }),
      ["fleet.count", "bridge.address", "guest.address"],
    ],
  ])("%j", (config, expected) => expect(paths(config).sort()).toEqual([...expected].sort()));

  test("are one text, with each key, its fault and an example", () => {
    const faults = faultsOf({ fleet: { count: 300, maxUnavialable: 1 } });
    expect(formatFaults("dev", faults)).toBe(
      `The config of stack dev has 3 faults; nothing was touched.
  hornet:fleet.maxUnavialable: unknown key hornet:fleet.maxUnavialable, did you mean maxUnavailable?
    right would be: hornet:fleet: {maxUnavailable: 1}
  hornet:droplet: is not set: set hornet:droplet to the host that carries the fleet
    right would be: hornet:droplet: {host: 203.0.113.10, user: root, privateKeyPath: ~/.ssh/swarm_key}
  hornet:fleet.count: 300 clones with ids 0 to 299 do not fit into 10.0.0.0/24: it has room for ids 0 to 252, so 253 of these; a /23 would do
    right would be: hornet:bridge: {address: 10.0.0.1/23}
Config is in Pulumi.dev.yaml; docs/config.md explains every key.`,
    );
    expect(new ConfigFaults("dev", faults)).toMatchObject({ faults, message: formatFaults("dev", faults) });
  });
});

describe("no fault shows a secret", () => {
  const canary = "c4n4ry";
  test.each<[RawConfig, readonly string[]]>([
    [{ identity: { env: { X: [canary] } } }, []],
    [{ identity: { env: { X: `${canary}\0` } } }, []],
    [{ identity: { env: { [`X=${canary}`]: "" } } }, []],
    [{ identity: { env: { "X-": canary } } }, []],
    [{ identity: { env: canary } }, []],
    [{ identity: { env: [canary] } }, []],
    [{ identity: { authorizedKeys: [canary] } }, []],
    [{ identity: canary }, []],
    [{ identity: `{"env": {"X": "${canary}"` }, []],
    [{ clones: { "0": { identity: { env: { X: { a: canary } } } } } }, []],
    [{ droplet: { host: `-${canary}` } }, ["droplet"]],
    [{ vmm: { kernel: canary } }, ["vmm"]],
    [{ bridge: { name: canary, uplink: canary } }, ["bridge"]],
  ])("%j", (config, secretKeys) => {
    const faults = faultsOf(local(config), { secretKeys });
    expect(faults.length).toBeGreaterThan(0);
    expect(JSON.stringify(faults)).not.toContain(canary);
  });

  test("and other values are shown", () => {
    expect(faultsOf(local({ vmm: { kernel: canary } }))[0]?.problem).toContain(canary);
  });
});
