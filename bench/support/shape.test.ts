import { inParts, type Entry } from "./shape";

const fleet = "urn:fleet";
const entry = (name: string, kind: string, dependencies: string[]): Entry => ({
  urn: `urn:${name}`,
  type: `pulumi-nodejs:dynamic/hornet:${kind}`,
  name,
  custom: true,
  parent: fleet,
  dependencies,
  inputs: {},
  outputs: {},
});

test("in parts a clone is a component and three resources, each after the ones before; who waited for it waits for its VM", () => {
  const shape = [
    entry("snapshot", "SnapshotArtifact", []),
    entry("vm0", "Clone", ["urn:snapshot"]),
    entry("proof", "SnapshotProof", ["urn:vm0"]),
  ];
  const seen = inParts(shape).map(({ urn, type, custom, parent, dependencies }) => [
    urn,
    type.slice(type.lastIndexOf(":") + 1),
    custom,
    parent,
    dependencies,
  ]);
  const [namespace, rules, vm] = ["urn:vm0/CloneNamespace", "urn:vm0/NatRuleSet", "urn:vm0/FirecrackerVM"];
  expect(seen).toEqual([
    ["urn:snapshot", "SnapshotArtifact", true, fleet, []],
    ["urn:vm0", "Clone", false, fleet, []],
    [namespace, "CloneNamespace", true, "urn:vm0", ["urn:snapshot"]],
    [rules, "NatRuleSet", true, "urn:vm0", ["urn:snapshot", namespace]],
    [vm, "FirecrackerVM", true, "urn:vm0", ["urn:snapshot", namespace, rules]],
    ["urn:proof", "SnapshotProof", true, fleet, [vm]],
  ]);
});
