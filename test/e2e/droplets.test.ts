/** One stack on three droplets, with the VMM stub: one is unreachable, one joins, one goes, a snapshot rolls. */
import { startDroplet, stopDroplet, type Observation } from "../../sandbox/droplet";
import { longTest } from "../support/longTest";
import { MANY, beginManyDroplets, type ManyDroplets } from "../support/manyDroplets";
import { changes } from "../support/scratchDroplet";
import { limitMs } from "../support/settings";
import type { Stacks } from "../support/stacks";

jest.setTimeout(limitMs(900));

let many: ManyDroplets | undefined;

afterEach(async () => {
  await many?.end();
});

const names = ["east", "north", "west"] as const;

interface Outputs {
  readonly clones: readonly { readonly name: string; readonly id: number; readonly droplet: string }[];
  readonly snapshotDigest: string;
  readonly timings: Readonly<Record<string, Readonly<Record<string, number>>>>;
}

async function outputs({ stacks }: ManyDroplets): Promise<Outputs> {
  return (await stacks.outputs(MANY)) as Outputs;
}

/** The clones whose VMM runs on a droplet. */
async function running({ stacks }: ManyDroplets, droplet: string): Promise<string[]> {
  const said = await stacks.on(
    droplet,
    'cd /opt/swarm/runtime && for file in vm*/vmm.pid; do kill -0 "$(cut -d" " -f1 "$file")" && echo "${file%/*}"; done',
  );
  return said.split("\n").sort();
}

/** `pulumi up`, whatever comes of it. */
async function up(stacks: Stacks): Promise<{ readonly code: number; readonly said: string }> {
  const { code, stdout, stderr } = await stacks.tryPulumi("up", "--yes", "--skip-preview", "-s", MANY);
  return { code, said: stdout + stderr };
}

/** How the snapshot came to each droplet: `boot`, `transfer`, or nothing. */
function origins({ timings }: Outputs): Record<string, string> {
  const found = Object.entries(timings).flatMap(([name, phases]) => {
    const [, droplet] = /^(.+)-snapshot$/.exec(name) ?? [];
    return droplet === undefined ? [] : [[droplet, Object.keys(phases)[0] ?? ""]];
  });
  return Object.fromEntries(found) as Record<string, string>;
}

test("a droplet that cannot be reached fails its part, and joins with the others' snapshot once it can", async () => {
  many = await beginManyDroplets(...names);
  const { stacks, configure } = many;
  const before = new Map<string, Observation>();
  for (const name of names) before.set(name, await stacks.observe(name));
  await stopDroplet("west");
  const droplets = { east: { count: 2, startId: 0 }, west: { count: 1, startId: 100 }, north: { count: 2 } };
  configure(droplets);

  // An engine that starts nothing more after a failure: Hornet holds the failure back.
  process.env.PULUMI_CONTINUE_ON_ERROR = "false";
  const plain = await up(stacks).finally(() => delete process.env.PULUMI_CONTINUE_ON_ERROR);
  expect(plain.code).not.toBe(0);
  expect(plain.said).toContain("droplet east: all 2 clones are as declared");
  expect(plain.said).toContain("droplet north: all 2 clones are as declared");
  expect(plain.said).toContain("droplet west: failed; its errors say why");
  expect(await running(many, "east")).toEqual(["vm0", "vm1"]);

  const goesOn = await up(stacks);
  expect(goesOn.code).not.toBe(0);
  expect(goesOn.said).toContain("droplet east: all 2 clones are as declared");
  expect(goesOn.said).toContain("droplet north: all 2 clones are as declared");
  expect(goesOn.said).toContain("droplet west: failed, 0 of 1 clones are as declared");
  const first = await outputs(many);
  expect(first.clones.map(({ droplet }) => droplet)).toEqual(["east", "east", "north", "north"]);
  expect(await running(many, "east")).toEqual(["vm0", "vm1"]);
  expect(await running(many, "north")).toEqual(first.clones.slice(2).map(({ name }) => name));
  expect(Object.values(origins(first)).sort()).toEqual(["boot", "transfer"]);

  await startDroplet({ name: "west" });
  const joined = await stacks.up(MANY);
  expect(joined).not.toMatch(/\d (?:updated|replaced|deleted)/);
  const all = await outputs(many);
  expect(all.clones.slice(0, 4)).toEqual(first.clones);
  expect(all.clones[4]).toMatchObject({ name: "vm100", id: 100, droplet: "west" });
  expect(all.snapshotDigest).toBe(first.snapshotDigest);
  expect(origins(all)).toEqual({ ...origins(first), west: "transfer" });
  expect(await running(many, "west")).toEqual(["vm100"]);

  // One ssh_config, and one inventory, lead to all.
  const unknown = await stacks.tryNpm("ssh", "-s", MANY, "nobody");
  expect(unknown.stderr).toContain(
    `it has east, ${first.clones
      .slice(0, 2)
      .map(({ name }) => name)
      .join(", ")}, north,`,
  );
  expect(unknown.stderr).toContain("west, vm100");
  const inventory = await stacks.tryNpm("inventory", "-s", MANY, "--cwd", stacks.project);
  expect(JSON.parse(inventory.stdout)).toMatchObject({
    clones: { hosts: expect.arrayContaining(all.clones.map(({ name }) => name)) as unknown },
    droplets: { hosts: ["east", "north", "west"] },
    on_west: { hosts: ["vm100"] },
    _meta: { hostvars: { west: { ansible_host: "west" } } },
  });

  await stacks.pulumi("destroy", "--yes", "--skip-preview", "-s", MANY);
  for (const name of names) {
    const observed = before.get(name);
    if (observed !== undefined && name !== "west") expect(changes(observed, await stacks.observe(name))).toEqual([]);
  }
});

