/** Repairs that failed: the next up does not take the clone for one that is as declared. */
import { limitMs } from "../support/settings";
import { World } from "../support/world";

jest.setTimeout(limitMs(600));

let world: World;
afterEach(() => world.end());

test("a clone that was started again and failed its smoke test is tried again, without another start, until it passes", async () => {
  world = await World.begin();
  await world.configure({
    "hornet:fleet.count": 1,
    "hornet:fleet.smokeTests[0].command": "test ! -e /root/bad",
  });
  await world.npm("up");
  await world.in("vm0", "touch /root/bad; sync");
  const vmm = "cut -d' ' -f1 /opt/swarm/runtime/vm0/vmm.pid";
  const first = await world.onDroplet(vmm);
  await world.onDroplet(`kill -9 ${first}`);
  const failsWith = async (words: string): Promise<void> => {
    const { code, stdout, stderr } = await world.tryNpm("up");
    expect(stdout + stderr).toContain(words);
    expect(stdout + stderr).toContain("the smoke test of vm0");
    expect(code).not.toBe(0);
  };
  await failsWith("VMM exited");
  const second = await world.onDroplet(vmm);
  expect(second).not.toBe(first);
  await failsWith("the VM was started, and was not seen to become ready");
  expect((await world.tryNpm("doctor")).stdout).toContain("the VM was started, and was not seen to become ready");
  await world.in("vm0", "rm /root/bad; sync");
  await world.npm("up");
  expect(await world.onDroplet(vmm)).toBe(second);
  expect(await world.npm("up")).toContain("Nothing to change");
});
