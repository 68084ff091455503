/** What clones are told: how much it may be, and what all of them must not share. */
import { cured, faultsOf, local, type RawConfig } from "../testing";

const KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f";
const CANARY = "canary".repeat(9000);
const keys = (count: number): string[] => Array.from({ length: count }, (_, at) => `${KEY} user-${at}@example.org`);

test.each<[string, RawConfig, string, RegExp]>([
  [
    "a large environment",
    { identity: { env: { KEY: CANARY } } },
    "identity.env",
    /^is too large: vm2 would be told 5\d{4} bytes, 540\d\d of them its environment, \d+ its authorized keys; .* 51200/,
  ],
  ["an agent's large environment", { agent: { env: { KEY: CANARY } } }, "identity.env", /^is too large: vm2/],
  ["many keys", { identity: { authorizedKeys: keys(600) } }, "identity.authorizedKeys", /^is too large: vm2/],
  [
    "one clone's own",
    { clones: { "1": { identity: { env: { KEY: CANARY } } } } },
    "clones.1.identity",
    /^is too large: vm1/,
  ],
  [
    "one clone's own with all clones'",
    {
      identity: { authorizedKeys: keys(300) },
      clones: { "0": { identity: { env: { KEY: CANARY.slice(0, 30_000) } } } },
    },
    "clones.0.identity",
    /^is too large: vm0/,
  ],
])("%s is refused with its size, secret or not, and without a value", (_, config, path, words) => {
  for (const secretKeys of [[], ["identity", "agent", "clones"]]) {
    const faults = faultsOf(local(config), { secretKeys });
    expect(faults).toHaveLength(1);
    const [fault] = faults;
    expect(fault?.path).toBe(`hornet:${path}`);
    expect(fault?.problem).toMatch(words);
    expect(JSON.stringify(faults)).not.toMatch(/canarycanary|AAAAC3/);
    if (path.includes("Keys") && fault !== undefined) expect(faultsOf(cured(local(config), fault))).toEqual([]);
  }
});

test.each<[string, RawConfig]>([
  ["hundreds of keys", { identity: { authorizedKeys: keys(300) } }],
  ["an environment over ssh", { guest: { identity: "ssh" }, identity: { env: { KEY: CANARY } } }],
  ["an environment that nobody is told", { fleet: { count: 0 }, identity: { env: { KEY: CANARY } } }],
  ["one clone's id", { clones: { "1": { identity: { env: { AGENT_ID: "reviewer" } } } } }],
])("%s is valid", (_, config) => expect(faultsOf(local(config))).toEqual([]));

test.each([["identity"], ["agent"]])("%s: one id for all agents is refused", (section) => {
  const faults = faultsOf(local({ [section]: { env: { AGENT_ID: "vm0" } } }));
  expect(faults).toEqual([
    {
      path: `hornet:${section}.env.AGENT_ID`,
      problem: expect.stringMatching(/^would make all agents one/) as string,
      example: `hornet:${section}: {env: {API_URL: http://10.0.0.1:8080}}`,
    },
  ]);
});
