/** Rules about names, folders, and settings of single clones. */
import { cloneName, hostVethName, NS_VETH } from "../../model/names";
import { finding, type Finding, rule, type Rule } from "./rule";
import type { ConfigShape } from "../schema";
import { defaults } from "../../model/defaults";

const LONGEST_INTERFACE_NAME = 15;

export const variousRules: readonly Rule[] = [
  rule(
    "the names of the clones' interfaces must have at most 15 characters",
    [
      ["fleet", "count"],
      ["fleet", "startId"],
    ],
    ({ fleet }) => {
      const name = hostVethName(fleet.startId + fleet.count - 1);
      if (fleet.count === 0 || name.length <= LONGEST_INTERFACE_NAME) return [];
      const problem = `the interface ${name} of the last clone would have ${name.length} characters, the kernel takes 15`;
      return [finding(["fleet", "startId"], problem, 0)];
    },
  ),
  rule(
    "the bridge must not have the name of a clone's interface",
    [
      ["bridge", "name"],
      ["fleet", "count"],
      ["fleet", "startId"],
    ],
    ({ bridge, fleet }) => {
      const id = Number(/^veth(0|[1-9][0-9]*)h$/.exec(bridge.name)?.[1] ?? NaN);
      if (!(id >= fleet.startId && id < fleet.startId + fleet.count)) return [];
      return [finding(["bridge", "name"], `is ${bridge.name}, the name of an interface of ${cloneName(id)}`, "br0")];
    },
  ),
  rule(
    "the uplink must not be the bridge itself",
    [
      ["bridge", "name"],
      ["bridge", "uplink"],
    ],
    ({ bridge }) =>
      bridge.uplink === bridge.name
        ? [finding(["bridge", "uplink"], `is ${bridge.uplink}, the bridge itself`, "auto")]
        : [],
  ),
  rule("the tap must not have the name of the other interface in its namespace", [["guest", "tapName"]], ({ guest }) =>
    guest.tapName === NS_VETH
      ? [finding(["guest", "tapName"], `is ${NS_VETH}, the name of the other interface in its namespace`, "tap0")]
      : [],
  ),
  rule(
    "tap and guest must have different MAC addresses",
    [
      ["guest", "tapMac"],
      ["guest", "mac"],
    ],
    ({ guest }) =>
      guest.tapMac === guest.mac
        ? [
            {
              at: ["guest", "mac"],
              problem: `is ${guest.mac}, the tap's own (hornet:guest.tapMac)`,
              example: { at: ["guest"], value: { tapMac: "02:fc:00:00:00:01", mac: "02:fc:00:00:00:02" } },
            },
          ]
        : [],
  ),
  rule(
    "runtime folder and snapshot folder must not lie within each other",
    [
      ["vmm", "runtimeDir"],
      ["snapshot", "dir"],
    ],
    ({ vmm, snapshot }) => {
      const [runtime, snapshots] = [`${vmm.runtimeDir}/`, `${snapshot.dir}/`];
      if (!runtime.startsWith(snapshots) && !snapshots.startsWith(runtime)) return [];
      const problem = `${vmm.runtimeDir} and ${snapshot.dir} (hornet:snapshot.dir) lie within each other`;
      const value = vmm.runtimeDir === defaults.runtimeDir ? "/opt/swarm/clones" : defaults.runtimeDir;
      return [finding(["vmm", "runtimeDir"], problem, value)];
    },
  ),
  rule(
    "the metrics must not go into the runtime folder or the snapshot folder",
    [
      ["vmm", "metrics"],
      ["vmm", "runtimeDir"],
      ["snapshot", "dir"],
    ],
    ({ vmm: { metrics, runtimeDir }, snapshot }) => {
      if (metrics === undefined) return [];
      const holder = [runtimeDir, snapshot.dir].find((dir) => `${metrics}/`.startsWith(`${dir}/`));
      if (holder === undefined) return [];
      const problem = `is ${metrics}, and ${holder} is Hornet's own folder`;
      return [finding(["vmm", "metrics"], problem, "/var/lib/prometheus/node-exporter")];
    },
  ),
  rule(
    "settings of single clones must be of clones of this fleet",
    [["clones"], ["fleet", "count"], ["fleet", "startId"]],
    ({ clones, fleet }) =>
      Object.keys(clones)
        .filter((id) => Number(id) < fleet.startId || Number(id) >= fleet.startId + fleet.count)
        .map((id) => outsideFinding(id, fleet)),
  ),
  rule("a clone must publish each port once", [["clones"]], ({ clones }) =>
    Object.entries(clones).flatMap(([id, { publish }]) => publishFindings(id, publish)),
  ),
];

function outsideFinding(id: string, { startId, count }: ConfigShape["fleet"]): Finding {
  const ids = count === 0 ? "is empty" : `has the ids ${startId} to ${startId + count - 1}`;
  const example =
    count === 0 ? { at: ["fleet", "count"], value: 1 } : { at: ["clones", String(startId)], value: { publish: [] } };
  return { at: ["clones", id], problem: `is no clone of this fleet, which ${ids}`, example };
}

function publishFindings(id: string, publish: ConfigShape["clones"][string]["publish"]): readonly Finding[] {
  const ports = publish.map(({ port, protocol }) => `${port}/${protocol}`);
  const first = new Map<string, number>();
  for (const [index, port] of ports.entries()) if (!first.has(port)) first.set(port, index);
  const isFirst = (port: string, index: number): boolean => first.get(port) === index;
  const twice = [...new Set(ports.filter((port, index) => !isFirst(port, index)))];
  const once = publish.filter((_, index) => isFirst(ports[index] ?? "", index));
  return twice.map((port) => finding(["clones", id, "publish"], `publishes ${port} more than once`, once));
}
