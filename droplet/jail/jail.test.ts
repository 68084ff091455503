/** The jail of a VMM, and a hostile program in the place of the VMM that tries to get out of it. */
import { copyFileSync } from "node:fs";
import { join } from "node:path";
import { dropletPaths } from "../../sandbox/droplet/paths";
import { BARE, makeByHand } from "../../test/support/handmadeSnapshot";
import { declared, Stage } from "../../test/support/scratchStage";
import { deleteAll, makeTemplate } from "../../test/support/vmTemplate";

jest.setTimeout(180_000);

const runtime = "/opt/swarm/runtime";
const evil = "/opt/evil/firecracker";
const stage = Stage.use({
  withVmm: true,
  undo: async () => {
    await stage.run(`rm -rf /opt/evil ${BARE}`);
  },
});

const pidOf = async (name: string): Promise<string> =>
  (await stage.run(`cut -d' ' -f1 ${runtime}/${name}/vmm.pid`)).trim();

const second = { name: "vm8", namespace: "vm8", hostVeth: "veth8h", address: "10.0.0.10/24" };

test("each clone has its own user, files and tap, no capability, and shares one copy of the memory", async () => {
  const { artifact, common } = await makeTemplate(stage);
  const [one, other] = [await stage.clone(artifact), await stage.clone(artifact, second)];
  await one.create();
  await other.create();
  const shows = async (name: string): Promise<string> => {
    const pid = await pidOf(name);
    return stage.run(`awk '/^(Uid|Gid|Groups|CapEff|CapPrm|CapBnd)/' /proc/${pid}/status | tr -s '\\t\\n' ' '
      nsenter --net=/run/netns/${name} ip -j -d link show tap0 | grep -o '"user":"*[0-9]*'
      stat -L -c '%u %a' /proc/${pid}/root ${runtime}/${name}/rootfs.ext4 ${runtime}/${name}`);
  };
  const words = (uid: number): RegExp =>
    new RegExp(
      `^Uid: ${uid} ${uid} ${uid} ${uid} Gid: ${uid} ${uid} ${uid} ${uid} Groups: CapPrm: 0+ CapEff: 0+ CapBnd: [0-9a-f]+ ` +
        `"user":"*${uid}\n0 755\n${uid} 600\n0 700\n$`,
    );
  expect(await shows("vm7")).toMatch(words(70_000));
  expect(await shows("vm8")).toMatch(words(70_001));
  const inodes = await stage.run(`for name in vm7 vm8; do find ${runtime}/$name/jail -name vm.mem -printf '%i '; done
    stat -L -c %i /opt/swarm/snapshots/hornet-guest/vm.mem`);
  expect(new Set(inodes.split(/\s+/).filter((inode) => inode !== "")).size).toBe(1);
  expect(await stage.run("ls /run/hornet-uids")).toBe("70000\n70001\n");
  // A VMM of an earlier version has no list, and nothing is known of its jail.
  const pid = await pidOf("vm7");
  await stage.run(
    `sed -i /^jail=/d ${runtime}/vm7/record; rm ${runtime}/vm7/jail/entries ${runtime}/vm7/jail/root/dev/kvm`,
  );
  expect(await one.read()).toMatchObject(declared);
  await one.update();
  expect(await pidOf("vm7")).toBe(pid);
  await deleteAll(stage, other, one, ...common);
});

test("a VMM that runs without a jail is put into it on its own disk, and out of it", async () => {
  const { artifact, common } = await makeTemplate(stage);
  const one = await stage.clone(artifact, { jailer: "off" });
  await one.create();
  const disk = `${runtime}/vm7/rootfs.ext4`;
  const wear = (words: string): Promise<string> =>
    stage.run(`printf ${words} | dd of=${disk} conv=notrunc status=none`);
  await wear("mine");
  expect(await stage.run(`stat -c %u /proc/${await pidOf("vm7")}`)).toBe("0\n");
  one.outs.jailer = "auto";
  expect(await one.read()).toMatchObject({ condition: "VMM runs without a jail" });
  await one.update({ jailer: "auto" });
  expect(await one.read()).toMatchObject(declared);
  expect(await stage.run(`stat -c %u /proc/${await pidOf("vm7")}; head -c 4 ${disk}`)).toBe("70000\nmine");
  await one.update({ jailer: "off" });
  expect(
    await stage.run(`stat -c %u /proc/${await pidOf("vm7")} ${disk}; head -c 4 ${disk}; ls /run/hornet-uids 2>&1 || :`),
  ).toMatch(/^0\n0\nminels: cannot access/);
  await deleteAll(stage, one, ...common);
});

