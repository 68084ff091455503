import * as pulumi from "@pulumi/pulumi";
import { ConfigFaults } from "./faults";
import { isSecret, loadConfig } from "./load";

function faultsOf(config: Record<string, string>, secretKeys: string[] = []): ConfigFaults {
  pulumi.runtime.setAllConfig(config, secretKeys);
  try {
    loadConfig();
  } catch (error) {
    if (error instanceof ConfigFaults) return error;
    throw error;
  }
  throw new Error("the config was taken");
}

beforeAll(async () => {
  await pulumi.runtime.setMocks({ newResource: () => ({ id: "", state: {} }), call: () => ({}) }, "hornet", "dev");
});

afterEach(() => pulumi.runtime.setAllConfig({}, []));

test("reads every key of the namespace, whatever the project's name", () => {
  pulumi.runtime.setAllConfig({
    "hornet:droplet": '{"host":"203.0.113.10"}',
    "hornet:config:fleet": '{"count":7}',
    "aws:region": "x",
  });
  expect(loadConfig()).toMatchObject({ droplet: { kind: "ssh", host: "203.0.113.10" }, fleet: { count: 7 } });
});

test("throws all faults at once, unknown keys among them", () => {
  const { faults, message } = faultsOf({ "hornet:flet": "1", "hornet:bridge": '{"name":"a b"}' });
  expect(faults.map(({ path }) => path)).toEqual(["hornet:bridge.name", "hornet:flet", "hornet:droplet"]);
  expect(message).toMatch(/^The config of stack dev has 3 faults/);
});

test("is printed by the SDK without a stack trace", () => {
  expect(pulumi.RunError.isInstance(faultsOf({}))).toBe(true);
});

test("accepts an encrypted value in environments, and refuses one that the state would hold as plain text", () => {
  const config = {
    "hornet:droplet": '{"local":true}',
    "hornet:identity": '{"env":{"KEY":"c4n4ry"}}',
    "hornet:clones": '{"1":{"identity":{"env":{"KEY":"c4n4ry"}}}}',
    "hornet:agent": '{"command":"run --token c4n4ry"}',
  };
  pulumi.runtime.setAllConfig(config, ["hornet:identity", "hornet:clones"]);
  expect(loadConfig()).toMatchObject({ identity: { env: { KEY: "c4n4ry" } } });
  const { faults, message } = faultsOf(config, ["hornet:identity", "hornet:agent", "hornet:droplet"]);
  expect(faults.map(({ path }) => path).sort()).toEqual(["hornet:agent", "hornet:droplet"]);
  expect(message).toContain("environments alone are kept secret");
  expect(message).not.toContain("c4n4ry");
});

test("names the keys with secrets, and shows no secret", () => {
  const config = { "hornet:vmm": '{"kernel":"c4n4ry"}', "hornet:fleet": '{"count":-1}' };
  expect(faultsOf(config, ["hornet:vmm"]).message).not.toContain("c4n4ry");
  expect(isSecret("vmm")).toBe(true);
  expect(isSecret("fleet")).toBe(false);
  expect(isSecret("identity")).toBe(false);
});
