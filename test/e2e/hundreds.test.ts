/** Hundreds of clones on one droplet, through the real CLI, with the VMM stub in place of guests. */
import { copyFileSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { observeDroplet } from "../../sandbox/droplet";
import { dropletPaths } from "../../sandbox/droplet/paths";
import { localPaths } from "../../operator/localPaths";
import { scratchVmm } from "../support/scratchVmm";
import { changes } from "../support/scratchDroplet";
import { limitMs } from "../support/settings";
import { droplet, World } from "../support/world";

jest.setTimeout(limitMs(1200));

const vmm = scratchVmm();
let world: World;
afterEach(async () => {
  await world.end();
  rmSync(vmm.folder, { recursive: true, force: true });
});

/** 250 take ten minutes on two cores. */
const COUNT = process.env.HORNET_LONG === "1" ? 250 : 100;

/** Where the droplet has them already. */
const images = "/opt/swarm/images";

/** `vm7 PID`, for every clone whose VMM lives. */
async function running(): Promise<Map<string, string>> {
  const lines = await world.onDroplet(`cd /opt/swarm/runtime; for clone in vm*; do
    read -r pid _ <$clone/vmm.pid && kill -0 $pid && echo $clone $pid; done`);
  return new Map(lines.split("\n").map((line): [string, string] => line.split(" ") as [string, string]));
}

/** The clones of one that go on in the other. */
function goOn(one: Map<string, string>, other: Map<string, string>): string[] {
  return [...one].filter(([clone, pid]) => other.get(clone) === pid).map(([clone]) => clone);
}

test(`${COUNT} clones start, ten are repaired, all but 50 are removed and created again, and all are removed`, async () => {
  world = await World.begin("--firecracker", vmm.path, "--reflink");
  copyFileSync(join(vmm.folder, "stub"), join(dropletPaths(droplet).opt, "stub"));
  await world.onDroplet(`printf '\\177ELF\\2\\1\\1' >${images}/kernel; truncate -s 1M ${images}/kernel
    truncate -s 8M ${images}/disk; printf first | dd of=${images}/disk conv=notrunc status=none`);
  const before = await observeDroplet(droplet);
  await world.configure({
    "hornet:snapshot.boot.kernel": `${images}/kernel`,
    "hornet:snapshot.boot.rootfs": `${images}/disk`,
    "hornet:snapshot.boot.memory": 16,
    "hornet:fleet.readyTimeout": 0,
    "hornet:fleet.count": COUNT,
    "hornet:guest.identity": "service",
  });
  await world.npm("up");
  const all = await running();
  expect(all.size).toBe(COUNT);

  expect(statSync(localPaths().stackFile).size).toBeLessThan(10_500 * COUNT);
  expect(await world.npm("up")).toContain("Nothing to change");

  // Ten of them, in four ways; each of the others lives on.
  await world.onDroplet(`cd /opt/swarm/runtime
    for n in 3 60 80 99; do read -r pid _ <vm$n/vmm.pid; kill -9 $pid; done
    for n in 17 88; do ip netns exec vm$n nft delete table ip hornet; done
    for n in 44 71; do ip link del veth\${n}h; done
    for n in 8 93; do ip netns exec vm$n ip link set tap0 down; done`);
  await world.npm("up");
  const repaired = await running();
  expect(repaired.size).toBe(COUNT);
  const restarted = new Set(["vm3", "vm60", "vm80", "vm99"]);
  expect(goOn(all, repaired).sort()).toEqual([...all.keys()].filter((clone) => !restarted.has(clone)).sort());
  expect(await world.npm("up")).toContain("Nothing to change");

  await world.configure({ "hornet:fleet.readyTimeout": 0, "hornet:fleet.count": 50 });
  await world.npm("up");
  const fifty = await running();
  expect(fifty.size).toBe(50);
  expect(goOn(repaired, fifty)).toHaveLength(50);
  expect(await world.onDroplet("ls /run/netns | grep -c ^vm; ls /sys/class/net/br0/brif | wc -l")).toBe("50\n50");

  await world.configure({ "hornet:fleet.readyTimeout": 0, "hornet:fleet.count": COUNT });
  await world.npm("up");
  const again = await running();
  expect(again.size).toBe(COUNT);
  expect(goOn(fifty, again)).toHaveLength(50);
  expect(await world.npm("up")).toContain("Nothing to change");

  await world.npm("down");
  expect(changes(before, await observeDroplet(droplet))).toEqual([]);
});
