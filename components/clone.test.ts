import * as pulumi from "@pulumi/pulumi";
import { Clone, type CloneArgs } from "./clone";

type Bag = Record<string, unknown>;

const registered: { kind: string; name: string; inputs: Bag }[] = [];
beforeAll(() =>
  pulumi.runtime.setMocks(
    {
      call: () => ({}),
      newResource: ({ type, name, inputs }) => {
        const kind = type.slice(type.lastIndexOf(":") + 1);
        registered.push({ kind, name, inputs: inputs as Bag });
        const changedAt = kind === "NatRuleSet" ? "2026-01-02T00:00:00.000Z" : "2026-01-01T00:00:00.000Z";
        return { id: name, state: { ...inputs, changedAt, sshHostKey: "ssh-ed25519 AAAA" } as object };
      },
    },
    "project",
    "stack",
    false,
    "organization",
  ),
);

const args: CloneArgs = {
  droplet: { host: "192.0.2.1" },
  name: "agent-7",
  namespace: "vm7",
  bridge: "br0",
  hostVeth: "veth7h",
  address: "10.0.0.9/24",
  gateway: "10.0.0.1",
  artifact: { digest: "sha256:0", folder: "/a", diskPath: "/d", guestMac: "02:fc:00:00:00:02", memory: 128 },
};

/** What the engine receives of a clone: its three resources by kind. */
async function declare(more: Partial<CloneArgs> = {}): Promise<Record<string, Bag>> {
  registered.length = 0;
  const { vm } = new Clone("vm7", { ...args, ...more });
  await new Promise((resolve) => vm.sshHostKey.apply(resolve));
  return Object.fromEntries(
    registered.map(({ kind, name, inputs }) => {
      expect({ name, droplet: inputs.droplet }).toEqual({ name: "vm7", droplet: args.droplet });
      const own = Object.entries(inputs).filter(([key]) => !["__provider", "owner", "droplet"].includes(key));
      return [kind, Object.fromEntries(own)];
    }),
  );
}

test("a clone is three resources, each with its own properties", async () => {
  const publish = [{ port: 80, guestPort: 8080 }];
  expect(await declare({ publish, tap: "tap1", user: "agent" })).toEqual({
    CloneNamespace: {
      ...{ namespace: "vm7", bridge: "br0", hostVeth: "veth7h", address: "10.0.0.9/24", gateway: "10.0.0.1" },
      ...{ tap: "tap1", nsVeth: "veth0", tapAddress: "192.168.241.1/29" },
    },
    NatRuleSet: { namespace: "vm7", address: "10.0.0.9", bridgeAddress: "10.0.0.1/24", tap: "tap1", publish },
    FirecrackerVM: {
      ...{ name: "agent-7", namespace: "vm7", address: "10.0.0.9", tap: "tap1", user: "agent" },
      artifact: args.artifact,
      networkChangedAt: "2026-01-02T00:00:00.000Z",
    },
  });
});

test("the default name of a clone is its namespace's", async () => {
  const nameless = Object.fromEntries(Object.entries(args).filter(([key]) => key !== "name")) as CloneArgs;
  const { vm } = new Clone("vm7", nameless);
  expect(await new Promise((resolve) => vm.name.apply(resolve))).toBe("vm7");
});

test("an output of another resource reaches each of the three", async () => {
  const later = <T>(value: T): Promise<T> => new Promise((resolve) => setImmediate(() => resolve(value)));
  const { CloneNamespace, NatRuleSet, FirecrackerVM } = await declare({
    address: pulumi.output(later("10.0.0.10/24")),
    authorizedKeys: [later("ssh-ed25519 BBBB")],
  });
  expect([CloneNamespace?.address, NatRuleSet?.address, FirecrackerVM?.address]).toEqual([
    "10.0.0.10/24",
    "10.0.0.10",
    "10.0.0.10",
  ]);
  expect(FirecrackerVM?.authorizedKeys).toEqual(["ssh-ed25519 BBBB"]);
});

test("the environment of a clone is a secret, its other properties are not", async () => {
  const { vm } = new Clone("vm7", { ...args, env: { TOKEN: "canary" } });
  const env = (vm as unknown as { env: pulumi.Output<unknown> }).env;
  expect(await pulumi.isSecret(env)).toBe(true);
  expect(await pulumi.isSecret(vm.address)).toBe(false);
});

test("a path of ignoreChanges or replaceOnChanges goes to the resources that have the property", async () => {
  const found: Record<string, unknown> = {};
  const note: pulumi.ResourceTransformation = ({ type, opts: { ignoreChanges, replaceOnChanges } }) => {
    found[type.slice(type.lastIndexOf(":") + 1)] = [ignoreChanges, replaceOnChanges];
    return undefined;
  };
  const paths = ["publish[0].guestPort", 'agent["command"]', '["gateway"]', "tap", "nsVeth", "guestAddress"];
  const opts = { ignoreChanges: paths, replaceOnChanges: ["egress", "*"], transformations: [note] };
  const { vm } = new Clone("vm7", args, opts);
  await new Promise((resolve) => vm.sshHostKey.apply(resolve));
  expect(found).toEqual({
    CloneNamespace: [['["gateway"]', "tap", "nsVeth"], ["*"]],
    NatRuleSet: [
      ["publish[0].guestPort", "tap", "nsVeth", "guestAddress"],
      ["egress", "*"],
    ],
    FirecrackerVM: [['agent["command"]', "tap", "guestAddress"], ["*"]],
  });
});
