/** Metrics through the real CLI: what a guest sends and writes is counted; asked for and unasked without a restart. */
import { readPromText, type Samples } from "../support/promText";
import { limitMs } from "../support/settings";
import { World } from "../support/world";

jest.setTimeout(limitMs(600));

let world: World;
afterEach(() => world.end());

const folder = "/run/node/textfile";
const pids = "head -n 1 -q /opt/swarm/runtime/*/vmm.pid";
const flush = `for c in vm0 vm1; do
  curl -sS --fail-with-body --unix-socket /opt/swarm/runtime/$c/firecracker.sock -X PUT \
    -H 'Content-Type: application/json' -d '{"action_type":"FlushMetrics"}' http://localhost/actions; done`;

/** The figures of a look that began after this call. */
async function figures(): Promise<Samples> {
  const look = `then=$(stat -c %y ${folder}/*); for n in 1 2; do
    while [[ $(stat -c %y ${folder}/*) == "$then" ]]; do sleep 0.1; done; then=$(stat -c %y ${folder}/*); done
    cat ${folder}/*`;
  return readPromText(`${await world.onDroplet(look)}\n`);
}

const stack = 'stack="hornet/local"';

test("each clone has its own counts, and clones keep running while metrics are switched off and on", async () => {
  world = await World.begin();
  const key = { "hornet:vmm.metrics": folder };
  await world.configure({ "hornet:fleet.count": 2, ...key });
  await world.npm("up");
  await world.in("vm0", "yes | head -c 1000000 | tee /root/written; sync");
  await world.onDroplet(flush);
  const seen = await figures();
  const [first, second] = ["vm0", "vm1"].map((name) => ({
    up: seen[`hornet_clone_up{clone="${name}",${stack}}`],
    sent: seen[`firecracker_net_tx_bytes_count_total{clone="${name}",device="eth0",${stack}}`] ?? NaN,
    written: seen[`firecracker_block_write_bytes_total{clone="${name}",device="rootfs",${stack}}`] ?? NaN,
  }));
  expect([first?.up, second?.up]).toEqual([1, 1]);
  expect(first?.sent).toBeGreaterThan(1_000_000);
  expect(first?.written).toBeGreaterThanOrEqual(1_000_000);
  expect(second?.sent).toBeLessThan(1_000_000);
  expect(second?.sent).toBeGreaterThan(0);
  expect(await world.npm("up")).toContain("Nothing to change");

  const running = await world.onDroplet(pids);
  await world.npm("pulumi", "config", "rm", "--path", "hornet:vmm.metrics");
  await world.npm("up");
  expect(
    await world.onDroplet(`${pids}; ls -A /run | grep node; ps -e -o args= | grep -c '[h]ornet-metrics /' || :`),
  ).toBe(`${running}\n0`);
  await world.configure(key);
  await world.npm("up");
  expect(await world.onDroplet(pids)).toBe(running);
  expect((await figures())[`hornet_clone_up{clone="vm0",${stack}}`]).toBe(1);
  await world.npm("down");
  expect(await world.onDroplet("ls -A /run | grep node; ps -e -o args= | grep -c '[h]ornet-metrics /' || :")).toBe("0");
});
