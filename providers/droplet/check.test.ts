import { Driver, sessions } from "../../test/support/scratchProvider";
import { declared, owner, Stage } from "../../test/support/scratchStage";
import { definition } from "./check";

jest.setTimeout(120_000);

const stage = Stage.use({ withVmm: true, undo: () => sessions.close() });

function check(props: object = {}): Promise<Driver> {
  const droplet = stage.droplet.connection;
  return Driver.of(definition, { droplet, owner, runtimeDir: "/opt/swarm/runtime", namespaces: ["vm7"], ...props });
}

test("create, read and delete of a DropletCheck change nothing", async () => {
  const one = await check();
  await one.create();
  expect(await one.read()).toMatchObject(declared);
  expect(await stage.changesSince(stage.before)).toEqual([]);
  await one.delete();
  expect(await stage.changesSince(stage.before)).toEqual([]);
});

test("another runtime folder is refused while the fleet is in the present one", async () => {
  const one = await check();
  await one.create();
  await expect(one.update({ runtimeDir: "/opt/other" }, { ...one.outs })).rejects.toThrow(
    /hornet:vmm\.runtimeDir cannot become \/opt\/other while the fleet is in \/opt\/swarm\/runtime; nothing was changed/,
  );
});

test("Preflight warns of limits below a guest's needs, and of limits that the droplet's cgroups cannot hold", async () => {
  const limits = [{ key: "hornet:vmm.limits", cpus: 0.5, memory: 100 }];
  const warnings = async (): Promise<readonly string[]> => {
    const one = await check({ limits, needs: { memory: 128 } });
    await one.create();
    return (one.outs.warnings as string[]).filter((text) => text.includes("limits."));
  };
  const below = /^hornet:vmm\.limits\.memory is 100 MiB; .* Set it to 136 or more$/;
  try {
    expect(await warnings()).toEqual([expect.stringMatching(below)]);
    // Version 2 alone, as the droplet sees it; the kernel has bound the controllers to version 1 where it has mounts of that.
    const one = (await stage.run("[[ -e /sys/fs/cgroup/cgroup.controllers ]] && echo 2 || echo 1")) === "1\n";
    await stage.run(`mount -t ${one ? "cgroup2 cgroup2" : "tmpfs tmpfs"} /sys/fs/cgroup`);
    const reason = one ? /a mount of version 1 of cgroups has it/ : /because nothing mounts it|may not write/;
    const found = await warnings();
    expect(found.map((text) => text.split(" limits nothing")[0])).toEqual([
      expect.stringMatching(below),
      ...["hornet:vmm.limits.cpus", "hornet:vmm.limits.memory", "hornet:vmm.limits.pids"],
    ]);
    for (const text of found.slice(1)) expect(text).toMatch(reason);
  } finally {
    await stage.run("umount /sys/fs/cgroup");
  }
});
