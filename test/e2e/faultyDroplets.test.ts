/** One stack on three droplets, with the VMM stub: one fills up, one hangs or is slow; each fails its own part only. */
import { longTest } from "../support/longTest";
import { MANY, beginManyDroplets, type ManyDroplets } from "../support/manyDroplets";
import { changes } from "../support/scratchDroplet";
import { limitMs } from "../support/settings";

jest.setTimeout(limitMs(900));

let many: ManyDroplets | undefined;

afterEach(async () => {
  await many?.end();
});

const NAMES = ["east", "north", "west"] as const;
const RUNTIME = "/opt/swarm/runtime";
const droplets = {
  east: { count: 2, startId: 0 },
  north: { count: 2, startId: 50 },
  west: { count: 2, startId: 100, timeout: 10 },
};

/** Runs a script on a droplet in the background as soon as a clone has its folder there. */
async function onceBegun({ stacks }: ManyDroplets, droplet: string, script: string): Promise<void> {
  const wait = `until ls ${RUNTIME}/vm*/owner; do sleep 0.02; done; ${script}`;
  await stacks.on(droplet, `setsid bash -c '${wait}' </dev/null >/dev/null 2>&1 &`);
}

/** `pulumi up`, whatever comes of it. */
async function up({ stacks }: ManyDroplets): Promise<{ readonly code: number; readonly said: string }> {
  const { code, stdout, stderr } = await stacks.tryPulumi("up", "--yes", "--skip-preview", "-s", MANY);
  return { code, said: stdout + stderr };
}

longTest.each(["true", "false"])("full and hanging, while the engine goes on after a failure: %s", async (goesOn) => {
  many = await beginManyDroplets(...NAMES);
  const { stacks, configure } = many;
  // Its own file system for the disks of clones, which has room for them until somebody else fills it.
  await stacks.on("north", `mkdir -p ${RUNTIME}; mount -t tmpfs -o size=64m,mode=755 none ${RUNTIME}`);
  const before = await Promise.all(NAMES.map((name) => stacks.observe(name)));
  configure(droplets);
  await onceBegun(many, "north", `head -c 64M /dev/zero >${RUNTIME}/of-somebody`);
  await onceBegun(many, "west", "pkill -STOP sshd");
  process.env.PULUMI_CONTINUE_ON_ERROR = goesOn;
  const failed = await up(many).finally(() => delete process.env.PULUMI_CONTINUE_ON_ERROR);
  expect(failed.code).not.toBe(0);
  expect(failed.said).toContain("droplet east: all 2 clones are as declared");
  expect(failed.said).toMatch(/droplet north: failed/);
  expect(failed.said).toMatch(/droplet west: failed/);
  expect(failed.said).toContain("No space left on device");

  await stacks.on("north", `rm ${RUNTIME}/of-somebody`);
  await stacks.on("west", "pkill -CONT sshd");
  await stacks.up(MANY);
  await stacks.pulumi("preview", "-s", MANY, "--expect-no-changes");
  await stacks.pulumi("destroy", "--yes", "--skip-preview", "-s", MANY);
  const after = await Promise.all(NAMES.map((name) => stacks.observe(name)));
  expect(after.map((now, at) => changes(before[at] ?? {}, now))).toEqual([[], [], []]);
});

longTest("a slow droplet is done later, and holds nobody up", async () => {
  many = await beginManyDroplets("east", "west");
  const { stacks, configure } = many;
  configure({ east: droplets.east, west: droplets.west });
  // Each shell on it stands still for most of the time. The loop is no bash, or it would stop itself; and a shell may have become
  // another program when the signal reaches it.
  const slow = "pkill -STOP -x bash; sleep 0.4; kill -CONT -1; sleep 0.1";
  await onceBegun(many, "west", `echo $$ >/var/tmp/slow; exec sh -c "while :; do ${slow}; done"`);
  try {
    await stacks.up(MANY);
    await stacks.pulumi("preview", "-s", MANY, "--expect-no-changes");
  } finally {
    await stacks.on("west", "kill -9 $(cat /var/tmp/slow); kill -CONT -1; rm /var/tmp/slow");
  }
  await stacks.pulumi("destroy", "--yes", "--skip-preview", "-s", MANY);
});
