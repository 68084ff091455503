/** A guest that floods its console: nothing grows, and what Hornet looks for there is found all the same. */
import { limitMs } from "../support/settings";
import { World } from "../support/world";

jest.setTimeout(limitMs(600));

let world: World;
afterEach(() => world.end());

const log = "/opt/swarm/runtime/vm0/console.log";
const pids = "head -n 1 -q /opt/swarm/runtime/*/vmm.pid";

test("a guest floods its console: Hornet shortens it, the guest still gets identities, and restarts after its VMM is killed", async () => {
  world = await World.begin();
  await world.configure({ "hornet:fleet.count": 1, "hornet:vmm.consoleLimit": 1 });
  await world.npm("up");
  await world.in("vm0", "(while :; do cat /dev/urandom; done) >/dev/console 2>&1 </dev/null & exit");
  // Cut twice: its inode is the same, its size falls.
  const falls = `old=0; for n in 1 2; do
      until new=$(stat -c %s ${log}); ((new < old)); do ((new < 20000000)) || exit 1; old=$new; sleep 0.2; done; old=0
    done`;
  await world.onDroplet(falls);

  const running = await world.onDroplet(pids);
  await world.configure({ "hornet:identity.env.GREETING": "hello" });
  expect(await world.npm("up")).toMatch(/^vm0 .* yes /m);
  expect(await world.in("vm0", "grep -c hello /etc/swarm-env")).toBe("1");
  expect(await world.onDroplet(pids)).toBe(running);

  await world.onDroplet(
    `read -r p _ </opt/swarm/runtime/vm0/vmm.pid; kill -9 $p; while kill -0 $p; do sleep 0.1; done`,
  );
  expect(await world.npm("up")).toMatch(/^vm0 .* yes /m);
  // Of the flood nothing is left: a new VMM has a new log.
  expect(Number(await world.onDroplet(`stat -c %s ${log}`))).toBeLessThan(100_000);
  await world.npm("down");
  expect(await world.onDroplet("ls -A /opt/swarm; ps -e -o args= | grep -c '[h]ornet-consoles' || :")).toMatch(/\n0$/);
});
