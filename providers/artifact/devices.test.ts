/** Snapshots that somebody else made, with more than one disk and one network interface in them. */
import { drive, makeByHand, mmds } from "../../test/support/handmadeSnapshot";
import { Stage, declared, images } from "../../test/support/scratchStage";
import { limitMs } from "../../test/support/settings";

jest.setTimeout(limitMs(120));

const vsock = "/opt/swarm/template.vsock";
const tools = "/opt/swarm/tools.img";
const stage = Stage.use({
  withVmm: true,
  undo: async () => {
    await stage.run(`rm -rf /opt/swarm/bare ${vsock} ${tools}`);
  },
});

const bare = { source: { path: "/opt/swarm/bare" }, vmmTimeout: 3 };
const root = drive("root", "/opt/swarm/bare/rootfs.ext4");
const withTools = `truncate -s 1M ${tools}`;

test("with a vsock device and a read-only disk each clone has its own socket, also after it was killed", async () => {
  await makeByHand(stage, {
    before: withTools,
    drives: [root, drive("tools", tools, { is_read_only: true })],
    devices: [mmds("V2", "net"), ["vsock", { guest_cid: 5, uds_path: vsock }]],
  });
  await stage.run(`rm ${vsock}`);
  const there = await stage.observe();
  const template = await stage.artifact(bare);
  await template.create();
  expect(template.outs.artifact).toMatchObject({
    diskPath: "/opt/swarm/bare/rootfs.ext4",
    drives: [{ id: "tools", path: tools }],
    vsock: { cid: 5, path: vsock },
    tap: "tap5",
  });
  expect(await stage.run(`ls -d ${vsock} 2>/dev/null || :`)).toBe("");
  const bridge = await stage.bridge();
  await bridge.create();
  // The stub runs no guest that could be told anything over ssh.
  const props = { kernel: `${images}/kernel`, identity: "service" };
  const eight = { name: "vm8", namespace: "vm8", hostVeth: "veth8h", address: "10.0.0.10/24" };
  const clones = [
    await stage.clone(template.outs.artifact, props),
    await stage.clone(template.outs.artifact, { ...props, ...eight }),
  ];
  const sockets = `for n in 7 8; do read -r pid _ </opt/swarm/runtime/vm$n/vmm.pid
    grep -c "00010000 .* /opt/swarm/runtime/vm$n/vsock.sock" /proc/$pid/net/unix; done`;
  for (const clone of clones) await clone.create();
  expect(await stage.run(sockets)).toBe("1\n1\n");
  await stage.run(
    `read -r pid _ </opt/swarm/runtime/vm7/vmm.pid; kill -9 $pid; while [ -e /proc/$pid ]; do sleep 0.02; done`,
  );
  expect((await clones[0]?.read())?.condition).toMatch(/^VMM exited/);
  await clones[0]?.update();
  expect(await stage.run(sockets)).toBe("1\n1\n");
  for (const clone of clones) {
    expect(await clone.read()).toMatchObject(declared);
    await clone.delete();
  }
  await bridge.delete();
  // Where it is brought to, the further disk has to be there already.
  await stage.run(`mv ${tools} ${tools}.away`);
  const { folder } = template.outs.artifact as { folder: string };
  const brought = await stage.brought(folder);
  await expect(brought.create()).rejects.toThrow(`a further disk ${tools}, which is not on`);
  await stage.run(`mv ${tools}.away ${tools}`);
  await template.delete();
  expect(await stage.changesSince(there)).toEqual([]);
});

test("a second disk that guests write to is refused, because clones would share it", async () => {
  await makeByHand(stage, { before: withTools, drives: [root, drive("tools", tools, { is_read_only: false })] });
  const there = await stage.observe();
  const template = await stage.artifact(bare);
  await expect(template.create()).rejects.toThrow(`a further disk tools (${tools}) that its guest writes to`);
  expect(await stage.changesSince(there)).toEqual([]);
});

test("a vsock socket in use is only in the way of a first look without a jail; the error names it, and it stays", async () => {
  await makeByHand(stage, { devices: [["vsock", { guest_cid: 5, uds_path: vsock }]] });
  await stage.run(`rm ${vsock}; mkfifo ${vsock}`);
  const there = await stage.observe();
  const jailed = await stage.artifact(bare);
  await jailed.create();
  await jailed.delete();
  const template = await stage.artifact({ ...bare, jailer: "off" });
  await expect(template.create()).rejects.toThrow("its vsock socket is taken");
  expect(await stage.changesSince(there)).toEqual([]);
});
