import * as pulumi from "@pulumi/pulumi";
import { parseStack } from "../../config/stack";
import { commonSnapshot, declareStack, mixtureOf } from "./stack";
import { whyUnproved, type SnapshotSummary } from "./snapshotSource";

const digest = `sha256:${"a".repeat(64)}`;
const other = `sha256:${"b".repeat(64)}`;

/** What the program registers, by its type and name. */
const registered: string[] = [];

beforeAll(() =>
  pulumi.runtime.setMocks(
    {
      call: () => ({}),
      newResource: ({ type, name, inputs }) => {
        registered.push(`${type} ${name}`);
        const snapshot = summaryOf("192.0.2.9", digest);
        return { id: name, state: { ...(inputs as object), outputs: { snapshot }, secretOutputNames: [] } };
      },
    },
    "project",
    "stack",
    false,
    "organization",
  ),
);

function summaryOf(host: string, is: string, proved = ""): SnapshotSummary {
  return { digest: is, path: `/opt/swarm/snapshots/${is.slice(7)}`, droplet: { host }, runtimeDir: "/opt/run", proved };
}

test("the droplets of a stack that follow another stack have one reference to it", async () => {
  const parsed = parseStack({
    droplets: { east: { host: "192.0.2.1", count: 1 }, west: { host: "192.0.2.2", count: 1 } },
    snapshot: { from: { stack: "dev" } },
  });
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.faults));
  const { clones } = declareStack(parsed.fleets);
  await new Promise((resolve) => clones.apply(resolve));
  const references = registered.filter((one) => one.startsWith("pulumi:pulumi:StackReference"));
  expect(references).toEqual(["pulumi:pulumi:StackReference organization/project/dev"]);
});

test("a stack has proved a snapshot once all of its droplets have", () => {
  const [east, west] = [summaryOf("192.0.2.1", digest, digest), summaryOf("192.0.2.2", digest, digest)];
  expect(commonSnapshot([east, west], 2)).toEqual({ ...east, droplets: 2 });
  expect(commonSnapshot([east], 2)?.proved).toBe("");
  expect(commonSnapshot([east, { ...west, proved: "" }], 2)?.proved).toBe("");
  expect(commonSnapshot([east, summaryOf("192.0.2.2", other, other)], 2)?.proved).toBe("");
  expect(commonSnapshot([east], 1)).toEqual(east);
});

test("a stack that follows accepts what the other one has proved on all droplets", () => {
  const proved = { ...summaryOf("192.0.2.1", digest, digest), droplets: 2 };
  const unproved = { ...proved, proved: "" };
  expect(whyUnproved("dev", proved, undefined)).toBeUndefined();
  expect(whyUnproved("dev", unproved, undefined)).toMatch(/has not proved .* on all of its 2 droplets/);
  expect(whyUnproved("dev", unproved, digest)).toMatch(/has not proved/);
  // An earlier snapshot that was promoted stays usable while the other stack moves on; its record is on the droplet.
  expect(whyUnproved("dev", unproved, other)).toBeUndefined();
  // With one droplet, the record there decides.
  expect(whyUnproved("dev", { ...unproved, droplets: undefined } as never, undefined)).toBeUndefined();
});

test("droplets that declare one snapshot and run several are named with them", () => {
  const source = { kind: "path", path: "/opt/given" } as const;
  const [a, b] = [summaryOf("192.0.2.1", digest), summaryOf("192.0.2.2", other)];
  const same = { east: { source, snapshot: a }, west: { source, snapshot: a } };
  expect(mixtureOf(same)).toBeUndefined();
  expect(mixtureOf({ ...same, north: { source: { ...source, path: "/opt/else" }, snapshot: b } })).toBeUndefined();
  expect(mixtureOf({ ...same, north: { source, snapshot: b } })).toBe(`east, west: ${digest}; north: ${other}`);
});
