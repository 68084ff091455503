import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { checkpointing, resourcesIn } from "./checkpoints";
import type { DeclaredFleet } from "./size";

let folder: string;
let file: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "hornet-state-"));
  file = join(folder, "local.json");
});
afterEach(() => rmSync(folder, { recursive: true }));

const fleet = (count: number, name?: string): DeclaredFleet => ({ name, count, startId: 0, simulated: undefined });
const once = { PULUMI_EXPERIMENTAL: "true", PULUMI_SKIP_CHECKPOINTS: "true" };
const claim = { urn: "urn::droplet", type: "pulumi-nodejs:dynamic/hornet:DropletClaim" };
const state = (resources?: readonly object[]): string =>
  JSON.stringify({ version: 3, checkpoint: { stack: "s", latest: resources && { manifest: {}, resources } } });

test.each<[string, string | undefined]>([
  ["no state", undefined],
  ["a new stack", state()],
  ["an empty state", state([])],
  ["a state without the claim", state([{ urn: "urn::br0", type: "pulumi-nodejs:dynamic/hornet:Bridge" }])],
])("%s: the claim goes into the state before anything else is created", (_name, text) => {
  if (text !== undefined) writeFileSync(file, text);
  const { first, env } = checkpointing([fleet(250)], resourcesIn(file));
  expect(first.some((target) => target.includes("DropletClaim"))).toBe(true);
  expect(env).toEqual(once);
});

test("the engine writes a state with the claim once, and that of a small fleet at every step", () => {
  writeFileSync(file, state([claim]));
  expect(checkpointing([fleet(250)], resourcesIn(file))).toEqual({ first: [], env: once });
  expect(checkpointing([fleet(3)], resourcesIn(file))).toEqual({ first: [], env: {} });
});

test("a droplet that joins a large stack is claimed first, and no other one again", () => {
  const east = { ...claim, urn: "urn::east-droplet" };
  writeFileSync(file, state([east]));
  const { first } = checkpointing([fleet(30, "east"), fleet(30, "west")], resourcesIn(file));
  expect(first.filter((target) => target.includes("DropletClaim"))).toEqual([expect.stringMatching(/::west-droplet$/)]);
  writeFileSync(file, state([east, { ...claim, urn: "urn::west-droplet" }]));
  expect(checkpointing([fleet(30, "east"), fleet(30, "west")], resourcesIn(file)).first).toEqual([]);
});
