/** Rules about names, folders, and settings of single clones. */
import {
  burstProblems,
  foldersProblem,
  guestMacProblem,
  metricsFolderProblem,
  tapProblem,
  uplinkProblem,
} from "../../model/contradictions";
import { cloneName } from "../../model/names";
import { finding, type Finding, rule, type Rule } from "./rule";
import type { ConfigShape } from "../schema";
import { ratesOf } from "../spec";
import { defaults } from "../../model/defaults";

export const variousRules: readonly Rule[] = [
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
    ({ bridge }) => found(["bridge", "uplink"], uplinkProblem(bridge.uplink, bridge.name), defaults.uplink),
  ),
  rule("the tap must not have the name of the other interface in its namespace", [["guest", "tapName"]], ({ guest }) =>
    found(["guest", "tapName"], tapProblem(guest.tapName, defaults.nsVeth), defaults.tap),
  ),
  rule(
    "tap and guest must have different MAC addresses",
    [
      ["guest", "tapMac"],
      ["guest", "mac"],
    ],
    ({ guest }) => {
      const problem = guestMacProblem(guest.mac, guest.tapMac);
      const value = { tapMac: defaults.tapMac, mac: defaults.guestMac };
      return problem === undefined
        ? []
        : [{ at: ["guest", "mac"], problem: `${problem} (hornet:guest.tapMac)`, example: { at: ["guest"], value } }];
    },
  ),
  rule(
    "runtime folder and snapshot folder must not lie within each other",
    [
      ["vmm", "runtimeDir"],
      ["snapshot", "dir"],
    ],
    ({ vmm, snapshot }) => {
      const value = vmm.runtimeDir === defaults.runtimeDir ? "/opt/swarm/clones" : defaults.runtimeDir;
      return found(["vmm", "runtimeDir"], foldersProblem(vmm.runtimeDir, snapshot.dir), value);
    },
  ),
  rule(
    "the metrics must not go into the runtime folder or the snapshot folder",
    [
      ["vmm", "metrics"],
      ["vmm", "runtimeDir"],
      ["snapshot", "dir"],
    ],
    ({ vmm: { metrics = "", runtimeDir }, snapshot }) =>
      found(
        ["vmm", "metrics"],
        metricsFolderProblem(metrics, [runtimeDir, snapshot.dir]),
        "/var/lib/prometheus/node-exporter",
      ),
  ),
  rule("a burst must have a rate", [["vmm", "rates"], ["clones"]], (shape) => {
    const ofFleet = burstFindings(["vmm", "rates"], shape.vmm.rates);
    const ids = Object.keys(shape.clones);
    return ofFleet.length > 0
      ? ofFleet
      : ids.flatMap((id) => burstFindings(["clones", id, "rates"], ratesOf(shape, Number(id))));
  }),
  rule(
    "settings of single clones must be of clones of this fleet",
    [["clones"], ["fleet", "count"], ["fleet", "startId"]],
    ({ clones, fleet }) =>
      Object.keys(clones)
        .filter((id) => Number(id) < fleet.startId || Number(id) >= fleet.startId + fleet.count)
        .map((id) => outsideFinding(id, fleet)),
  ),
];

function found(at: Finding["at"], problem: string | undefined, value: unknown): readonly Finding[] {
  return problem === undefined ? [] : [finding(at, problem, value)];
}

function burstFindings(at: Finding["at"], rates: Parameters<typeof burstProblems>[0]): readonly Finding[] {
  return burstProblems(rates).map(({ device, problem }) => {
    const value = device === "network" ? { rx: "100mbit", burst: "10MiB" } : { bytes: "50MiB", burst: "200MiB" };
    return { at: [...at, device, "burst"], problem, example: { at: [...at, device], value } };
  });
}

function outsideFinding(id: string, { startId, count }: ConfigShape["fleet"]): Finding {
  const ids = count === 0 ? "is empty" : `has the ids ${startId} to ${startId + count - 1}`;
  const example =
    count === 0 ? { at: ["fleet", "count"], value: 1 } : { at: ["clones", String(startId)], value: { publish: [] } };
  return { at: ["clones", id], problem: `is no clone of this fleet, which ${ids}`, example };
}
