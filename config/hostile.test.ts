import { providersOf } from "../providers/kinds";
import { Operation } from "../providers/operation/operation";
import { ConfigFaults } from "./faults";
import { parseConfig } from "./parse";

const { Bridge: bridge, FirecrackerVM: vm, NatRuleSet: nat } = providersOf(new Operation());

/** What a config's faults say, with the keys that they are about. */
function faultsOf(config: object): string[] {
  const parsed = parseConfig({ droplet: { local: true }, ...config });
  return parsed.ok ? [] : parsed.faults.map(({ path, problem }) => `${path}: ${problem}`);
}

const json = (text: string): object => JSON.parse(text) as object;

test.each<[string, object, RegExp]>([
  ["an environment's __proto__", json('{"identity":{"env":{"__proto__":"x"}}}'), /identity\.env\.__proto__.*no key/],
  ["a clone's __proto__", json('{"clones":{"__proto__":{}}}'), /clones\.__proto__/],
  ["the agent's __proto__", json('{"agent":{"env":{"__proto__":"x"}}}'), /agent\.env\.__proto__/],
  ["a section's __proto__", json('{"fleet":{"__proto__":{"count":1}}}'), /fleet\.__proto__/],
  ["ten million clones", { bridge: { address: "10.0.0.1/8" }, fleet: { count: 10_000_000 } }, /must be 10000 or less/],
  ["a bidi override in a path", { vmm: { kernel: "/opt/\u202egpj.sh" } }, /vmm\.kernel/],
  ["a zero-width space in a path", { snapshot: { dir: "/opt/a\u200bb" } }, /snapshot\.dir/],
  ["a blank in the runtime folder", { vmm: { runtimeDir: "/opt/a b" } }, /vmm\.runtimeDir/],
  ["a quote in the runtime folder", { vmm: { runtimeDir: `/opt/a"b` } }, /vmm\.runtimeDir/],
  ["a backslash in the runtime folder", { vmm: { runtimeDir: "/opt/a\\b" } }, /vmm\.runtimeDir/],
  ["a name that no file system takes", { vmm: { kernel: `/opt/${"x".repeat(256)}` } }, /vmm\.kernel/],
  ["NaN clones", { fleet: { count: NaN } }, /fleet\.count/],
  ["1e21 clones", { fleet: { count: 1e21 } }, /fleet\.count/],
])("%s is refused", (_what, config, fault) => expect(faultsOf(config).join("\n")).toMatch(fault));

test.each(["constructor", "hasOwnProperty", "toString"])("an environment keeps %s", (name) => {
  const parsed = parseConfig({ droplet: { local: true }, identity: { env: { [name]: "x" } } });
  expect(parsed.ok && parsed.spec.identity.env).toEqual({ [name]: "x" });
});

test("70,000 published ports are refused, and duplicates among many are named", () => {
  const ports = (count: number): object[] => Array.from({ length: count }, (_, at) => ({ port: (at % 65535) + 1 }));
  const own = (publish: object[]): object => ({ clones: { "0": { publish } } });
  expect(faultsOf(own(ports(70_000))).join()).toContain("must be a list of at most 4096");
  expect(faultsOf(own(ports(4096)))).toEqual([]);
  expect(faultsOf(own([...ports(4000), { port: 7 }])).join()).toContain(
    "publish[4000]: must publish a port that no other entry publishes",
  );
});

test.each([101, 20_000])("a value of %i levels is refused", (levels) => {
  let inner: unknown = 1;
  for (let level = 0; level < levels; level += 1) inner = { inner };
  expect(faultsOf({ fleet: inner as object })).toEqual([
    "hornet:fleet: must be a mapping, but is a value of more than 100 levels",
  ]);
});

test("of thousands of faults the first are printed, and all are counted", () => {
  const keys = Array.from({ length: 16_000 }, (_, at) => `bad ${at}`);
  const parsed = parseConfig({ droplet: { local: true }, identity: { authorizedKeys: keys } });
  expect(parsed.ok ? 0 : parsed.faults.length).toBe(16_000);
  const { message } = new ConfigFaults("dev", parsed.ok ? [] : parsed.faults);
  expect(message).toMatch(/has 16000 faults/);
  expect(message).toContain("authorizedKeys[49]: ");
  expect(message).toMatch(/\n {2}… and 15950 more\n/);
  expect(message).not.toContain("authorizedKeys[50]");
});

test("the same rules hold for a program that uses the resources", async () => {
  const droplet = { local: true };
  const common = { droplet, owner: "hornet:p/s:1" };
  const said = async (provider: typeof bridge, props: object): Promise<string> =>
    JSON.stringify((await provider.check?.({}, props))?.failures);
  for (const runtimeDir of ["/opt/a b", '/opt/a"b', "/opt/a\\b", "/opt/\u202ea", "/opt/../etc"]) {
    expect(await said(bridge, { ...common, runtimeDir })).toMatch(/must be a path/);
  }
  const env = json('{"__proto__":"x","A":"b"}');
  expect(await said(vm, { ...common, env })).toContain("no key may be named __proto__");
  const publish = [1, 2, 1].map((port) => ({ port, guestPort: 1 }));
  const rules = { ...common, namespace: "vm7", address: "10.0.0.9" };
  expect(await said(nat, { ...rules, publish })).toContain("must publish a port that no other entry publishes");
});
