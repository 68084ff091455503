/** A watcher that repairs, an operator's `up` and the recovery keeper at once, on a stack with two droplets and the VMM stub. */
import { longTest } from "../support/longTest";
import { MANY, beginManyDroplets, type ManyDroplets } from "../support/manyDroplets";
import { changes } from "../support/scratchDroplet";
import { limitMs } from "../support/settings";

jest.setTimeout(limitMs(900));

let many: ManyDroplets | undefined;

afterEach(async () => {
  await many?.end();
});

const NAMES = ["east", "west"] as const;

/** How many processes of a VMM each clone has. */
async function vmms({ stacks }: ManyDroplets): Promise<string[]> {
  const list = "pgrep -a -x firecracker | grep -o ' --id vm[0-9]*' | sort | uniq -c | sed 's/^ *//'";
  const each = await Promise.all(NAMES.map((name) => stacks.on(name, list)));
  return each.flatMap((text) => text.split("\n"));
}

longTest("one of them is turned away or waits, and each clone has one VMM in the end", async () => {
  many = await beginManyDroplets(...NAMES);
  const { stacks, configure } = many;
  const before = await Promise.all(NAMES.map((name) => stacks.observe(name)));
  configure({ east: { count: 2, startId: 0 }, west: { count: 2, startId: 100 } });
  await stacks.up(MANY);
  const all = ["0", "1", "100", "101"].map((id) => `1  --id vm${id}`);
  expect(await vmms(many)).toEqual(all);
  for (let round = 0; round < 3; round += 1) {
    await Promise.all(NAMES.map((name) => stacks.on(name, "pkill -9 -x firecracker")));
    const [watched, upped] = await Promise.all([
      stacks.tryNpm("watch", "-s", MANY, "--repair", "--cwd", stacks.project),
      stacks.tryPulumi("up", "--yes", "--skip-preview", "-s", MANY),
    ]);
    expect([0, 2]).toContain(watched.code);
    if (watched.code === 2) expect(watched.stdout).toContain("locked");
    if (upped.code !== 0) expect(upped.stdout + upped.stderr).toContain("the stack is currently locked");
    await stacks.up(MANY);
    await stacks.pulumi("preview", "-s", MANY, "--expect-no-changes");
    expect(await vmms(many)).toEqual(all);
  }
  await stacks.pulumi("destroy", "--yes", "--skip-preview", "-s", MANY);
  const after = await Promise.all(NAMES.map((name) => stacks.observe(name)));
  expect(after.map((now, at) => changes(before[at] ?? {}, now))).toEqual([[], []]);
});
