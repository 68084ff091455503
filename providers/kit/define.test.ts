import { z } from "zod";
import { HornetError } from "../../host/errors";
import { makeProvider } from "./define";
import { commonInputs, type CommonInputs, type Definition } from "./definition";
import { providersOf } from "../kinds";
import { Operation } from "../operation/operation";

const UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9";
const common = { droplet: { host: "192.0.2.1", user: "root", port: 22 }, owner: "hornet:p/s:1", runtimeDir: "/run/x" };

const {
  Bridge: bridge,
  CloneNamespace: namespace,
  FirecrackerVM: vm,
  NatRuleSet: nat,
  SnapshotArtifact: artifact,
} = providersOf(new Operation());

const INTERFACE = 'name: must be an interface name of letters, digits, "_", "-" and ".", not starting with "-" or "."';
const NAMESPACE = 'namespace: must be letters, digits and "-", at most 63, not starting with "-"';

type Provider = typeof bridge;
type Bag = Record<string, unknown>;

/** What check says, each fault as "property: reason". */
async function faults(provider: Provider, props: object): Promise<string[]> {
  const { failures = [] } = (await provider.check?.({}, props)) ?? {};
  return failures.map(({ property, reason }) => `${property}: ${reason}`);
}

const namespaceInputs = {
  ...common,
  namespace: "vm7",
  bridge: "br0",
  hostVeth: "veth7h",
  address: "10.0.0.9/24",
  gateway: "10.0.0.1",
  tapMac: "02:fc:00:00:00:01",
  tapAddress: "192.168.241.1/29",
};

const processes = (): number => process.getActiveResourcesInfo().filter((kind) => kind === "ProcessWrap").length;
/** Of another test file that this process has run before. */
const before = processes();

afterEach(() => {
  // check and diff start nothing: no ssh was tried for the droplet above.
  expect(processes()).toBeLessThanOrEqual(before);
});

describe("check", () => {
  const made = { digest: "x", folder: "/a", diskPath: "/a/d", guestMac: "02:fc:00:00:00:02", memory: 128 };
  const vmInputs = { ...common, name: "vm7", namespace: "vm7", address: "10.0.0.9", artifact: made };

  test("refuses a VM whose identity exceeds its metadata, without printing values", async () => {
    const env = { KEY: "canary".repeat(9000) };
    const [fault, ...more] = await faults(vm, { ...vmInputs, identity: "service", env });
    // A fault of a single property would show its value.
    expect(fault).toMatch(/^: vm7 would be told .* holds 51200, .*; shorten hornet:identity\.env$/);
    expect(fault).not.toContain("canary");
    expect(more).toEqual([]);
    expect(await faults(vm, { ...vmInputs, identity: "service", env: { KEY: "x".repeat(9000) } })).toEqual([]);
    // Neither ssh nor the drive that cloud-init reads has such a limit.
    for (const identity of ["ssh", "cloud-init"]) expect(await faults(vm, { ...vmInputs, identity, env })).toEqual([]);
  });

  test("returns the inputs without defaults, and the declared condition", async () => {
    const checked = await bridge.check?.({}, common);
    expect(checked?.failures ?? []).toEqual([]);
    expect(checked?.inputs).toEqual({
      ...common,
      condition: "as declared",
    });
  });

  test("a condition from a program or a read does not count as declared", async () => {
    const checked = await bridge.check?.({}, { ...common, condition: "br0 down" });
    expect((checked?.inputs as Bag).condition).toBe("as declared");
  });

  test.each<[string, Provider, object, string[]]>([
    ["nothing", bridge, common, []],
    [
      "a long name",
      bridge,
      { ...common, name: "a".repeat(16) },
      ["name: must be an interface name of at most 15 characters (these are 16)"],
    ],
    ["an option", bridge, { ...common, name: "-br0" }, [INTERFACE]],
    ["a command", bridge, { ...common, name: "br0;id" }, [INTERFACE]],
    ["no prefix", bridge, { ...common, address: "10.0.0.1" }, ["address: must be an IPv4 address with a prefix"]],
    [
      "a relative folder",
      bridge,
      { ...common, runtimeDir: "run" },
      ["runtimeDir: must be an absolute path, starting with /"],
    ],
    [
      "several at once",
      namespace,
      { ...namespaceInputs, namespace: "vm 7", gateway: "10.0.0", tapMac: "02:FC:00:00:00" },
      [
        NAMESPACE,
        "gateway: must be an IPv4 address",
        "tapMac: must be a MAC address, six two-digit hex numbers with colons",
      ],
    ],
    [
      "a port of a list",
      nat,
      {
        ...common,
        namespace: "vm7",
        address: "10.0.0.9",
        guestAddress: "192.168.241.2",
        publish: [{ port: 0, guestPort: 80 }],
      },
      ["publish.0.port: must be 1 or more"],
    ],
    [
      "a path that climbs",
      artifact,
      {
        ...common,
        dir: "/opt/../etc",
        source: { path: "/a" },
        firecracker: "/f",
        guestAddress: "10.0.0.1",
        tapMac: "02:fc:00:00:00:01",
        tapAddress: "10.0.0.2/24",
      },
      ['dir: must be a path in its shortest spelling: no "//", "/./", "/../" and no "/" at the end'],
    ],
  ])("%s", async (_name, provider, props, expected) => {
    expect(await faults(provider, props)).toEqual(expected);
  });

  test("an unknown value is no fault, wherever it is", async () => {
    expect(await faults(namespace, { ...namespaceInputs, namespace: UNKNOWN, gateway: UNKNOWN })).toEqual([]);
    const vmInputs = {
      ...common,
      name: "vm7",
      namespace: "vm7",
      address: "10.0.0.9",
      artifact: UNKNOWN,
      guestAddress: "192.168.241.2",
      tapAddress: "192.168.241.1/29",
      firecracker: "/f",
      kernel: "/k",
      env: { KEY: UNKNOWN },
      readyTimeout: UNKNOWN,
    };
    expect(await faults(vm, vmInputs)).toEqual([]);
    expect(await faults(vm, { ...vmInputs, namespace: "a b" })).toEqual([NAMESPACE]);
    // What is unknown stays what it is, so that the engine sees it.
    const checked = await vm.check?.({}, vmInputs);
    expect((checked?.inputs as Bag).artifact).toBe(UNKNOWN);
  });

  test("a droplet may be unknown, as a whole or in part", async () => {
    expect(await faults(bridge, { ...common, droplet: UNKNOWN })).toEqual([]);
    expect(await faults(bridge, { ...common, droplet: { host: "h", user: "root", port: UNKNOWN } })).toEqual([]);
  });
});

