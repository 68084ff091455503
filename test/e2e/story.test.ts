/**
 * The main job through the real CLI: from a droplet with nothing on it to clones that one can ssh into, and back. On the
 * stand-in with emulated guests, or on what `npm run test:kvm` is given.
 */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { observeDroplet, uplink } from "../../sandbox/droplet";
import { artifactHashes, memoryMappings } from "../support/artifact";
import { withBridgeServer } from "../support/bridge-server";
import { limitMs } from "../support/settings";
import { World, droplet } from "../support/world";

jest.setTimeout(limitMs(1200));

let world: World;

afterEach(async () => {
  await world.end();
});

const fetch = (url: string): string => `wget -q -O - ${url}`;

/** Runs the same in several clones, one after another: emulated guests share few cores. */
async function inEach(clones: readonly string[], command: string): Promise<Record<string, string>> {
  const answers: Record<string, string> = {};
  for (const clone of clones) answers[clone] = await world.in(clone, command);
  return answers;
}

test("three clones start with their identities, stay unchanged in a second up, and leave nothing", async () => {
  world = await World.beginIn("o'ps 100% ü ");
  await world.configure({ "hornet:bridge.services[0]": "8080/tcp" });
  const before = await observeDroplet(droplet);
  const clones = ["vm0", "vm1", "vm2"];

  const up = await world.npm("up");
  for (const [at, clone] of clones.entries())
    expect(up).toMatch(new RegExp(`^${clone} +10\\.0\\.0\\.${at + 2} +yes .*npm run ssh -- ${clone}$`, "m"));
  // This machine may have the first version of cgroups, which is worth a warning, and weaknesses, which are said.
  const expected = /no cgroup v2| \d+ warnings?$/;
  expect(up.split("\n").filter((line) => /error|warning/.test(line) && !expected.test(line))).toEqual([]);

  // Who they are.
  expect(await inEach(clones, "hostname")).toEqual({ vm0: "vm0", vm1: "vm1", vm2: "vm2" });
  expect(await world.npm("ssh", "vm1", "hostname")).toBe("vm1\n");
  expect(await world.npm("ssh", "droplet", "hostname")).toBe(`${droplet}\n`);
  const keys = Object.values(await inEach(clones, "cat /etc/machine-id; od -An -tx1 -N16 /dev/urandom"));
  expect(new Set(keys.flatMap((text) => text.split("\n"))).size).toBe(2 * clones.length);
  const addresses = "ip -4 addr show | awk '$1 == \"inet\" && $2 !~ /^127/ {print $2}'";
  expect(new Set(Object.values(await inEach(clones, addresses)))).toEqual(new Set(["192.168.241.2/29"]));

  // A kernel that has VMGenID drew a new key by itself when its VM was restored, whatever Hornet handed over.
  const vmgenid = "ls -d /sys/bus/acpi/drivers/vmgenid/*:* >/dev/null 2>&1";
  expect(await world.in("vm0", `! ${vmgenid} || dmesg | grep -c 'virtual machine fork'`)).toMatch(/^1?$/);

  // A disk of its own each; the artifact and the memory file are shared and unchanged.
  const artifact = await artifactHashes(world);
  expect(artifact).toMatch(/vm\.mem$/m);
  await world.in("vm0", "echo of vm0 > /root/mine; sync");
  expect(await world.in("vm0", "cat /root/mine")).toBe("of vm0");
  for (const other of ["vm1", "vm2"]) expect((await world.tryIn(other, "cat /root/mine")).code).not.toBe(0);
  expect(await artifactHashes(world)).toBe(artifact);
  expect(await world.onDroplet("find /opt/swarm/runtime -name 'vm.mem*' -links 1")).toBe("");
  const [, memory = ""] = /^\S+ {2}(.*\/vm\.mem)$/m.exec(artifact) ?? [];
  for (const clone of clones) {
    const mappings = await memoryMappings(world, clone);
    expect(mappings).not.toEqual([]);
    // Private: what a guest writes is its own and never reaches the file.
    for (const mapping of mappings) expect(mapping).toMatch(new RegExp(`^...p ${memory}$`));
  }

  // The network: seen from outside, and from the next clone.
  await withBridgeServer(world, "10.0.0.1:8080", async () => {
    expect(await inEach(clones, fetch("http://10.0.0.1:8080/"))).toEqual({
      vm0: "10.0.0.2",
      vm1: "10.0.0.3",
      vm2: "10.0.0.4",
    });
  });
  expect(await world.in("vm2", fetch(`http://${uplink.server}/`))).toBe(uplink.address);
  expect((await world.tryIn("vm0", "ping -c 1 -W 3 10.0.0.1")).code).toBe(0);
  expect((await world.tryIn("vm0", "ping -c 1 -W 3 10.0.0.3")).code).not.toBe(0);
  expect((await world.tryIn("vm0", "nc -w 3 10.0.0.1 22 </dev/null")).code).not.toBe(0);

  // A second time.
  const processes = "head -n 1 -q /opt/swarm/runtime/*/vmm.pid";
  const running = await world.onDroplet(processes);
  const again = await world.npm("up");
  expect(again).toContain("Nothing to change");
  expect(again).toMatch(/^vm2 /m);
  expect(await world.onDroplet(processes)).toBe(running);
  expect(await world.in("vm0", "cat /root/mine")).toBe("of vm0");

  // Back to nothing, on the droplet and at the operator's.
  await world.npm("down");
  expect(await observeDroplet(droplet)).toEqual(before);
  expect(await world.leftovers()).toEqual([]);
  expect(await world.tryNpm("ssh", "vm1", "hostname")).toMatchObject({
    code: 2,
    stderr: expect.stringContaining("Run: npm run up") as string,
  });
  expect(await world.npm("down", "--droplet")).toContain("is removed");
});

