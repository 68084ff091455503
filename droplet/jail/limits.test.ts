/** The limits of a VMM in the kernel, and a hostile program in the place of the VMM that uses all that it can get. */
import { copyFileSync } from "node:fs";
import { join } from "node:path";
import { dropletPaths } from "../../sandbox/droplet/paths";
import type { Driver } from "../../test/support/scratchProvider";
import { declared, owner, Stage } from "../../test/support/scratchStage";
import { deleteAll, makeTemplate } from "../../test/support/vmTemplate";

jest.setTimeout(180_000);

const runtime = "/opt/swarm/runtime";
const stage = Stage.use({
  withVmm: true,
  undo: async () => {
    await stage.run("rm -rf /opt/evil");
  },
});
const parent = `hornet-${owner.split(":").at(-1) ?? ""}`;

/** Bash: `limit CONTROLLER FILE1 FILE2` prints a file of a clone's cgroup, by the version that the droplet has. */
const library = (name: string): string => `
  at() { [[ -e /sys/fs/cgroup/cgroup.controllers ]] && echo /sys/fs/cgroup/${parent}/${name} || echo /sys/fs/cgroup/$1/${parent}/${name}; }
  unified() { [[ -e /sys/fs/cgroup/cgroup.controllers ]]; }
  limit() { if unified; then cat "$(at "$1")/$3"; else cat "$(at "$1")/$2"; fi; }
  read -r pid _ <${runtime}/${name}/vmm.pid
`;
const inside = (script: string, name = "vm7"): Promise<string> => stage.run(library(name) + script);
const life = (name = "vm7"): Promise<string> => stage.run(`cat ${runtime}/${name}/vmm.pid`);

const SHOW = `limit cpu cpu.cfs_quota_us cpu.max | cut -d' ' -f1; limit memory memory.limit_in_bytes memory.max; cat $(at pids)/pids.max
  for one in cpu memory pids; do grep -cx $pid $(at $one)/cgroup.procs; done
  awk '/^Max (open files|file size)/ { print $4, $5 }' /proc/$pid/limits`;
const shown = (quota: string, memory: number, pids: number, files: number): string =>
  `${quota}\n${memory * 1024 ** 2}\n${pids}\n1\n1\n1\n83886080 83886080\n${files} ${files}\n`;

test.each(["auto", "off"])(
  "the kernel holds the limits; a change and a repair leave the VMM alone (jailer: %s)",
  async (jailer) => {
    const { artifact, common } = await makeTemplate(stage);
    const limits = { cpus: 0.5, memory: 320, pids: 64, files: 256 };
    const one = await stage.clone(artifact, { jailer, limits });
    await one.create();
    expect(await inside(SHOW)).toBe(shown("50000", 320, 64, 256));
    expect(await one.read()).toMatchObject(declared);
    const before = await life();

    // Without CAP_SYS_RESOURCE nobody changes the limits of a process that runs.
    const able = await stage.run("echo $((16#$(awk '/^CapEff/ { print $2 }' /proc/self/status) >> 24 & 1))");
    const files = able === "1\n" ? 300 : 256;
    await one.update({ limits: { cpus: 2, memory: 640, pids: 100, files } });
    expect(await inside(SHOW)).toBe(shown("200000", 640, 100, files));
    await one.update({ limits: { cpus: 2, memory: 64, pids: 100, files } });
    expect(await inside(SHOW)).toBe(shown("200000", 64, 100, files));
    expect(await one.read()).toMatchObject(declared);

    for (const [drift, words] of [
      ["echo 7 >$(at pids)/pids.max", "the limit of processes is 7, not 100"],
      [
        "unified && echo max >$(at cpu)/cpu.max || echo -1 >$(at cpu)/cpu.cfs_quota_us",
        "the limit of CPU time is none, not 2 cores",
      ],
      [
        "for one in cpu memory pids; do folder=$(at $one); echo $pid >${folder%/*/*}/cgroup.procs; done",
        "the VMM is not in its cgroup",
      ],
      ["echo 0x33 >/proc/$pid/coredump_filter", "a core dump of the VMM would hold its guest's memory"],
      ["folder=$(at memory); echo $pid >${folder%/*/*}/cgroup.procs; rmdir $folder", "the VMM is not in its cgroup"],
      ...(able === "1\n"
        ? [
            [
              "prlimit --pid $pid --nofile=99 --fsize=unlimited",
              "the limit of open files is 99, not 300; the limit of file sizes is none, not 80 MiB",
            ] as const,
          ]
        : []),
    ] as const) {
      await inside(drift);
      expect(await one.read()).toMatchObject({ condition: words });
      await one.update();
      expect(await one.read()).toMatchObject(declared);
      expect(await inside(SHOW)).toBe(shown("200000", 64, 100, files));
    }
    await one.update({ limits: { swap: false } });
    expect(await inside("limit memory memory.swappiness memory.swap.max")).toBe("0\n");
    expect(await one.read()).toMatchObject(declared);
    await one.update({ limits: undefined });
    const swap = `folder=$(at memory)
      unified && cat $folder/memory.swap.max || { [[ $(<$folder/memory.swappiness) == $(<\${folder%/*}/memory.swappiness) ]] && echo max; }`;
    expect(await inside(swap)).toBe("max\n");
    expect(await inside("limit cpu cpu.cfs_quota_us cpu.max; limit memory memory.limit_in_bytes memory.max")).toMatch(
      /^(-1\n9223372036854771712|max 100000\nmax)\n$/,
    );
    expect(await one.read()).toMatchObject(declared);
    expect(await life()).toBe(before);
    await deleteAll(stage, one, ...common);
  },
);

