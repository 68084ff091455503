/** Repairs that failed: the next up does not take the clone for one that is as declared. */
import { longTest } from "../support/longTest";
import { limitMs, looks } from "../support/settings";
import { World } from "../support/world";

jest.setTimeout(limitMs(600));

let world: World;
afterEach(() => world.end());

/** An up that must fail, and say so. */
async function failsWith(words: string): Promise<void> {
  const { code, stdout, stderr } = await world.tryNpm("up");
  expect(stdout + stderr).toContain(words);
  expect(stdout + stderr).toContain("the smoke test of vm0");
  expect(code).not.toBe(0);
}

test("a restarted clone that fails its smoke test is verified again, without another restart, until it passes", async () => {
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
  await failsWith("VMM exited");
  const second = await world.onDroplet(vmm);
  expect(second).not.toBe(first);
  await failsWith("the clone was not verified since its last change");
  expect((await world.tryNpm("doctor")).stdout).toContain("the clone was not verified since its last change");
  await world.in("vm0", "rm /root/bad; sync");
  await world.npm("up");
  expect(await world.onDroplet(vmm)).toBe(second);
  expect(await world.npm("up")).toContain("Nothing to change");
});

longTest("a change around a running guest is verified like any other, and again until it passes", async () => {
  world = await World.begin();
  const config = { "hornet:fleet.count": 1, "hornet:fleet.smokeTests[0].command": "test ! -e /root/bad" };
  await world.configure(config);
  await world.npm("up");
  await world.in("vm0", "touch /root/bad");
  await world.onDroplet("ip netns exec vm0 nft delete table ip hornet");
  await failsWith("nft table hornet missing");
  await failsWith("the clone was not verified since its last change");
  await world.in("vm0", "rm /root/bad");
  await world.npm("up");
  expect(await world.npm("up")).toContain("Nothing to change");
  // A test that is new is tried at once.
  await world.configure({ ...config, "hornet:fleet.smokeTests[1].command": "test -e /root/good" });
  await failsWith("test -e /root/good");
  await world.in("vm0", "touch /root/good");
  await world.npm("up");
  expect(await world.npm("up")).toContain("Nothing to change");
});

test("an identity that a failed up applied is reverted with the config", async () => {
  world = await World.begin();
  const config = (mode: string): Record<string, string | number> => ({
    "hornet:fleet.count": 1,
    "hornet:fleet.smokeTests[0].command": "test ! -e /root/bad",
    "hornet:identity.env.MODE": mode,
    "hornet:agent.command": 'echo "$MODE" >/root/mode; exec sleep 1000000',
  });
  const agentSaid = async (mode: string): Promise<void> => {
    await world.in(
      "vm0",
      `for n in $(seq ${looks(100)}); do grep -qx ${mode} /root/mode && exit 0; sleep 0.2; done; exit 1`,
    );
  };
  await world.configure(config("first"));
  await world.npm("up");
  await agentSaid("first");
  await world.in("vm0", "touch /root/bad");
  await world.configure(config("second"));
  await failsWith("updating failed");
  await agentSaid("second");
  await world.in("vm0", "rm /root/bad");
  await world.configure(config("first"));
  expect(await world.npm("up")).toContain("guest identity differs from the declared one");
  await agentSaid("first");
  expect(await world.npm("up")).toContain("Nothing to change");
});
