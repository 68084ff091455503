/** Guests that hardly get any CPU time, guests that die while they are waited for, and an up that somebody cancels. */
import { spawn } from "node:child_process";
import { resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { limitMs } from "../support/settings";
import { World } from "../support/world";

jest.setTimeout(limitMs(900));

let world: World;
afterEach(() => world.end());

/** Shell text: does something once the VMM of vm0 has resumed its guest. */
const onceResumed = (what: string): string => `for i in $(seq 1200); do
    [[ -s /opt/swarm/runtime/vm0/vmm.pid ]] && grep -q Resumed /opt/swarm/runtime/vm0/console.log && break; sleep 0.05
  done; read -r vmm _ </opt/swarm/runtime/vm0/vmm.pid && ${what}`;

test("a guest with a fiftieth of a core becomes ready, a dead one is reported with its exit, and a cancelled up is completed by the next", async () => {
  world = await World.begin();
  await world.configure({ "hornet:fleet.count": 1, "hornet:fleet.readyTimeout": 240 });
  await world.npm("up");
  await world.configure({ "hornet:fleet.count": 0 });
  await world.npm("up");

  await world.configure({ "hornet:fleet.count": 1 });
  const dies = world.onDroplet(onceResumed('kill -9 "$vmm"'));
  const failed = await world.tryNpm("up");
  await dies;
  expect(failed.code).not.toBe(0);
  expect(failed.stdout + failed.stderr).toContain("its VMM ended by signal 9");
  expect(failed.stdout + failed.stderr).toContain("the end of its console:");
  expect(await world.onDroplet("ls /opt/swarm/runtime/vm0")).toContain("console.log\n");

  const env = { ...process.env, HORNET_STATE: world.folder };
  const up = spawn("npm", ["run", "--silent", "up"], { cwd: resolve(__dirname, "../.."), env, detached: true });
  const ended = new Promise((done) => up.once("close", done));
  await world.onDroplet(onceResumed("true"));
  for (let times = 0; times < 2; times++) {
    if (up.pid !== undefined) process.kill(-up.pid, "SIGINT");
    await sleep(300);
  }
  await ended;

  const slow = world.onDroplet(
    `end=$((SECONDS + 20)); ${onceResumed(`while ((SECONDS < end)) && kill -STOP "$vmm"; do
    sleep 0.2; kill -CONT "$vmm"; sleep 0.004; done; kill -CONT "$vmm" || :`)}`,
  );
  await world.npm("up");
  await slow;
  expect(await world.in("vm0", "hostname")).toBe("vm0");
  expect(await world.npm("up")).toContain("Nothing to change");
  await world.npm("down");
  expect(await world.onDroplet("ls -A /opt/swarm/runtime 2>/dev/null || :")).toBe("");
});
