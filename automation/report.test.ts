import { statusText } from "../scripts/status";
import { isAsDeclared, reportOf, type FleetReport } from "./report";
import type { DeclaredFleet } from "./size";
import type { FleetDroplet } from "./state";

function droplet(alias: string): FleetDroplet {
  const name = `root@${alias}.example:22`;
  return { name, alias, connection: { local: true }, owners: [], snapshot: "", generations: [], sshConfig: "" };
}

function fleet(name: string | undefined, count: number): DeclaredFleet {
  return { name, count, startId: 0, simulated: undefined };
}

function report(droplets: readonly FleetDroplet[], declared: readonly DeclaredFleet[]): FleetReport {
  return reportOf("prod", { droplets, clones: [], resources: [] }, [], { drift: [], compared: true, declared });
}

test("a droplet of the config that no operation has reached counts as a failure", () => {
  const found = report([droplet("east")], [fleet("east", 0), fleet("west", 2)]);
  expect(isAsDeclared(found)).toBe(false);
  expect(statusText(found)).toMatch(
    /^prod on west \(declared\): 0 clones.*\n {2}error: the stack has nothing on it yet;/m,
  );
  expect(statusText(found)).not.toContain("All is as declared");
});

test("clones that are declared and not made are a difference", () => {
  const found = report([droplet("droplet")], [fleet(undefined, 3)]);
  expect(statusText(found)).toContain("drift: 0 of 3 declared clones; pulumi up makes it so");
  expect(isAsDeclared(found)).toBe(false);
});

test.each([
  ["a stack that was taken down", [], [fleet(undefined, 3)]],
  ["a program whose config names no droplet", [droplet("droplet")], []],
  ["as many clones as declared", [droplet("droplet")], [fleet(undefined, 0)]],
])("nothing differs: %s", (_name, droplets, declared) => {
  expect(isAsDeclared(report(droplets, declared))).toBe(true);
});
