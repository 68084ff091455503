import type { Observation } from "../../sandbox/droplet";
import { Driver, effectsOf, messageWhenFailing } from "../../test/support/scratchProvider";
import { declared, snapshots, Stage } from "../../test/support/scratchStage";

jest.setTimeout(120_000);

const stage = Stage.use({
  withVmm: true,
  undo: async () => {
    await template.delete();
    await net.delete();
    await bridge.delete();
  },
});

let bridge: Driver;
let net: Driver;
let template: Driver;
let there: Observation;

beforeEach(async () => {
  bridge = await stage.bridge();
  await bridge.create();
  net = await stage.namespace();
  await net.create();
  template = await stage.artifact();
  await template.create();
  there = await stage.observe();
});

const dir = "/opt/swarm/runtime/vm7";
const pidOf = async (): Promise<number> => Number((await stage.run(`cut -d' ' -f1 ${dir}/vmm.pid`)).trim());
const made = (): unknown => template.outs.artifact;
const hashes = async (): Promise<string> => {
  const { folder } = made() as { folder: string };
  return stage.run(`sha256sum ${folder}/*`);
};

test("restored, as declared, deleted, deleted again; the artifact keeps its digests", async () => {
  const template = await hashes();
  const one = await stage.vm(made());
  expect(await one.create()).toMatchObject({ pid: await pidOf(), disk: "sparse", ready: false, ...declared });
  expect(await one.read()).toMatchObject({ id: "vm7", ...declared });
  const pid = await pidOf();
  expect(await stage.run(`readlink /proc/${pid}/exe; stat -c %a ${dir} ${dir}/rootfs.ext4 ${dir}/vmm.pid`)).toBe(
    "/firecracker\n700\n600\n600\n",
  );
  // Of the lane that started it neither it nor the shell that waits for it holds anything.
  const waiter = `$(awk '/^PPid/ { print $2 }' /proc/${pid}/status)`;
  expect(await stage.run(`find /proc/${pid}/fd /proc/${waiter}/fd -lname 'pipe:*' -printf '%p %l\n'`)).toBe("");
  // Its disk at the baked path is its own; outside of its mount namespace that path is the artifact's.
  await stage.run(
    `printf changed | dd of=/proc/${pid}/root${snapshots}/hornet-guest/rootfs.ext4 conv=notrunc status=none`,
  );
  expect(await stage.run(`head -c 7 ${dir}/rootfs.ext4`)).toBe("changed");
  expect(await hashes()).toBe(template);
  await one.delete();
  expect(await stage.changesSince(there)).toEqual([]);
  await one.delete();
});

test("nothing secret is on the droplet's disk or in an argument list", async () => {
  const one = await stage.vm(made());
  await one.create();
  const seed = String(one.outs.hostKeySeed);
  expect(seed).toMatch(/^[\w-]{43}$/);
  const secrets = `grep -rlE -e "very.?'?.?secret|PRIVATE KEY" -e "${seed}" ${dir} /proc/[0-9]*/cmdline /proc/[0-9]*/environ 2>/dev/null || :`;
  const found = (await stage.run(secrets)).split("\n").filter((line) => line !== "" && !line.startsWith("/proc/self"));
  // The command that looks has the words in its own arguments.
  expect(found.filter((line) => !line.startsWith("/proc/"))).toEqual([]);
  await one.delete();
});

test("a VMM that was killed is said and started anew, on the same disk", async () => {
  const one = await stage.vm(made());
  await one.create();
  const pid = await pidOf();
  await stage.run(`printf lived | dd of=${dir}/rootfs.ext4 conv=notrunc status=none; kill -9 ${pid}`);
  await stage.run(`while [[ -e /proc/${pid} ]]; do sleep 0.05; done`);
  const condition = new RegExp(`^VMM exited with 137 at \\S+Z \\(pid ${pid}\\)$`);
  expect(await one.read()).toMatchObject({ condition: expect.stringMatching(condition) as string, props: { pid: 0 } });
  await one.update();
  expect(await pidOf()).not.toBe(pid);
  expect(await one.read()).toMatchObject(declared);
  expect(await stage.run(`head -c 5 ${dir}/rootfs.ext4; grep ^started_from= ${dir}/record`)).toBe(
    "livedstarted_from=disk\n",
  );
  await one.delete();
  expect(await stage.changesSince(there)).toEqual([]);
});

test("a paused VM is resumed, the process lives on", async () => {
  const one = await stage.vm(made());
  await one.create();
  const pid = await pidOf();
  const send = `curl -sf --unix-socket ${dir}/firecracker.sock -X PATCH -d '{"state":"Paused"}' http://localhost/vm`;
  await stage.run(send);
  expect(await one.read()).toMatchObject({ condition: "VM paused" });
  await one.update();
  expect(await one.read()).toMatchObject({ ...declared, props: { pid } });
  await one.delete();
});

