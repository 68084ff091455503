import * as pulumi from "@pulumi/pulumi";
import { parseConfig } from "../../config/parse";
import { ownerLabel } from "../../model/owner";
import { CloneFleet } from "./cloneFleet";

/** What the program registers: parents are in no name, so that two of a type must differ in theirs. */
const registered: { type: string; name: string; inputs: Record<string, unknown> }[] = [];

beforeAll(() =>
  pulumi.runtime.setMocks(
    {
      call: () => ({}),
      newResource: ({ type, name, inputs }) => {
        registered.push({ type, name, inputs: inputs as Record<string, unknown> });
        return { id: name, state: inputs as object };
      },
    },
    "project",
    "stack",
    false,
    "organization",
  ),
);

/** The resources of a fleet of two, once all are registered. */
async function fleetNamed(name: string, host: string, more: object = {}): Promise<typeof registered> {
  registered.length = 0;
  const parsed = parseConfig({ droplet: { host }, snapshot: { path: "/opt/snapshot" }, fleet: { count: 2, ...more } });
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.faults));
  const fleet = new CloneFleet(name, { spec: parsed.spec, droplet: { host } });
  await new Promise((resolve) => fleet.sshConfig.apply(resolve));
  return registered.slice();
}

const namesOf = (all: typeof registered): string[] => all.map(({ type, name }) => `${type} ${name}`);
const ownersOf = (all: typeof registered): Set<unknown> =>
  new Set(all.map(({ inputs }) => inputs.owner).filter((owner) => owner !== undefined));

test("two fleets of one stack share no resource name and no owner label", async () => {
  const usual = await fleetNamed("fleet", "192.0.2.1");
  const other = await fleetNamed("east", "192.0.2.1");
  expect(namesOf(usual).filter((name) => namesOf(other).includes(name))).toEqual([]);
  expect(namesOf(other)).toContain("pulumi-nodejs:dynamic/hornet:FirecrackerVM east-vm1");
  expect(namesOf(usual)).toContain("pulumi-nodejs:dynamic/hornet:FirecrackerVM vm1");
  expect([ownersOf(usual).size, ownersOf(other).size]).toEqual([1, 1]);
  expect([...ownersOf(usual)][0]).not.toEqual([...ownersOf(other)][0]);
  const folders = [...usual, ...other].flatMap(({ inputs }) => inputs.folder ?? []);
  expect(new Set(folders).size).toBe(2);
});

test("a renamed stack keeps the owner labels of its former name (knownAs), for each of its fleets", async () => {
  const known = { knownAs: "somebody/program/old" };
  const old = { organization: "somebody", project: "program", stack: "old" };
  expect([...ownersOf(await fleetNamed("fleet", "192.0.2.1", known))]).toEqual([ownerLabel(old)]);
  const east = ownerLabel({ ...old, stack: "old/east" });
  expect([...ownersOf(await fleetNamed("east", "192.0.2.1", known))]).toEqual([east]);
});