test("a uid that a user of the droplet has is refused", async () => {
  const { artifact, common } = await makeTemplate(stage);
  const network = await stage.namespace();
  await network.create();
  const one = await stage.vm(artifact, { uids: { first: 65_534, count: 2 } });
  await expect(one.create()).rejects.toThrow("the uid 65534 of the range hornet:vmm.uids is nobody's on the droplet");
  await deleteAll(stage, network, ...common);
});

async function putHostileVmm(): Promise<void> {
  await stage.run("mkdir -p /opt/evil; cp /usr/bin/jailer /opt/evil/");
  copyFileSync(
    join(__dirname, "../../test/support/hostileVmm.pl"),
    join(dropletPaths("scratch").opt, "evil/firecracker"),
  );
  await stage.run(`chmod 755 ${evil}; : >/opt/evil/victim; chmod 644 /opt/evil/victim; mkdir /opt/evil/tun`);
}

test("a hostile VMM gets at nothing outside of its jail", async () => {
  const { artifact, common } = await makeTemplate(stage);
  const other = await stage.clone(artifact, second);
  await other.create();
  await putHostileVmm();
  const hostile = await stage.clone(artifact, { firecracker: evil });
  await hostile.create();
  const console = `${runtime}/vm7/console.log`;
  const said = await stage.run(
    `for i in $(seq 100); do grep -q '^attacks done' ${console} && break; sleep 0.1; done; cat ${console}`,
  );
  expect(said).toContain("attacks done");
  const outcomes = said.split("\n").filter((line) => line.startsWith("attack "));
  expect(outcomes.length).toBeGreaterThan(20);
  expect(outcomes.filter((line) => !line.endsWith(": failed"))).toEqual([]);
  // Its API is asked where it was, not where it points to now.
  const own = `${runtime}/vm7`;
  const faults = ["/dev/kvm was replaced", "/dev/net was replaced", "/dev/urandom was replaced"];
  faults.push(`${own}/net/tun was added`, `${own}/firecracker.sock was replaced`);
  expect((await hostile.read()).condition).toBe(faults.map((fault) => `jail of vm7: ${fault}`).join("; "));
  expect(await other.read()).toMatchObject(declared);
  // The repair follows none of its links.
  const victims = "stat -c '%n %F %a %u %h %Z' /opt/evil /opt/evil/*";
  const [before, pid] = [await stage.run(victims), await pidOf("vm7")];
  await hostile.update();
  expect(await hostile.read()).toMatchObject(declared);
  expect(await stage.run(victims)).toBe(before);
  expect(await pidOf("vm7")).toBe(pid);
  const dev = `${own}/jail/root/dev`;
  expect(await stage.run(`stat -c '%F %t:%T %a %u' ${dev}/kvm ${dev}/net/tun ${dev}/urandom`)).toBe(
    ["a:e8", "a:c8", "1:9"].map((number) => `character special file ${number} 600 70001\n`).join(""),
  );
  await stage.run(`touch ${runtime}/vm7/jail/root${runtime}/vm7/babble`);
  expect((await hostile.read()).condition).toContain("VMM does not answer on its API socket");
  expect(await other.read()).toMatchObject(declared);
  await deleteAll(stage, hostile, other, ...common);
});

test("the first look at a snapshot without a manifest is jailed: a hostile VMM gets at nothing during the load", async () => {
  await makeByHand(stage, {});
  const { artifact, common } = await makeTemplate(stage);
  const other = await stage.clone(artifact, second);
  await other.create();
  await putHostileVmm();
  const look = await stage.artifact({ firecracker: evil, source: { path: BARE }, vmmTimeout: 3 });
  await expect(look.create()).rejects.toThrow(/attacks: \d{2}, succeeded: \./);
  await stage.run(`rm -r ${BARE}`);
  await deleteAll(stage, other, ...common);
});