test("a disk that was deleted under it is said, and made anew from the snapshot", async () => {
  const one = await stage.vm(made());
  await one.create();
  await stage.run(`rm ${dir}/rootfs.ext4`);
  expect(await one.read()).toMatchObject({ condition: "private disk missing" });
  await one.update();
  expect(await one.read()).toMatchObject(declared);
  expect(await stage.run(`grep ^started_from= ${dir}/record`)).toBe("started_from=snapshot\n");
  await one.delete();
});

test("a new environment reaches a running VM without a restart", async () => {
  const one = await stage.vm(made());
  const { generation } = await one.create();
  const pid = await pidOf();
  await one.update({ env: { API_KEY: "other" } });
  expect(await pidOf()).toBe(pid);
  expect(one.outs.generation).not.toBe(generation);
  expect(await one.read()).toMatchObject(declared);
  await one.delete();
});

test("a clone of a snapshot whose identity service closes nothing gets no identity", async () => {
  const { metadata, ...older } = made() as { metadata: string };
  expect(metadata).toBe("closed");
  const one = await stage.vm(older, { readyTimeout: 20 });
  await expect(one.create()).rejects.toThrow(/^vm7 gets no identity: its identity service is of an earlier Hornet/);
  expect(await stage.changesSince(there)).toEqual([]);
});

test("another snapshot and a renewed disk start from the snapshot, with the same identity", async () => {
  const one = await stage.vm(made());
  const { sshHostKey, hostKeySeed } = await one.create();
  const pid = await pidOf();
  await stage.run(`printf lived | dd of=${dir}/rootfs.ext4 conv=notrunc status=none`);
  await one.update({ renewDisk: "2" });
  expect(one.outs).toMatchObject({ sshHostKey, hostKeySeed });
  expect(await pidOf()).not.toBe(pid);
  expect(await stage.run(`head -c 5 ${dir}/rootfs.ext4`)).toBe("first");
  expect(await one.read()).toMatchObject(declared);
  await one.delete();
});

test("a restart boots the guest from the disk that it has", async () => {
  const one = await stage.vm(made());
  await one.create();
  const pid = await pidOf();
  await stage.run(`printf lived | dd of=${dir}/rootfs.ext4 conv=notrunc status=none`);
  await one.update({ restart: "1" });
  expect(await pidOf()).not.toBe(pid);
  expect(await stage.run(`head -c 5 ${dir}/rootfs.ext4`)).toBe("lived");
  const again = await pidOf();
  await one.update();
  expect(await pidOf()).toBe(again);
  expect(await one.read()).toMatchObject(declared);
  await one.delete();
});

test("its namespace goes: said; the VM goes with it on delete", async () => {
  const one = await stage.vm(made());
  await one.create();
  const pid = await pidOf();
  await stage.run(`ip netns del vm7; kill -9 ${pid}; while [[ -e /proc/${pid} ]]; do sleep 0.05; done`);
  expect(await one.read()).toMatchObject({ condition: "VMM of vm7 is gone with its namespace" });
  await one.delete();
});

test("a VM that no state knows goes with its namespace", async () => {
  const one = await stage.vm(made());
  await one.create();
  const pid = await pidOf();
  await net.delete();
  expect(await stage.run(`[[ -e /proc/${pid} ]] || printf gone`)).toBe("gone");
  expect((await one.read()).id).toBe("");
  await one.delete();
});

test("a VMM whose pid now is somebody else's process is not killed", async () => {
  const one = await stage.vm(made());
  await one.create();
  const pid = await pidOf();
  await stage.run(`kill -9 ${pid}; while [[ -e /proc/${pid} ]]; do sleep 0.05; done
    setsid sleep 4901 >/dev/null 2>&1 </dev/null & sleep 0.2
    read -r _ started boot <${dir}/vmm.pid; echo "$(pgrep -fx 'sleep 4901') $started $boot" >${dir}/vmm.pid`);
  await one.delete();
  expect(await stage.run("pgrep -cfx 'sleep 4901'")).toBe("1\n");
  await stage.run("pkill -fx 'sleep 4901'; sleep 0.1");
  expect(await stage.changesSince(there)).toEqual([]);
});

test.each([
  [
    "a snapshot that is not there",
    { folder: "/opt/swarm/nowhere", disk: "/etc/hostname" },
    "start the VM of vm7 failed",
  ],
  ["a disk that is not there", { disk: "/opt/swarm/nowhere" }, "/opt/swarm/nowhere"],
])("%s is said and leaves nothing", async (_name, change, words) => {
  const one = await stage.vm({ ...(made() as object), ...change });
  await expect(one.create()).rejects.toThrow(words);
  expect(await stage.changesSince(there)).toEqual([]);
});

