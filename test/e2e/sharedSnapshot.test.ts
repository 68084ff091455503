/** One stack on several droplets, with the VMM stub: they share a snapshot that is on one of them, or that comes from elsewhere. */
import { startDroplet, stopDroplet } from "../../sandbox/droplet";
import { makeByHand, mmds } from "../support/handmadeSnapshot";
import { longTest } from "../support/longTest";
import { MANY, beginManyDroplets, type ManyDroplets } from "../support/manyDroplets";
import { changes } from "../support/scratchDroplet";
import { limitMs } from "../support/settings";

jest.setTimeout(limitMs(900));

let many: ManyDroplets | undefined;

afterEach(async () => {
  await many?.end();
});

const GIVEN = "/opt/given";

interface Outputs {
  readonly snapshotDigest: string;
  readonly snapshot: { readonly digest: string; readonly proved: string };
  readonly transferred: number;
  readonly timings: Readonly<Record<string, Readonly<Record<string, number>>>>;
}

async function outputs({ stacks }: ManyDroplets, stack = MANY): Promise<Outputs> {
  return (await stacks.outputs(stack)) as Outputs;
}

/** A snapshot's folder as one makes it by hand: without a manifest. */
async function makeGiven({ stacks }: ManyDroplets, droplet: string): Promise<void> {
  const images = "/opt/swarm/images";
  const run = (script: string): Promise<string> => stacks.on(droplet, script);
  await run(`mkdir ${images}/.given; cd ${images}; ln -s vmlinux.bin kernel; ln -s rootfs.ext4 disk`);
  await makeByHand({ run }, { folder: GIVEN, devices: [mmds("V2", "net")] });
  await run(`cd ${images}; rm -r .given kernel disk`);
}

/** The digest that each droplet's clones run. */
async function digests({ stacks }: ManyDroplets, runtime = "/opt/swarm/runtime", names = NAMES): Promise<string[]> {
  const all = await Promise.all(names.map((name) => stacks.on(name, `sed -n s/^digest=//p ${runtime}/vm*/record`)));
  return all.flatMap((text) => text.split("\n"));
}

/** How the snapshot came to each droplet. */
function origins({ timings }: Outputs, names = NAMES): string[] {
  return names.map((name) => Object.keys(timings[`${name}-snapshot`] ?? {}).join());
}

const NAMES: readonly string[] = ["east", "north", "west"];
const droplets = {
  east: { count: 1, startId: 0 },
  north: { count: 1, startId: 50 },
  west: { count: 1, startId: 100 },
};

longTest("a folder on one droplet serves all, each of which follows when its files change", async () => {
  many = await beginManyDroplets(...NAMES);
  const { stacks, configure } = many;
  await makeGiven(many, "north");
  const before = await Promise.all(NAMES.map((name) => stacks.observe(name)));
  configure(droplets, { snapshot: { path: GIVEN } });
  await stacks.up(MANY);
  const first = await outputs(many);
  expect(origins(first)).toEqual(["transfer", "examine", "transfer"]);
  expect(new Set(await digests(many))).toEqual(new Set([first.snapshotDigest]));
  await stacks.pulumi("preview", "-s", MANY, "--expect-no-changes");

  // Somebody writes into the folder: all droplets move to what is there now.
  await stacks.on("north", `printf other | dd of=${GIVEN}/rootfs.ext4 conv=notrunc status=none`);
  const preview = await stacks.pulumi("preview", "-s", MANY);
  const told = /SnapshotArtifact \S+ on (\S+): the snapshot in \/opt\/given on \S+ changed after it was transferred/g;
  expect(new Set([...preview.matchAll(told)].map(([, droplet]) => droplet)).size).toBe(2);
  await stacks.up(MANY);
  const second = await outputs(many);
  expect(second.snapshotDigest).not.toBe(first.snapshotDigest);
  expect(await digests(many)).toEqual(NAMES.map(() => second.snapshotDigest));
  await stacks.pulumi("preview", "-s", MANY, "--expect-no-changes");

  // The snapshot stays where it is when the droplet with the folder goes.
  const { north, ...rest } = droplets;
  configure(rest, { snapshot: { path: GIVEN } });
  await stacks.up(MANY);
  await stopDroplet("north");
  await stacks.pulumi("preview", "-s", MANY, "--expect-no-changes");
  await startDroplet({ name: "north" });
  configure({ ...rest, north }, { snapshot: { path: GIVEN } });
  await stacks.up(MANY);
  expect(await digests(many)).toEqual(NAMES.map(() => second.snapshotDigest));

  await stacks.pulumi("destroy", "--yes", "--skip-preview", "-s", MANY);
  const after = await Promise.all(["east", "west"].map((name) => stacks.observe(name)));
  expect([changes(before[0] ?? {}, after[0] ?? {}), changes(before[2] ?? {}, after[1] ?? {})]).toEqual([[], []]);
});

longTest(
  "a snapshot from elsewhere is brought once, and another stack with several droplets follows this one",
  async () => {
    many = await beginManyDroplets(...NAMES, "source");
    const { stacks, configure } = many;
    await makeGiven(many, "source");
    const before = await Promise.all(["east", "source"].map((name) => stacks.observe(name)));
    configure(droplets, { snapshot: { from: { droplet: { simulated: "source" }, path: GIVEN } } });
    await stacks.up(MANY);
    const first = await outputs(many);
    expect(origins(first)).toEqual(["transfer", "transfer", "transfer"]);
    expect(await digests(many)).toEqual(NAMES.map(() => first.snapshotDigest));
    // The source sent its bytes once, and each droplet got them once.
    const each = first.transferred / NAMES.length;
    expect(Number.isInteger(each)).toBe(true);

    await stacks.pulumi("stack", "init", "--no-select", "prod");
    const prod = {
      droplet: {},
      droplets: {
        one: { simulated: "east", count: 1, startId: 300 },
        two: { simulated: "source", count: 1, startId: 400 },
      },
      guest: { identity: "service" },
      fleet: { readyTimeout: 0 },
      bridge: { name: "br9", address: "10.9.0.1/24" },
      vmm: { runtimeDir: "/opt/swarm/prod-runtime" },
    };
    const snapshot = { from: { stack: MANY }, dir: "/opt/swarm/prod" };
    stacks.configure("prod", { ...prod, snapshot });
    const refused = await stacks.tryPulumi("preview", "-s", "prod");
    expect(refused.code).not.toBe(0);
    expect(refused.stdout + refused.stderr).toContain("has not proved sha256:");
    stacks.configure("prod", { ...prod, snapshot: { ...snapshot, requireProof: false } });
    await stacks.up("prod");
    const promoted = await outputs(many, "prod");
    expect(promoted.snapshotDigest).toBe(first.snapshotDigest);
    expect(promoted.transferred).toBe(2 * each);
    expect(await digests(many, "/opt/swarm/prod-runtime", ["east", "source"])).toEqual([
      first.snapshotDigest,
      first.snapshotDigest,
    ]);
    await stacks.pulumi("destroy", "--yes", "--skip-preview", "-s", "prod");
    await stacks.pulumi("destroy", "--yes", "--skip-preview", "-s", MANY);
    const after = await Promise.all(["east", "source"].map((name) => stacks.observe(name)));
    expect(after.map((now, at) => changes(before[at] ?? {}, now))).toEqual([[], []]);
  },
);
