import fc from "fast-check";
import { parseKeyValues } from "../../model/keyValues";
import type { FleetNetwork } from "../../plan/preflight/fleetNetwork";
import { judgeHost, hostWarnings } from "../../plan/preflight/host";
import { judge } from "../../plan/preflight/judge";
import type { Needs } from "../../plan/preflight/needs";
import { accepted, fuzz } from "./harness";
import { startWatchdog } from "./watchdog";

const network: FleetNetwork = {
  bridge: "br0",
  address: "10.0.0.1/24",
  owner: "hornet:p/s:1",
  uplink: "eth0",
  closed: true,
  forwards: [{ port: 80, protocol: "tcp", address: "10.0.0.2" }],
  services: ["8080/tcp"],
  guests: [{ clones: ["10.0.0.2", "10.0.0.3"], egress: ["internet"] }],
  known: [],
};
const needs: Needs = {
  firecracker: "/fc",
  jailer: "auto",
  runtimeDir: "/run-time",
  artifactsDir: "/snapshots",
  newClones: 2,
  rolling: 1,
  clones: 2,
  allClones: 2,
  limits: [{ key: "hornet:vmm.limits", memory: 64, cpus: 1 }],
  bridge: "br0",
  network,
  lanes: 4,
  overSsh: true,
  files: [{ path: "/disk", key: "hornet:snapshot.disks" }],
  requireCpuFeatures: true,
  clock: 0,
  outlook: { made: { format: "8.0.0", cpu: "x", cpuFeatures: ["sse"] }, memory: 64, disk: 100, arriving: 10 },
};
const single =
  "uid system kernel machine cpu cores clock forwarding cgroup kvm artifacts cgroups cgroup_version cgroup_pids tasks namespaces nofile " +
  "commit clone_kib memory_kib bridge_ports bridge_kind head described swaps ksm smt smt_active core_pattern kvm_access nx_huge_pages " +
  "cpu_features cpu_vendor room.runtime room.artifacts room.run file./disk version.ip version.nft version.bash net.bridge net.operator " +
  "net.internet net.untried program.1 sysctl.net.ipv4.neigh.default.gc_thresh3 tool.ip vulnerability.mds swap.1 sshd.maxsessions";
const lists = "address route rule member neighbour resolver peer owned lost mend unmended drop noroute astray".split(
  " ",
);
/** What such lines consist of, and what has led parsers astray. */
const word = fc.oneof(
  fc.constantFrom(
    ..."10.0.0.2 10.0.0.1/24 0.0.0.0/0 255.255.255.255/32 10.0.0.0/33 300.1.1.1 default via dev br0 eth0".split(" "),
  ),
  fc.constantFrom(
    ..."droplet world tcp udp 22 -1 0 99999999999999999999 1e999 NaN writable v8.0.0 1.16.1 table to FAILED".split(" "),
  ),
  fc.constantFrom(
    "__proto__",
    "constructor",
    "",
    "unreachable",
    "Vulnerable",
    "lladdr",
    "02:fc:00:00:00:01",
    "from all lookup main",
  ),
  fc.string({ unit: "binary", maxLength: 6 }),
);
const key = fc.oneof(
  fc.constantFrom(...single.split(" ")),
  fc.tuple(fc.constantFrom(...lists), fc.nat(3)).map(([kind, at]) => `net.${kind}.${at}`),
  fc.string({ maxLength: 6 }),
);
const line = fc.tuple(key, fc.array(word, { maxLength: 5 })).map(([name, words]) => `${name}=${words.join(" ")}\n`);

test("preflight: any description of a droplet is judged", async () => {
  await fuzz({
    name: "preflight",
    inputs: fc.array(line, { maxLength: 12 }).map((lines) => lines.join("")),
    check: (text) => {
      const facts = parseKeyValues(text);
      accepted(() => judge(facts, needs));
      const hostNeeds = { vms: {}, snapshots: [], harden: [] };
      accepted(() => hostWarnings(judgeHost(facts, hostNeeds), facts, hostNeeds));
    },
  });
});

test("preflight: lists as long as an answer holds are judged at linear cost", async () => {
  const wide: FleetNetwork = { ...network, address: "10.0.0.1/16" };
  const values: Readonly<Record<string, (at: number) => string>> = {
    lost: (at) => `10.0.0.2 tcp 1.1.1.1 ${at}`,
    route: (at) => `11.0.0.0/30 via 10.0.${(at >> 8) & 255}.${at & 255} dev eth1`,
  };
  for (const [kind, value] of Object.entries(values)) {
    const facts = new Map(Array.from({ length: 60_000 }, (_, at) => [`net.${kind}.${at}`, value(at)]));
    // It ends a hang, which lists of ports, and of gateways and routes, once were.
    const watchdog = startWatchdog("preflight", 30);
    watchdog.begin(() => kind);
    judge(facts, { ...needs, network: wide });
    await watchdog.stop();
  }
});
