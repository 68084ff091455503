/** The Pulumi CLI itself is killed, with all that it has started, in the middle of its work on the droplet. */
import { spawn } from "node:child_process";
import { copyFileSync, existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { observeDroplet, type Observation } from "../../sandbox/droplet";
import { checkout, dropletPaths } from "../../sandbox/droplet/paths";
import { changes, commandLines } from "../support/scratchDroplet";
import { scratchVmm } from "../support/scratchVmm";
import { World, droplet } from "../support/world";

jest.setTimeout(600_000);

let world: World;
let vmmFolder: string;
let before: Observation;

beforeAll(async () => {
  const { folder, path } = scratchVmm();
  vmmFolder = folder;
  const [kernel, rootfs] = [join(folder, "kernel"), join(folder, "rootfs")];
  writeFileSync(kernel, "\x7fELF\x02\x01\x01".padEnd(4096, "k"));
  writeFileSync(rootfs, "disk".padEnd(1 << 16, "d"));
  world = await World.begin("--firecracker", path, "--kernel", kernel, "--rootfs", rootfs);
  copyFileSync(join(folder, "stub"), join(dropletPaths(droplet).opt, "stub"));
  await world.configure({
    "hornet:fleet.count": 2,
    "hornet:fleet.readyTimeout": 0,
    "hornet:snapshot.boot.memory": 16,
  });
  before = await observeDroplet(droplet);
});
afterAll(async () => {
  await world.end();
  rmSync(vmmFolder, { recursive: true });
});

/** Runs an npm script and kills its whole process group when an effect begins. */
async function killedAt(effect: string, script: string): Promise<void> {
  const effects = join(world.folder, "effects");
  rmSync(effects, { force: true });
  const env = { ...process.env, HORNET_STATE: world.folder, HORNET_EFFECTS: effects };
  const child = spawn("npm", ["run", "--silent", script], { cwd: checkout, env, detached: true, stdio: "ignore" });
  const ended = new Promise<number | null>((resolve) => child.once("exit", resolve));
  const begun = (): boolean => existsSync(effects) && readFileSync(effects, "utf8").split("\n").includes(effect);
  while (!begun() && child.exitCode === null) await sleep(5);
  if (child.pid !== undefined && child.exitCode === null) process.kill(-child.pid, "SIGKILL");
  expect({ effect, code: await ended }).toEqual({ effect, code: null });
  // The kernel takes a moment to end it; nobody types the next command that fast.
  const cli = (): boolean => commandLines().some(({ text }) => /\/pulumi (up|destroy) /.test(text) && isOfWorld(text));
  while (cli()) await sleep(20);
}

function isOfWorld(text: string): boolean {
  return text.includes(world.folder);
}

test("preview and doctor report drift and change nothing, and up repairs it", async () => {
  await world.npm("up");
  expect(await world.tryNpm("doctor")).toMatchObject({ code: 0 });
  expect((await world.tryNpm("doctor", "--digests")).stdout).toMatch(/not what their manifest says\n {2}none\n$/);
  // The process that hands the identity over ends by itself when it sees that its VMM is gone.
  await world.onDroplet(`read -r p _ </opt/swarm/runtime/vm0/vmm.pid; read -r h _ </opt/swarm/runtime/vm0/handover
    kill -9 $p; while [[ -e /proc/$h ]]; do sleep 0.1; done; ip -n vm1 link set tap0 down
    nsenter --net=/run/netns/vm1 nft flush chain ip hornet prerouting`);
  const drifted = await observeDroplet(droplet);
  const preview = await world.npm("pulumi", "preview");
  expect(preview).toMatch(/FirecrackerVM vm0: VMM exited with 137 at 20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ \(pid \d+\)$/m);
  expect(preview).toMatch(/CloneNamespace vm1: tap0 down$/m);
  expect(preview).toMatch(/NatRuleSet vm1: nft rule DNAT missing$/m);
  const { code, stdout } = await world.tryNpm("doctor");
  expect(code).toBe(1);
  expect(stdout).toMatch(
    /^not as declared\n {2}vm0: VMM exited with 137 at .*\n {2}vm1: tap0 down\n {2}vm1: nft rule DNAT missing\n/m,
  );
  expect(stdout).toContain("repair it with: npm run up");
  // A VMM notes there that it was asked.
  const changed = changes(drifted, await observeDroplet(droplet)).filter((line) => !line.includes("/console.log "));
  expect(changed).toEqual([]);
  // vm0's VM; vm1's namespace and rules, and its VM, which proves again that it is reached.
  expect(await world.npm("up")).toContain("4 updated");
  // Of the right size and time, so that only its digest tells.
  await world.onDroplet(`f=$(readlink -f /opt/swarm/snapshots/hornet-guest)/rootfs.ext4; touch -r $f /tmp/time
    printf x | dd of=$f conv=notrunc status=none; touch -r /tmp/time $f; rm /tmp/time`);
  expect(await world.tryNpm("doctor", "--digests")).toMatchObject({
    code: 1,
    stdout: expect.stringMatching(
      /not what their manifest says\n {2}\/opt\/swarm\/snapshots\/[0-9a-f]{64}\/rootfs\.ext4\n$/,
    ) as string,
  });
  expect(await world.tryNpm("doctor")).toMatchObject({ code: 0 });
  await world.npm("down");
  expect(changes(before, await observeDroplet(droplet))).toEqual([]);
});

test.each([
  ["vm1/launch", "vm0/del-network"],
  ["artifact/vm.mem", "bridge/del-rules"],
])("after an up killed at %s and a destroy killed at %s, the next ones complete them", async (upAt, downAt) => {
  await killedAt(upAt, "up");
  expect(await world.npm("up")).toMatch(/^vm1 /m);
  expect(await world.npm("up")).toContain("Nothing to change");
  await killedAt(downAt, "down");
  await world.npm("down");
  expect(changes(before, await observeDroplet(droplet))).toEqual([]);
});

test("an up killed, then a destroy at once", async () => {
  await killedAt("vm0/restore", "up");
  await world.npm("down");
  expect(changes(before, await observeDroplet(droplet))).toEqual([]);
});
