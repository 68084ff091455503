/** A snapshot names files of the droplet as disks of its guests; a hostile one names those that only root may read. */
import { drive, makeByHand, mmds } from "../../test/support/handmadeSnapshot";
import { Stage, images } from "../../test/support/scratchStage";
import { limitMs } from "../../test/support/settings";

jest.setTimeout(limitMs(120));

const bare = { source: { path: "/opt/swarm/bare" }, vmmTimeout: 3 };
const root = drive("root", "/opt/swarm/bare/rootfs.ext4");
const folder = "/opt/private";
const key = `${folder}/id_ed25519`;
const stage = Stage.use({
  withVmm: true,
  undo: async () => {
    await stage.run(`rm -rf /opt/swarm/bare ${folder}`);
  },
});

/** A file that only root can reach, in a folder as /root/.ssh. */
const secret = (mode: string): string => `mkdir -m 700 ${folder}; truncate -s 1M ${key}; chmod ${mode} ${key}`;
const modes = `stat -c '%a %u' ${folder} ${key} | tr '\n' ' '`;

test.each([
  ["a further disk", "600", [root, drive("tools", key, { is_read_only: true })], ":"],
  [
    "a further disk that others could read but for its folder",
    "644",
    [root, drive("tools", key, { is_read_only: true })],
    ":",
  ],
  ["the clones' own disk", "600", [drive("root", key)], "rm -f /opt/swarm/bare/rootfs.ext4"],
])("%s that not every user may read is refused, and stays as it is", async (_what, mode, drives, after) => {
  await makeByHand(stage, { before: secret(mode), drives });
  await stage.run(after);
  const there = await stage.observe();
  const template = await stage.artifact(bare);
  await expect(template.create()).rejects.toThrow(`hornet:snapshot.disks: [${key}]`);
  expect(await stage.run(modes)).toBe(`700 0 ${mode} 0 `);
  expect(await stage.changesSince(there)).toEqual([]);
});

test("a declared one is there for the clones, and a file that became private later is not", async () => {
  await makeByHand(stage, {
    before: secret("600"),
    drives: [root, drive("tools", key, { is_read_only: true })],
    devices: [mmds("V2", "net")],
  });
  const there = await stage.observe();
  const template = await stage.artifact({ ...bare, disks: [key] });
  await template.create();
  const { artifact } = template.outs;
  expect(artifact).toMatchObject({ disks: [key], drives: [{ id: "tools", path: key }] });
  const bridge = await stage.bridge();
  await bridge.create();
  const props = { kernel: `${images}/kernel`, identity: "service" };
  const clone = await stage.clone(artifact, props);
  await clone.create();
  expect(await stage.run(`stat -c %a /opt/swarm/runtime/vm7/jail/root${key}; ${modes}`)).toBe("440\n700 0 600 0 ");
  await stage.run(
    "read -r pid _ </opt/swarm/runtime/vm7/vmm.pid; kill -9 $pid; while [ -e /proc/$pid ]; do sleep 0.02; done",
  );
  await clone.read();
  await expect(clone.update({ artifact: { ...(artifact as object), disks: undefined } })).rejects.toThrow(
    new RegExp(`names a disk that not every user of the droplet may read: ${key} \\(hornet:snapshot.disks`),
  );
  expect(await stage.run(modes)).toBe("700 0 600 0 ");
  await clone.delete();
  await bridge.delete();
  await template.delete();
  expect(await stage.changesSince(there)).toEqual([]);
});