test("what waits for a VMM that has just ended says how before the clone's files go, not after", async () => {
  const one = await stage.vm(made());
  await one.create();
  const pid = await pidOf();
  await stage.run(`read -r _ _ _ waiter _ </proc/${pid}/stat; kill -STOP $waiter; kill -9 ${pid}
    (sleep 0.2; kill -CONT $waiter) >/dev/null 2>&1 &`);
  await one.delete();
  expect(await stage.changesSince(there)).toEqual([]);
});

test("without its tap no VMM is started: it would make one of its own", async () => {
  await stage.run("ip -n vm7 link del tap0");
  const one = await stage.vm(made());
  await expect(one.create()).rejects.toThrow("there is no tap0 in the clone's namespace");
  await net.update();
  expect(await stage.changesSince(there)).toEqual([]);
});

test("an old process of the same stack is ended first, what was left half-made is completed", async () => {
  const one = await stage.vm(made());
  await one.create();
  const pid = await pidOf();
  const two = await stage.vm(made());
  await two.create();
  expect(await two.read()).toMatchObject(declared);
  expect((await stage.run("pgrep -cx 'stub|firecracker'")).trim()).toBe("1");
  expect(pid).toBeGreaterThan(0);
  await two.delete();
  expect(await stage.changesSince(there)).toEqual([]);
});

test("each step failing in turn is said and leaves nothing", async () => {
  const probe = await stage.vm(made());
  const effects = await effectsOf(stage.droplet.folder, () => probe.create());
  await probe.delete();
  expect(effects).toEqual(expect.arrayContaining(["vm7/disk", "vm7/record", "vm7/launch", "vm7/restore"]));
  for (const effect of new Set(effects)) {
    const one = await stage.vm(made());
    const message = await messageWhenFailing(effect, () => one.create());
    expect(message).toContain("start the VM of vm7 failed on root@127.0.0.1");
    expect(message).toContain(`injected failure at ${effect}`);
    expect(message).not.toMatch(/very'secret|PRIVATE KEY/);
    expect({ effect, left: await stage.changesSince(there) }).toEqual({ effect, left: [] });
  }
});

test("each step of a delete failing in turn: said, and the next delete ends it", async () => {
  // The stub, as Firecracker on aarch64, has no way to ask a guest to shut down, so nobody waits for that.
  const probe = await stage.vm(made(), { shutdownTimeout: 3600 });
  await probe.create();
  const effects = await effectsOf(stage.droplet.folder, () => probe.delete());
  for (const effect of new Set(effects)) {
    const one = await stage.vm(made(), { shutdownTimeout: 3600 });
    await one.create();
    expect(await messageWhenFailing(effect, () => one.delete())).toContain(`injected failure at ${effect}`);
    await one.delete();
    expect({ effect, left: await stage.changesSince(there) }).toEqual({ effect, left: [] });
  }
});

test("a guest that fails in a create leaves its console and how its VMM ended until the next create", async () => {
  const dies = await stage.vm(made(), { readyTimeout: 60 });
  const failing = dies.create();
  const failed = expect(failing).rejects.toThrow(
    /its VMM ended by signal 9[\s\S]*end of its console:[\s\S]*snapshot\/load/,
  );
  await stage.run(`for i in $(seq 200); do pgrep -x 'stub|firecracker' >/dev/null && grep -q Resumed /opt/swarm/runtime/vm7/console.log && break; sleep 0.05; done
    pkill -9 -x 'stub|firecracker'`);
  await failed;
  expect(await stage.run("cd /opt/swarm/runtime/vm7; ls -A; cut -d' ' -f2 vmm.exit")).toMatch(
    /^(begun\n)?console\.log\nhost-veth\nowner\nvmm\.exit\n137\n$/,
  );
  const one = await stage.vm(made());
  await one.create();
  expect(await one.read()).toMatchObject(declared);
  await one.delete();
  expect(await stage.changesSince(there)).toEqual([]);
});

test("the vsock socket of another snapshot's VM goes with the next start", async () => {
  const one = await stage.vm(made());
  await one.create();
  await stage.run(`perl -MIO::Socket::UNIX -e 'IO::Socket::UNIX->new(Local => "/opt/swarm/runtime/vm7/vsock.sock", Listen => 1)'
    test -S /opt/swarm/runtime/vm7/vsock.sock; pkill -9 -x 'stub|firecracker'; sleep 0.2`);
  await one.update();
  expect(await stage.run("ls /opt/swarm/runtime/vm7")).not.toContain("vsock.sock");
  await one.delete();
  expect(await stage.changesSince(there)).toEqual([]);
});
