import * as pulumi from "@pulumi/pulumi";
import { clonePacks } from "../providers/clone";
import { unpack } from "../providers/packed";
import { Clone, type CloneArgs } from "./clone";

const registered: Record<string, unknown>[] = [];

beforeAll(() =>
  pulumi.runtime.setMocks(
    {
      call: () => ({}),
      newResource: ({ name, inputs }) => {
        registered.push(inputs as Record<string, unknown>);
        return { id: name, state: { ...inputs, sshHostKey: "ssh-ed25519 AAAA" } as object };
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

/** What the engine is told of a clone, and what the program has of it. */
async function declare(more: Partial<CloneArgs>): Promise<{ inputs: Record<string, unknown>; known: string[] }> {
  registered.length = 0;
  const clone = new Clone("vm7", { ...args, ...more });
  const { name, namespace, address, sshHostKey } = clone;
  const known = await new Promise<string[]>((resolve) =>
    pulumi.all([name, namespace, address, sshHostKey]).apply(resolve),
  );
  return { inputs: registered[0] ?? {}, known };
}

test("its inputs go to the engine in a few texts, its environment as a secret by itself", async () => {
  const { inputs, known } = await declare({ env: { TOKEN: "canary" } });
  expect(Object.keys(inputs).sort()).toEqual([...Object.keys(clonePacks), "__provider", "env"].sort());
  const texts = Object.keys(clonePacks).map((group) => inputs[group]);
  expect(texts.join()).not.toContain("canary");
  const { env, ...told } = args as CloneArgs & { env?: unknown };
  expect(env).toBeUndefined();
  expect(unpack(clonePacks, inputs)).toMatchObject(told);
  expect(known).toEqual(["agent-7", "vm7", "10.0.0.9/24", "ssh-ed25519 AAAA"]);
});

test("so they do where a program knows some of them only later", async () => {
  const later = <T>(value: T): Promise<T> => new Promise((resolve) => setImmediate(() => resolve(value)));
  const { inputs, known } = await declare({
    address: pulumi.output(later("10.0.0.10/24")),
    authorizedKeys: [later("ssh-ed25519 BBBB")],
    artifact: later({ digest: "sha256:1", folder: "/a", diskPath: "/d", guestMac: "02:fc:00:00:00:02", memory: 1 }),
  });
  expect(unpack(clonePacks, inputs)).toMatchObject({
    address: "10.0.0.10/24",
    authorizedKeys: ["ssh-ed25519 BBBB"],
    artifact: { digest: "sha256:1", memory: 1 },
  });
  expect(known[2]).toBe("10.0.0.10/24");
});

test("a secret among them makes its text one", async () => {
  const clone = new Clone("vm7", { ...args, user: pulumi.secret("somebody") });
  expect(await pulumi.isSecret(clone.name)).toBe(true);
  expect(await pulumi.isSecret(clone.address)).toBe(false);
});
