/**
 * What a fleet goes through in years: a newer Firecracker, the way back, another guest kernel, a reboot into another kernel of
 * the droplet. Each clone keeps its disk.
 */
import { copyFileSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { dropletPaths } from "../../sandbox/droplet/paths";
import { longTest } from "../support/longTest";
import { limitMs, settings } from "../support/settings";
import { World, droplet } from "../support/world";

jest.setTimeout(limitMs(1800));

let world: World;

afterEach(async () => {
  await world.end();
});

const clones = ["vm0", "vm1"];

/** Puts a newer Firecracker beside the droplet's own. */
async function installNext(): Promise<void> {
  const { next } = settings();
  const folder = join(dropletPaths(droplet).opt, "next");
  mkdirSync(folder);
  if (next !== undefined) copyFileSync(next, join(folder, "firecracker"));
  else {
    const append = "printf '\\nstand-in-version=1.17.0\\n' >>/opt/next/firecracker";
    await world.onDroplet(`cp /usr/bin/firecracker /opt/next/firecracker; ${append}`);
  }
}

/** What each clone runs on: its snapshot, its program's path, what it was started from, and a line on its disk. */
async function fleet(): Promise<readonly (readonly [digest: string, program: string, from: string, disk: string])[]> {
  const rows: (readonly [string, string, string, string])[] = [];
  for (const clone of clones) {
    const record = await world.onDroplet(`cat /opt/swarm/runtime/${clone}/record`);
    const value = (key: string): string => new RegExp(`^${key}=(.*)$`, "m").exec(record)?.[1] ?? "";
    const disk = await world.in(clone, "cat /root/mine");
    rows.push([value("digest"), value("vmm").split(" ")[2] ?? "", value("started_from"), disk]);
  }
  return rows;
}

longTest(
  "a fleet moves to a newer Firecracker and back, to another guest kernel, and its droplet to another kernel",
  async () => {
    world = await World.begin();
    await installNext();
    const before = await world.onDroplet("ls -A /opt/swarm");
    await world.configure({ "hornet:fleet.count": 2, "hornet:vmm.firecracker": "/usr/bin/firecracker" });
    await world.npm("up");
    for (const clone of clones) await world.in(clone, `echo ${clone} > /root/mine; sync`);
    const first = await fleet();
    const digest = first[0]?.[0];
    expect(first).toEqual(clones.map((clone) => [digest, "/usr/bin/firecracker", "snapshot", clone]));

    await world.configure({ "hornet:vmm.firecracker": "/opt/next" });
    await world.npm("up");
    const second = await fleet();
    const newer = second[0]?.[0];
    expect(newer).not.toBe(digest);
    expect(second).toEqual(clones.map((clone) => [newer, "/opt/next/firecracker", "disk", clone]));
    expect(await world.npm("up")).toContain("Nothing to change");

    await world.configure({ "hornet:vmm.firecracker": "/usr/bin/firecracker" });
    await world.npm("up");
    expect(await fleet()).toEqual(clones.map((clone) => [digest, "/usr/bin/firecracker", "disk", clone]));

    // The same kernel in other bytes is another kernel to a recipe.
    await world.onDroplet("cp /opt/swarm/images/vmlinux.bin /opt/vmlinux; printf x >>/opt/vmlinux");
    await world.configure({ "hornet:snapshot.boot.kernel": "/opt/vmlinux" });
    await world.npm("up");
    const third = await fleet();
    const rebuilt = third[0]?.[0];
    expect([digest, newer]).not.toContain(rebuilt);
    expect(third).toEqual(clones.map((clone) => [rebuilt, "/usr/bin/firecracker", "disk", clone]));

    // The droplet's kernel as it would be named after a reboot into another one.
    const warning = "and the droplet runs 99.0-other now, under which no fleet there has proved it";
    await world.onDroplet("echo 99.0-other >/opt/osrelease; mount --bind /opt/osrelease /proc/sys/kernel/osrelease");
    const warned = await world.tryNpm("pulumi", "preview");
    expect(warned.stdout + warned.stderr).toContain(warning);
    await world.configure({ "hornet:fleet.count": 3 });
    await world.npm("up");
    expect(await world.in("vm2", "hostname")).toBe("vm2");
    const proved = await world.tryNpm("pulumi", "preview");
    expect(proved.stdout + proved.stderr).not.toContain(warning);
    expect(await fleet()).toEqual(third);

    await world.npm("down");
    await world.onDroplet("umount /proc/sys/kernel/osrelease");
    expect(await world.onDroplet("ls -A /opt/swarm")).toBe(before);
  },
);
