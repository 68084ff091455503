/** Pulumi's resource options, in a program of a user's own: they hold for a part of a property as well. */
import { beginProgram, type Program } from "../support/program";
import { longTest } from "../support/longTest";
import { changes, scratchDroplet, type ScratchDroplet } from "../support/scratchDroplet";
import { limitMs } from "../support/settings";

jest.setTimeout(limitMs(300));

let droplet: ScratchDroplet;
beforeEach(async () => {
  droplet = await scratchDroplet();
});
afterEach(async () => {
  await droplet.end();
});

/** One clone's network; the config has its published ports, and the options of its rules. */
const source = `
const { Bridge, CloneNamespace, NatRuleSet } = require("hornet");
const pulumi = require("@pulumi/pulumi");
const { droplet, publish, options, name = "vm7", aliases, together } = new pulumi.Config("t").requireObject("program");
const bridge = new Bridge("br0", { droplet, name: "br0", address: "10.0.0.1/24" });
const namespace = new CloneNamespace(name, { droplet, namespace: "vm7", bridge: "br0", hostVeth: "veth7h",
  address: "10.0.0.9/24", gateway: "10.0.0.1" }, { dependsOn: bridge, aliases });
if (publish) new NatRuleSet("vm7", { droplet, namespace: "vm7", address: "10.0.0.9", publish },
  { parent: namespace, ...options, ...(together && { deletedWith: namespace }) });
`;

interface Deployed {
  readonly deployment: { readonly resources?: readonly { readonly urn: string; readonly created?: string }[] };
}

/** When the rules in the state were created; undefined without any. */
async function createdAt({ pulumi }: Program): Promise<string | undefined> {
  const { deployment } = JSON.parse(await pulumi("stack", "export")) as Deployed;
  return deployment.resources?.find(({ urn }) => urn.endsWith("hornet:NatRuleSet::vm7"))?.created;
}

test("ignoreChanges, replaceOnChanges and retainOnDelete work for a part of a property", async () => {
  const before = await droplet.observe();
  const program = await beginProgram(droplet, source);
  const up = async (publish: object | undefined, options: object): Promise<string> => {
    program.configure({ droplet: droplet.connection, ...(publish && { publish: [publish] }), options });
    return program.pulumi("up", "--yes", "--skip-preview", "--diff");
  };
  /** The published ports on the droplet: `PORT->GUEST_PORT`. */
  const ports = async (): Promise<string[]> => {
    const rules = await droplet.run("ip netns exec vm7 nft list table ip hornet");
    return [...rules.matchAll(/dport (\d+) .*dnat to [\d.]+:(\d+)/g)].map(([, port, to]) => `${port}->${to}`);
  };

  await up({ port: 80, guestPort: 8080 }, {});
  const first = await createdAt(program);
  expect(await ports()).toEqual(["80->8080"]);

  // The ignored part keeps its value, also while another part of the same property changes.
  const ignore = { ignoreChanges: ["publish[0].guestPort"] };
  await up({ port: 80, guestPort: 9090 }, ignore);
  expect(await ports()).toEqual(["80->8080"]);
  await up({ port: 81, guestPort: 9090 }, ignore);
  expect(await ports()).toEqual(["81->8080"]);
  expect(await createdAt(program)).toBe(first);

  // A change of the part that is named replaces, a change beside it does not.
  const replace = { replaceOnChanges: ["publish[0].port"] };
  expect(await up({ port: 81, guestPort: 9090 }, replace)).toMatch(/publish[\s\S]*9090/);
  expect(await ports()).toEqual(["81->9090"]);
  expect(await createdAt(program)).toBe(first);
  await up({ port: 82, guestPort: 9090 }, replace);
  expect(await ports()).toEqual(["82->9090"]);
  const second = await createdAt(program);
  expect(second).not.toBe(first);

  // Out of the program, the retained rules stay on the droplet; declared again, they are taken up.
  await up({ port: 82, guestPort: 9090 }, { retainOnDelete: true });
  await up(undefined, {});
  expect(await createdAt(program)).toBeUndefined();
  expect(await ports()).toEqual(["82->9090"]);
  await up({ port: 83, guestPort: 9090 }, {});
  expect(await ports()).toEqual(["83->9090"]);
  await program.pulumi("destroy", "--yes", "--skip-preview");
  expect(changes(before, await droplet.observe())).toEqual([]);
});

longTest(
  "what another name or an alias takes over stays, replacing the bridge keeps its clones, deletedWith leaves nothing",
  async () => {
    const before = await droplet.observe();
    const program = await beginProgram(droplet, source);
    const up = (name: string, more: object, ...args: string[]): Promise<string> => {
      program.configure({ droplet: droplet.connection, name, publish: [{ port: 80 }], ...more });
      return program.pulumi("up", "--yes", "--skip-preview", ...args);
    };
    /** The inode of the clone's namespace, and whether its rules are there. */
    const seen = (): Promise<string> =>
      droplet.run(
        "stat -c %i /run/netns/vm7; ip netns exec vm7 nft list tables; cat /sys/class/net/veth7h/master/ifindex",
      );
    await up("vm7", {});
    const first = await seen();
    await up("renamed", {});
    expect(await seen()).toBe(first);
    expect(await up("renamed", {}, "--expect-no-changes")).toContain("unchanged");
    await up("renamed", {}, "--replace", "**Bridge::br0");
    expect(await seen()).toBe(first);
    expect(await up("renamed", {}, "--expect-no-changes")).toContain("unchanged");
    const created = await createdAt(program);
    await up("vm7", { aliases: [{ name: "renamed" }] }, "--expect-no-changes");
    expect(await createdAt(program)).toBe(created);
    await up("vm7", { together: true });
    await program.pulumi("destroy", "--yes", "--skip-preview");
    expect(changes(before, await droplet.observe())).toEqual([]);
  },
);