test("a VMM without declared limits has the default ones, and a cgroup only where one limits it", async () => {
  const { artifact, common } = await makeTemplate(stage);
  const one = await stage.clone(artifact);
  await one.create();
  expect(one.outs).not.toHaveProperty("limits");
  expect(await inside(`cat $(at pids)/pids.max; find /sys/fs/cgroup -name vm7 | wc -l`)).toBe("256\n1\n");
  const place = { namespace: "vm8", hostVeth: "veth8h" };
  const network = await stage.namespace({ ...place, address: "10.0.0.10/24" });
  await network.create();
  const small = await stage.vm(artifact, {
    ...{ name: "vm8", namespace: "vm8", address: "10.0.0.10" },
    limits: { fileSize: "8MiB" },
  });
  await stage.run("truncate -s 9M /opt/swarm/snapshots/hornet-guest/rootfs.ext4");
  await expect(small.create()).rejects.toThrow(
    /hornet:vmm.limits.fileSize is 8388608 bytes and the clone's disk has 9437184/,
  );
  await deleteAll(stage, network, one, ...common);
});

test("rates are set before a guest runs, changed and repaired while it runs, and taken off", async () => {
  const { artifact, common } = await makeTemplate(stage);
  const one = await stage.clone(artifact, {
    rates: { network: { rx: "100mbit" }, disk: { bytes: "50MiB", operations: 2000 } },
  });
  await one.create();
  const socket = `--unix-socket ${runtime}/vm7/firecracker.sock`;
  const config = (): Promise<string> => stage.run(`curl -s ${socket} http://localhost/vm/config`);
  const before = await life();
  expect(await config()).toMatch(/"size":52428800.*"size":2000.*"rx_rate_limiter":\{"bandwidth":\{"size":12500000/);
  expect(await one.read()).toMatchObject(declared);
  await one.update({ rates: { network: { rx: "10mbit", tx: "1mbit" } } });
  expect(await config()).toMatch(
    /"rate_limiter":null.*"size":1250000,.*"tx_rate_limiter":\{"bandwidth":\{"size":125000,/,
  );
  expect(await one.read()).toMatchObject(declared);
  await stage.run(
    `curl -s ${socket} -X PATCH -d '{"iface_id":"eth0","tx_rate_limiter":{"bandwidth":{"size":0,"refill_time":0}}}' http://localhost/network-interfaces/eth0`,
  );
  expect(await one.read()).toMatchObject({
    condition: "the network rate from the guest is no limit of bytes, not 125000 bytes per second",
  });
  await one.update();
  expect(await one.read()).toMatchObject(declared);
  await one.update({ rates: undefined });
  expect(await config()).toMatch(/"rx_rate_limiter":null,"tx_rate_limiter":null/);
  expect(await one.read()).toMatchObject(declared);
  expect(await stage.run(`grep -c rates= ${runtime}/vm7/record || :`)).toBe("0\n");
  expect(await life()).toBe(before);
  // A VMM that boots has them from the start.
  await one.update({ rates: { disk: { operations: 7 } } });
  await inside("kill -9 $pid; while kill -0 $pid 2>/dev/null; do sleep 0.01; done");
  await one.update();
  expect(await config()).toMatch(/"ops":\{"size":7,/);
  expect(await one.read()).toMatchObject(declared);
  await deleteAll(stage, one, ...common);
});

/** A VMM that uses as much as it can of something, and what it says of that. */
async function greedy(
  what: string,
  limits: object,
  until: string,
): Promise<{ said: string; drivers: Pick<Driver, "delete" | "read">[] }> {
  const { artifact, common } = await makeTemplate(stage);
  await stage.run("mkdir -p /opt/evil; cp /usr/bin/jailer /opt/evil/");
  const evil = `/opt/evil/firecracker-${what}`;
  copyFileSync(
    join(__dirname, "../../test/support/hostileVmm.pl"),
    join(dropletPaths("scratch").opt, `evil/firecracker-${what}`),
  );
  await stage.run(`chmod 755 ${evil}`);
  const other = await stage.clone(artifact, {
    name: "vm8",
    namespace: "vm8",
    hostVeth: "veth8h",
    address: "10.0.0.10/24",
  });
  await other.create();
  const neighbour = await life("vm8");
  const one = await stage.clone(artifact, { firecracker: evil, limits });
  await one.create();
  await stage.run(`touch ${runtime}/vm7/jail/root${runtime}/vm7/go`);
  const said = await inside(
    `for i in $(seq 100); do { ${until}; } && break; sleep 0.1; done; cat ${runtime}/vm7/console.log`,
  );
  expect(await other.read()).toMatchObject(declared);
  expect(await life("vm8")).toBe(neighbour);
  return { said, drivers: [one, other, ...common] };
}
const usedUp = `grep -q '^used' ${runtime}/vm7/console.log`;
const ended = `[[ -e ${runtime}/vm7/vmm.exit ]]`;

test("a VMM that starts processes without end starts few, and its clone's end ends them all", async () => {
  const { said, drivers } = await greedy("processes", { pids: 40 }, usedUp);
  expect(Number(/^used processes: (\d+)$/m.exec(said)?.[1])).toBeLessThan(40);
  await inside("kill -9 $pid");
  await stage.run(`for i in $(seq 100); do ${ended} && break; sleep 0.1; done`);
  expect(await drivers[0]?.read()).toMatchObject({
    condition: expect.stringMatching(
      /^VMM exited with 137 at \S+, after it met its limit of 40 processes \(pid \d+\)/,
    ) as unknown,
  });
  // Its children live on until then.
  expect(Number(await inside("wc -l <$(at pids)/cgroup.procs"))).toBeGreaterThan(20);
  await deleteAll(stage, ...drivers);
});

test("a VMM that takes memory without end is killed alone, and the drift says why", async () => {
  const { drivers } = await greedy("memory", { memory: 64 }, ended);
  expect(await drivers[0]?.read()).toMatchObject({
    condition: expect.stringMatching(/^VMM killed by memory limit 64 MiB at 20\S+Z \(pid \d+\)/) as unknown,
  });
  await deleteAll(stage, ...drivers);
});

test("a VMM that opens files without end gets as many as are declared", async () => {
  const { said, drivers } = await greedy("files", { files: 128 }, usedUp);
  expect(Number(/^used files: (\d+)$/m.exec(said)?.[1])).toBeLessThan(128);
  await deleteAll(stage, ...drivers);
});

test("a VMM that lets a file grow without end is ended, and the drift says why", async () => {
  const { drivers } = await greedy("space", {}, ended);
  expect(await drivers[0]?.read()).toMatchObject({
    condition: expect.stringMatching(/^VMM ended by the limit of file sizes at 20\S+Z \(pid \d+\)/) as unknown,
  });
  expect(Number(await stage.run(`find ${runtime}/vm7/jail/ -name big -printf '%s'`))).toBeLessThanOrEqual(83_886_080);
  await deleteAll(stage, ...drivers);
});

test("a VMM that computes without end is throttled", async () => {
  const { drivers } = await greedy(
    "cpu",
    { cpus: 0.2 },
    "[[ $(grep -oP 'nr_throttled \\K\\d+' $(at cpu)/cpu.stat) -gt 5 ]]",
  );
  expect(await inside("grep -oP 'nr_throttled \\K\\d+' $(at cpu)/cpu.stat")).not.toBe("0\n");
  await deleteAll(stage, ...drivers);
});