describe("diff", () => {
  const diff = async (provider: Provider, olds: object, news: object): Promise<string[]> => {
    const result = await provider.diff?.("id", olds, news);
    // Without a verdict the engine compares by itself, and shows what drifted.
    expect(result?.changes).toBeUndefined();
    expect(result?.deleteBeforeReplace).toBe(true);
    return result?.replaces ?? [];
  };

  test.each<[string, Provider, object, object, string[]]>([
    ["the same", bridge, {}, {}, []],
    ["a bridge's name", bridge, { name: "br0" }, { name: "br1" }, ["name"]],
    ["a bridge's uplink", bridge, { uplink: "auto" }, { uplink: "eth0" }, []],
    ["a clone's address", namespace, { address: "10.0.0.9/24" }, { address: "10.0.0.10/24" }, []],
    ["a clone's namespace", namespace, { namespace: "vm7" }, { namespace: "vm8" }, ["namespace"]],
    ["published ports", nat, { publish: [] }, { publish: [{ port: 1 }] }, []],
    ["a VM's environment", vm, { env: {} }, { env: { A: "1" } }, []],
    ["an artifact's folder", artifact, { dir: "/a" }, { dir: "/b" }, ["dir"]],
    ["a folder that is not known yet", artifact, { dir: "/a" }, { dir: UNKNOWN }, []],
    ["the words of a read", bridge, { condition: "br0 down" }, { condition: "as declared" }, []],
    ["another droplet", bridge, {}, { droplet: { ...common.droplet, host: "192.0.2.2" } }, ["droplet"]],
    ["another port", bridge, {}, { droplet: { ...common.droplet, port: 2222 } }, ["droplet"]],
    [
      "another way to the same droplet",
      bridge,
      {},
      { droplet: { ...common.droplet, privateKeyPath: "/k", user: "me" } },
      [],
    ],
    ["this machine", bridge, {}, { droplet: { local: true } }, ["droplet"]],
    ["a droplet that is not known yet", bridge, {}, { droplet: UNKNOWN }, []],
  ])("%s", async (_name, provider, olds, news, expected) => {
    expect(await diff(provider, { ...common, ...olds }, { ...common, ...news })).toEqual(expected);
  });
});