longTest("a roll is the whole stack's; a droplet goes, another is gone for good; nothing else changes", async () => {
  many = await beginManyDroplets(...names);
  const { stacks, configure } = many;
  const before = { east: await stacks.observe("east"), north: await stacks.observe("north") };
  const droplets = {
    east: { count: 2, startId: 0 },
    north: { count: 2, startId: 50 },
    west: { count: 2, startId: 100 },
  };
  configure(droplets);
  await stacks.up(MANY);
  const first = await outputs(many);
  expect(new Set(Object.values(origins(first)))).toEqual(new Set(["boot", "transfer"]));
  const digests = async (): Promise<string[]> => {
    const each = await Promise.all(
      names.map((name) => stacks.on(name, "sed -n s/^digest=//p /opt/swarm/runtime/vm*/record")),
    );
    return each.flatMap((text) => text.split("\n"));
  };
  expect(new Set(await digests()).size).toBe(1);

  // vm50 fails, because its disk is larger than its files may be: it goes back, and the clones after it, on its droplet and on
  // the next one, stay.
  const snapshot = { boot: { memory: 17 } };
  configure(droplets, { snapshot, clones: { "50": { limits: { fileSize: "8MiB" } } } });
  const failed = await stacks.tryPulumi("up", "--yes", "--skip-preview", "-s", MANY);
  expect(failed.code).not.toBe(0);
  expect(failed.stdout + failed.stderr).toContain("vm50 did not come up on sha256:");
  const old = first.snapshotDigest;
  const rolled = await digests();
  expect(rolled.slice(2)).toEqual([old, old, old, old]);
  expect(rolled.slice(0, 2)).not.toContain(old);
  configure(droplets, { snapshot });
  await stacks.up(MANY);
  expect(new Set(await digests())).toEqual(new Set([rolled[0]]));

  // One droplet is taken out of the config, another was given back.
  const { port } = (await startDroplet({ name: "west" })).droplet;
  await stopDroplet("west");
  configure({ east: droplets.east }, { snapshot });
  process.env.HORNET_GONE = `127.0.0.1:${port}`;
  try {
    expect(await stacks.up(MANY)).not.toMatch(/east-\S+ (?:creat|updat|replac|delet)ing/);
  } finally {
    delete process.env.HORNET_GONE;
  }
  expect(changes(before.north, await stacks.observe("north"))).toEqual([]);
  expect((await outputs(many)).clones).toMatchObject([{ name: "vm0" }, { name: "vm1" }]);
  await stacks.pulumi("destroy", "--yes", "--skip-preview", "-s", MANY);
  expect(changes(before.east, await stacks.observe("east"))).toEqual([]);
});
