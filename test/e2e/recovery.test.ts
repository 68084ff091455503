/** Clones whose VMMs die between two operations are back before the next one, which finds nothing to do. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { observeDroplet } from "../../sandbox/droplet";
import { foreignGuest, guestImage, keyPair } from "../support/guestImage";
import { longTest } from "../support/longTest";
import { changes } from "../support/scratchDroplet";
import { limitMs } from "../support/settings";
import { beginStubWorld, type StubWorld } from "../support/stubWorld";
import { World, droplet } from "../support/world";

jest.setTimeout(limitMs(900));

let stub: StubWorld;
afterEach(() => stub.end());

/** Kills the VMMs of the first clones, and waits until each runs again; the test's own limit ends a wait in vain. */
const killAndAwait = (count: number): string => `
  cd /opt/swarm/runtime
  for n in $(seq 0 ${count - 1}); do read -r p _ <vm$n/vmm.pid; before[$n]=$p; kill -9 $p; done
  for n in $(seq 0 ${count - 1}); do
    until read -r p _ <vm$n/vmm.pid && [[ $p != "\${before[$n]}" ]] && kill -0 $p && [[ -s vm$n/recovery ]]; do sleep 0.1; done 2>/dev/null
  done
  while [[ -e /run/hornet ]]; do sleep 0.1; done`;

async function story(clones: number, killed: number): Promise<void> {
  stub = await beginStubWorld(clones);
  const { world } = stub;
  const before = await observeDroplet(droplet);
  await world.configure({
    "hornet:fleet.count": clones,
    "hornet:fleet.readyTimeout": 0,
    "hornet:vmm.recovery.restart": "always",
  });
  await world.npm("up");
  await world.onDroplet(killAndAwait(killed));
  const preview = await world.tryNpm("pulumi", "preview", "--expect-no-changes");
  expect(preview).toMatchObject({ code: 0 });
  const said = preview.stdout + preview.stderr;
  const restarted = said.match(/vm\d+ on \S+: restarted 1 time, last: VMM exited with 137 at \S+Z \(pid \d+\)/g);
  // The CLI repeats a line.
  expect(new Set(restarted).size).toBe(killed);
  expect(await world.npm("doctor", "-s", "local")).toMatch(
    /vm0: VMM \d+, .*; restarted 1 time, last: VMM exited with 137/,
  );
  expect(await world.npm("status", "--fast")).toMatch(/^ +vm0: restarted 1 time, last: VMM exited with 137/m);
  await world.npm("pulumi", "up", "--yes", "--skip-preview", "--expect-no-changes");
  await world.npm("pulumi", "destroy", "--yes", "--skip-preview");
  expect(changes(before, await observeDroplet(droplet))).toEqual([]);
}

test("two of three killed VMMs", () => story(3, 2));

longTest("twenty of a hundred killed VMMs", () => story(100, 20));

/** The stack's guests get their identity over ssh. */
async function overSsh(folder: string): Promise<void> {
  const login = keyPair(folder, "login");
  const agent = "#!/bin/sh\nexec sleep 100000\n";
  const rootfs = guestImage(folder, "foreign", foreignGuest(login.line, agent));
  const world = await World.begin("--rootfs", rootfs);
  stub = { world, end: () => world.end() };
  const before = await observeDroplet(droplet);
  await world.configure({
    "hornet:fleet.count": 2,
    "hornet:guest.privateKeyPath": login.file,
    "hornet:vmm.recovery.restart": "always",
    "hornet:vmm.recovery.backoff": 1,
  });
  await world.npm("up");
  await world.in("vm0", "echo mine >/root/mine; sync");
  // The identity that vm1's guest got a moment ago may not be on its disk: it waits for the operator.
  await world.onDroplet(`cd /opt/swarm/runtime; touch -d '2 minutes ago' vm0/told
    read -r p _ <vm1/vmm.pid; kill -9 $p; ${killAndAwait(1)}; ${killAndAwait(1)}
    [[ -e vm0/held ]]; while [[ -e vm0/held || -s vm0/unsettled || -e /run/hornet ]]; do sleep 0.1; done`);
  expect(await world.in("vm0", "hostname; cat /root/mine")).toBe("vm0\nmine");
  const preview = await world.npm("pulumi", "preview");
  expect(preview).toContain("vm0 on root@127.0.0.1");
  expect(preview).toContain("restarted 2 times, last: VMM exited with 137");
  expect(preview).toMatch(/FirecrackerVM vm1: VMM exited with 137/);
  expect(preview).not.toMatch(/FirecrackerVM vm0:/);
  await world.npm("up");
  expect(await world.in("vm1", "hostname")).toBe("vm1");
  expect(await world.tryNpm("pulumi", "preview", "--expect-no-changes")).toMatchObject({ code: 0 });
  await world.npm("down");
  expect(changes(before, await observeDroplet(droplet))).toEqual([]);
}

longTest("a guest that got its identity over ssh is back as itself, also if its VMM dies twice", async () => {
  const folder = mkdtempSync(join(tmpdir(), "hornet-recovery-"));
  await overSsh(folder).finally(() => rmSync(folder, { recursive: true, force: true }));
});