describe("a definition", () => {
  const inputs = commonInputs.extend({ size: z.number().default(1) });
  type Inputs = z.infer<typeof inputs>;
  const outputs = z.object({ made: z.string() });

  function define(over: Partial<Definition<Inputs, { made: string }>>): Provider {
    const definition: Definition<Inputs, { made: string }> = {
      kind: "Thing",
      inputs,
      outputs,
      replaceOn: [],
      id: ({ owner }: CommonInputs) => owner,
      create: () => Promise.resolve({ made: "now" }),
      read: () => Promise.resolve({ outputs: { made: "then" }, drift: ["a gone", "b changed"] }),
      update: () => Promise.resolve({ made: "again" }),
      delete: () => Promise.resolve(),
      ...over,
    };
    return makeProvider(definition, new Operation());
  }

  const state = { ...common, vmmTimeout: 30, size: 1, made: "now", condition: "as declared" };

  test("an input that equals its default is left out of the state, from inputs and outputs alike", async () => {
    const one = define({ replaceOn: ["size"] });
    const least = { owner: common.owner, runtimeDir: common.runtimeDir, droplet: common.droplet };
    for (const news of [least, { ...least, size: 1, vmmTimeout: 30 }]) {
      expect(await one.check?.({}, news)).toEqual({ inputs: { ...least, condition: "as declared" }, failures: [] });
      expect((await one.create(news)).outs).toEqual({ ...least, made: "now", condition: "as declared" });
      expect((await one.diff?.("id", state, news))?.replaces).toEqual([]);
    }
    const found = { ...least, condition: "a gone; b changed" };
    // A state of before has them among the outputs.
    expect(await one.read?.("id", state)).toEqual({ id: "id", inputs: found, props: { ...found, made: "then" } });
    expect((await one.diff?.("id", state, { ...least, size: 2 }))?.replaces).toEqual(["size"]);
  });

  test("a deletion uses the program's connection to the same droplet, and the recorded one to another droplet", async () => {
    const reached: unknown[] = [];
    const one = define({ delete: (_droplet, { droplet }) => Promise.resolve(void reached.push(droplet)) });
    const old = { host: "203.0.113.99", user: "root", port: 22, privateKeyPath: "/old" };
    const now = { ...old, privateKeyPath: "/new" };
    const elsewhere = { ...old, port: 23 };
    await one.check?.({}, { ...common, size: 1, droplet: now });
    for (const droplet of [old, elsewhere]) await one.delete?.("id", { ...state, droplet });
    expect(reached).toEqual([now, elsewhere]);
  });

  test("a deletion knows of a replacement that follows, and spares what another resource has taken over", async () => {
    const deleted: unknown[] = [];
    const one = define({
      delete: (_droplet, { owner }, replaced) => Promise.resolve(void deleted.push([owner, replaced])),
    });
    const [own, others] = [common.owner, "hornet:p/s:2"];
    await one.delete?.("id", state);
    await one.check?.({}, { ...common, size: 1 });
    await one.delete?.("id", state);
    await one.create({ ...common, size: 1 });
    // The engine deletes a resource that lost its name in the program after the one that declares the same thing was made.
    await one.delete?.("id", state);
    await one.delete?.("id", { ...state, owner: others });
    expect(deleted).toEqual([
      [own, false],
      [own, true],
      [others, false],
    ]);
  });

  test("create returns inputs, outputs and the condition, and never an empty id", async () => {
    const outs = { ...common, size: 2, made: "now", condition: "as declared" };
    expect(await define({}).create({ ...common, size: 2 })).toEqual({ id: common.owner, outs });
  });

  test("drift is in an input, so that the engine finds the difference", async () => {
    const result = await define({}).read?.("id", state);
    expect(result).toMatchObject({
      id: "id",
      props: { condition: "a gone; b changed", made: "then" },
      inputs: { condition: "a gone; b changed", owner: common.owner },
    });
    expect(result?.inputs).not.toHaveProperty("made");
  });

  test("a read by id alone, such as an import, fails with the next step", async () => {
    const { made, condition, ...declared } = state;
    expect({ made, condition }).toEqual({ made: "now", condition: "as declared" });
    for (const props of [undefined, {}, declared]) {
      await expect(define({}).read?.("br0", props)).rejects.toThrow(
        /^Thing br0 cannot be imported or read by its id\n {2}next: .*hornet:fleet\.adopt/,
      );
    }
  });

  test("a resource that is gone has a blank id", async () => {
    expect(await define({ read: () => Promise.resolve("gone") }).read?.("id", state)).toEqual({ id: "", props: {} });
  });

  test("a user's error has no stack, and a bug keeps its stack and says that it is one", async () => {
    await expect(define({}).create({ ...common, size: "x" })).rejects.toThrow(/unexpected data:[\s\S]*size/);
    const broken = define({ delete: () => Promise.reject(new TypeError("broken")) });
    const error = await broken.delete?.("id", state).then(
      () => undefined,
      (thrown: unknown) => thrown as Error,
    );
    expect(error?.message).toMatch(/^this is a bug in Hornet: TypeError: broken\n +at .*define\.test\.ts/);
    expect(error?.message).toMatch(/\n {2}next: report it with these lines$/);
    expect(error?.stack).toBe("");
    const users = define({ delete: () => Promise.reject(new HornetError("the droplet is full")) });
    await expect(users.delete?.("id", state)).rejects.toMatchObject({ message: "the droplet is full", stack: "" });
  });
});