/** The names of the spans in each row of a trace file, which must be JSON as a whole. */
function rowsOf(text: string): Map<string, Set<string>> {
  interface Event {
    readonly ph: string;
    readonly pid: number;
    readonly tid: number;
    readonly name: string;
    readonly args: { readonly name?: string };
  }
  const events = JSON.parse(text) as Event[];
  const key = ({ pid, tid }: Event): string => `${pid} ${tid}`;
  const names = new Map(events.filter(({ ph }) => ph === "M").map((event) => [key(event), event.args.name ?? ""]));
  const rows = new Map<string, Set<string>>();
  for (const event of events.filter(({ ph }) => ph === "X")) {
    const row = names.get(key(event)) ?? "";
    rows.set(row, (rows.get(row) ?? new Set()).add(event.name));
  }
  return rows;
}

test("ten clones on an existing bridge, numbered from 5 and open to each other, leave the bridge", async () => {
  world = await World.begin();
  await world.onDroplet(
    "ip link add br0 address 02:00:00:00:00:10 type bridge; ip link set br0 addrgenmode none up; ip addr add 10.0.0.1/24 dev br0; " +
      "ip tuntap add dev other0 mode tap; ip link set other0 address 02:00:00:00:00:11 master br0 up",
  );
  await world.configure({
    "hornet:fleet.count": 10,
    "hornet:fleet.startId": 5,
    "hornet:bridge.isolateClones": false,
  });
  const before = await observeDroplet(droplet);
  const ids = Array.from({ length: 10 }, (_, index) => index + 5);

  const traced = join(world.folder, "trace.json");
  process.env.HORNET_TRACE = traced;
  const up = await world.npm("up").finally(() => delete process.env.HORNET_TRACE);
  // While they come up a line says how many have, and a last one that all have.
  expect(up).toMatch(/ready 10\/10, p95 \d+\.\d s/);
  const phases = ["network", "disk", "launch", "load", "identity", "resume", "ready"];
  const { timings } = (await world.outputs()) as { timings: Record<string, Record<string, number>> };
  const rows = rowsOf(await readFile(traced, "utf8"));
  for (const id of ids) {
    expect(Object.keys(timings[`vm${id}`] ?? {}).sort()).toEqual([...phases].sort());
    for (const phase of phases)
      expect({ id, phase, there: rows.get(`vm${id}`)?.has(phase) }).toMatchObject({ there: true });
  }
  expect(await world.outputs()).toMatchObject({
    clones: ids.map((id) => ({ name: `vm${id}`, id, address: `10.0.0.${id + 2}`, namespace: `vm${id}`, ready: true })),
  });
  for (const id of [5, 14]) expect(await world.in(`vm${id}`, "hostname")).toBe(`vm${id}`);
  // From one clone's side to another's ssh.
  expect(await world.in("vm5", "nc 10.0.0.16 22 </dev/null | head -n 1")).toMatch(/^SSH-2\.0-/);

  await world.npm("down");
  expect(await observeDroplet(droplet)).toEqual(before);
});
