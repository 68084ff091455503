/** The user's own commands after each clone (`hornet:steps`), in the clone, on the droplet and on the operator's machine. */
import { copyFileSync, existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { hasCommandPlugin } from "../../automation/cli";
import { observeDroplet } from "../../sandbox/droplet";
import { dropletPaths } from "../../sandbox/droplet/paths";
import { changes } from "../support/scratchDroplet";
import { scratchVmm } from "../support/scratchVmm";
import { limitMs } from "../support/settings";
import { World, droplet } from "../support/world";

jest.setTimeout(limitMs(900));

let world: World;
afterEach(() => world.end());

/** A step's keys as `pulumi config set-all --path` takes them. */
function keysOf(at: number, step: Record<string, string | number>): Record<string, string | number> {
  return Object.fromEntries(Object.entries(step).map(([key, value]) => [`hornet:steps[${at}].${key}`, value]));
}

/** Lines that the steps on the operator's machine wrote since the last call. */
function logged(): string[] {
  const file = join(world.folder, "log");
  const lines = existsSync(file) ? readFileSync(file, "utf8").trim().split("\n") : [];
  rmSync(file, { force: true });
  return lines;
}

test("with a VMM that runs no guest: steps keep their order, run for their clones and events, and keep secrets", async () => {
  const vmm = scratchVmm();
  try {
    const [kernel, rootfs] = [join(vmm.folder, "kernel"), join(vmm.folder, "rootfs")];
    writeFileSync(kernel, "\x7fELF\x02\x01\x01".padEnd(4096, "k"));
    writeFileSync(rootfs, "disk".padEnd(1 << 16, "d"));
    world = await World.begin("--firecracker", vmm.path, "--kernel", kernel, "--rootfs", rootfs);
    copyFileSync(join(vmm.folder, "stub"), join(dropletPaths(droplet).opt, "stub"));
    const before = await observeDroplet(droplet);
    const log = (word: string): string => `echo "$CLONE ${word}" >>${join(world.folder, "log")}`;
    const fleet = {
      "hornet:fleet.count": 1,
      "hornet:fleet.readyTimeout": 0,
      "hornet:guest.identity": "service",
      "hornet:snapshot.boot.memory": 16,
    };
    const first = { name: "first", on: "operator", create: log("made"), identity: log("named"), delete: log("ends") };
    // What a process of the droplet shows of the shell that got the secret, and the secret itself where it belongs.
    const look = `tr '\\0' ' ' </proc/$$/cmdline >/opt/shown-$CLONE; printf '%s,' "$TOKEN" "$ADDRESS" >/opt/got-$CLONE; cat >>/opt/got-$CLONE`;
    const second = { name: "second", on: "droplet", create: look, delete: "rm /opt/shown-$CLONE /opt/got-$CLONE" };
    const third = { name: "third", on: "operator", identity: log("follows"), delete: log("leaves") };
    const configure = (keys: Record<string, string | number>): Promise<void> => world.configure({ ...fleet, ...keys });
    await configure({
      ...keysOf(0, first),
      ...keysOf(1, { ...second, stdin: "an input" }),
      ...keysOf(2, third),
    });
    const secret = ["--secret", "--path", "hornet:steps[1].env.TOKEN", "it's a canary"];
    await world.npm("pulumi", "config", "set", ...secret);

    const said = await world.npm("up");
    if (!hasCommandPlugin()) expect(said).toContain("stand-in for the plugin of @pulumi/command");
    expect(logged()).toEqual(["vm0 made", "vm0 named", "vm0 follows"]);
    expect(await world.onDroplet("cat /opt/got-vm0")).toBe("it's a canary,10.0.0.2,an input");
    expect(await world.onDroplet("cat /opt/shown-vm0")).not.toContain("canary");
    const state = await world.npm("pulumi", "stack", "export");
    expect(state).not.toMatch(/canary|an input|PRIVATE KEY/);
    expect(state).toContain("command:remote:Command::vm0-second");

    // Nothing changed, so no step runs.
    expect(await world.npm("up")).toContain("Nothing to change");
    expect(logged()).toEqual([]);

    // A new VM gives the guest a new identity; a new clone gets its own steps; a step for one clone is for that one alone.
    await world.onDroplet("kill -9 $(head -n 1 /opt/swarm/runtime/vm0/vmm.pid)");
    await configure({ "hornet:fleet.count": 2, "hornet:steps[2].clones[0]": 1 });
    await world.npm("up");
    expect(logged().sort()).toEqual(["vm0 leaves", "vm0 named", "vm1 follows", "vm1 made", "vm1 named"]);
    expect(await world.onDroplet("cat /opt/got-vm1")).toBe("it's a canary,10.0.0.3,an input");

    // A changed command runs again. A step that fails names its command, and not its secrets.
    const two = { "hornet:fleet.count": 2 };
    const broken = "echo broken; exit 3";
    await configure({ ...two, "hornet:steps[0].create": log("changed"), "hornet:steps[1].create": broken });
    const failed = await world.tryNpm("up");
    expect(failed.code).not.toBe(0);
    expect(`${failed.stdout}${failed.stderr}`).toMatch(/vm[01]-second/);
    expect(`${failed.stdout}${failed.stderr}`).not.toContain("canary");
    await configure({ ...two, "hornet:steps[1].create": look });
    await world.npm("up");
    expect(logged().sort()).toEqual(["vm0 changed", "vm1 changed"]);

    // The clone that goes runs its delete commands in the reverse order, before it is gone.
    await configure({ "hornet:steps[2].clones[0]": 0 });
    await world.npm("up");
    expect(logged().filter((line) => line.startsWith("vm1"))).toEqual(["vm1 leaves", "vm1 ends"]);
    await world.npm("down");
    expect(logged()).toEqual(["vm0 leaves", "vm0 ends"]);
    expect(changes(before, await observeDroplet(droplet))).toEqual([]);
  } finally {
    rmSync(vmm.folder, { recursive: true, force: true });
  }
});

test("with guests: steps in a clone run when its identity changes, and before it is deleted", async () => {
  world = await World.begin();
  const before = await observeDroplet(droplet);
  const log = join(world.folder, "log");
  await world.configure({
    "hornet:fleet.count": 2,
    // Written to the disk at once: a guest whose VMM is killed loses what it has not.
    ...keysOf(0, { name: "born", create: `echo "$(hostname) born" >>/root/steps; sync` }),
    ...keysOf(1, {
      name: "warm",
      identity: `echo "$CLONE $TOKEN $(cat)" >>/root/steps; sync`,
      "env.TOKEN": "t 1",
      stdin: "from stdin",
      delete: `hostname >/root/last`,
    }),
    ...keysOf(2, { name: "known", on: "droplet", create: "echo $ADDRESS >/opt/$CLONE", delete: "rm /opt/$CLONE" }),
    ...keysOf(3, { name: "tell", on: "operator", identity: `echo "$CLONE $ADDRESS" >>${log}` }),
  });
  await world.npm("up");
  expect(logged().sort()).toEqual(["vm0 10.0.0.2", "vm1 10.0.0.3"]);
  expect(await world.in("vm0", "cat /root/steps")).toBe("vm0 born\nvm0 t 1 from stdin");
  expect(await world.onDroplet("cat /opt/vm0 /opt/vm1")).toBe("10.0.0.2\n10.0.0.3");

  // A clone whose VM died comes back on its own disk: it is not new, and its guest gets a new identity.
  await world.onDroplet("kill -9 $(head -n 1 /opt/swarm/runtime/vm1/vmm.pid)");
  await world.npm("up");
  expect(logged()).toEqual(["vm1 10.0.0.3"]);
  expect(await world.in("vm0", "cat /root/steps")).toBe("vm0 born\nvm0 t 1 from stdin");
  expect(await world.in("vm1", "cat /root/steps")).toBe("vm1 born\nvm1 t 1 from stdin\nvm1 t 1 from stdin");

  await world.npm("down");
  expect(changes(before, await observeDroplet(droplet))).toEqual([]);
});
