/** Faults of the user's own steps. */
import { cured, faultsOf, local, specOf, type RawConfig } from "../testing";

const ssh = { droplet: { host: "203.0.113.10" } };
const steps = (...list: object[]): RawConfig => local({ steps: list });

test.each<[string, RawConfig, string, RegExp]>([
  ["a step without a command", steps({ name: "a" }), "steps", /step a does nothing: set create, identity or delete/],
  [
    "two steps of one name",
    steps({ name: "a", create: "x" }, { name: "a", delete: "x" }),
    "steps",
    /more than one step a/,
  ],
  ["a clone that is not there", steps({ name: "a", create: "x", clones: [3] }), "steps", /for clone 3.*ids 0 to 2/],
  ["no host key", { ...ssh, steps: [{ name: "a", create: "x" }] }, "droplet.hostKey", /step a runs on the clone/],
  [
    "no host key, for the droplet",
    { ...ssh, steps: [{ name: "a", on: "droplet", delete: "x" }] },
    "droplet.hostKey",
    /step a runs on the droplet/,
  ],
  ["a name of another form", steps({ name: "A b", create: "x" }), "steps[0].name", /lower-case letters/],
  ["an empty command", steps({ name: "a", create: " \n", delete: "x" }), "steps[0].create", /lines for a shell/],
  [
    "a command with an escape",
    steps({ name: "a", create: "\u001b[2J", delete: "x" }),
    "steps[0].create",
    /control characters/,
  ],
  [
    "a huge command",
    steps({ name: "a", create: "x".repeat(40_000), delete: "x" }),
    "steps[0].create",
    /at most 32768 bytes/,
  ],
  ["an unknown place", steps({ name: "a", on: "moon", create: "x" }), "steps[0].on", /clone or droplet or operator/],
  ["an unknown key", steps({ name: "a", run: "x", create: "x" }), "steps[0].run", /unknown key/],
  ["no clones", steps({ name: "a", create: "x", clones: [] }), "steps[0].clones", /empty list/],
])("%s is refused, and the fault's example is valid", (_, config, path, words) => {
  const faults = faultsOf(config);
  expect(faults).toEqual([
    { path: `hornet:${path}`, problem: expect.stringMatching(words) as string, example: expect.any(String) as string },
  ]);
  for (const fault of faults) expect(faultsOf(cured(config, fault))).toEqual([]);
});

test("a step on the operator's machine needs no host key, and a command may have several lines", () => {
  const step = { name: "a", on: "operator", identity: "cd /tmp\n\tls", env: { N: 7 }, stdin: "x" };
  expect(specOf({ ...ssh, steps: [step] }).steps).toEqual([{ ...step, env: { N: "7" } }]);
});

test("no fault shows a step's environment or input, and both may be encrypted", () => {
  const config = steps({ name: "a", create: "x", env: { "no name": "canary" }, stdin: "canary\0" });
  const faults = faultsOf(config, { secretKeys: ["steps"], sealedKeys: ["steps"] });
  expect(faults).toHaveLength(2);
  expect(JSON.stringify(faults)).not.toContain("canary");
});
