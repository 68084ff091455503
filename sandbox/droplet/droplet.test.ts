import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdtemp, readFile, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { promisify } from "node:util";
import { dropletExec, listDroplets, observeDroplet, rebootDroplet, startDroplet, stopDroplet, uplink } from ".";
import type { DropletRecord } from ".";
import { cgroupsOf } from "./cgroups";
import { isAlive, membersOf, ownNamespaces } from "./processes";
import { capture } from "./run";

const exec = promisify(execFile);
const bare = { firecracker: "none", kernel: "none", rootfs: "none" } as const;
let state: string;

/** A droplet's traces on the machine itself: named namespaces, links, mounts. */
async function machine(): Promise<string[]> {
  const links = (await exec("ip", ["-o", "link"])).stdout;
  const names = (await exec("ip", ["netns"])).stdout;
  return [links, names, await readFile("/proc/self/mountinfo", "utf8")];
}

/** The command line of a stock ssh with the droplet's host key pinned. */
async function sshArguments(droplet: DropletRecord, hostKey = droplet.hostKey): Promise<string[]> {
  const known = join(state, `known_hosts.${droplet.name}`);
  await writeFile(known, `[127.0.0.1]:${droplet.port} ${hostKey}\n`);
  const options = ["BatchMode=yes", "StrictHostKeyChecking=yes", "IdentitiesOnly=yes", `UserKnownHostsFile=${known}`];
  const named = options.flatMap((option) => ["-o", option]);
  return ["-F", "none", "-i", droplet.privateKeyPath, "-p", String(droplet.port), ...named, "root@127.0.0.1"];
}

async function ssh(droplet: DropletRecord, command: string, hostKey = droplet.hostKey): Promise<string> {
  return (await exec("ssh", [...(await sshArguments(droplet, hostKey)), command])).stdout;
}

async function inside(name: string, ...argv: string[]): Promise<string> {
  const { stdout, stderr, exitCode } = await dropletExec(name, argv);
  expect({ stderr, exitCode }).toEqual({ stderr: "", exitCode: 0 });
  return stdout;
}

function processesOf(droplet: DropletRecord): NonNullable<DropletRecord["processes"]> {
  if (!droplet.processes) throw new Error(`${droplet.name} has no processes`);
  return droplet.processes;
}

jest.setTimeout(120_000);

beforeEach(async () => {
  state = await mkdtemp(join(tmpdir(), "hornet-droplet-"));
  process.env.HORNET_STATE = state;
});

afterEach(async () => {
  for (const { name } of await listDroplets()) await stopDroplet(name, { purge: true });
  delete process.env.HORNET_STATE;
  await rm(state, { recursive: true, force: true });
});

test("two droplets are separate hosts, and leave nothing on the machine", async () => {
  const before = await machine();
  const [dev, prod] = (await Promise.all(["dev", "prod"].map((name) => startDroplet({ name, ...bare })))).map(
    ({ droplet }) => droplet,
  ) as [DropletRecord, DropletRecord];
  expect(dev.port).not.toBe(prod.port);
  expect(dev.hostKey).not.toBe(prod.hostKey);

  for (const droplet of [dev, prod]) {
    const output = await ssh(droplet, "hostname; cat /proc/1/comm; ls /sys/class/net; id -u");
    expect(output.trim().split("\n")).toEqual([droplet.name, "bash", "eth0", "lo", "0"]);
  }
  await inside("dev", "sh", "-c", "ip netns add vm0 && echo dev > /opt/swarm/here && echo dev > /etc/here");
  expect((await inside("dev", "ip", "netns")).trim()).toBe("vm0");
  expect(await inside("prod", "ip", "netns")).toBe("");
  expect(await inside("prod", "ls", "/opt/swarm")).toBe("images\n");
  expect(existsSync("/etc/here")).toBe(false);
  expect(await machine()).toEqual(before);

  const processes = [dev, prod].flatMap((droplet) => Object.values(processesOf(droplet)));
  const namespaces = processes.flatMap(ownNamespaces);
  const members = membersOf(namespaces);
  expect(members.length).toBeGreaterThan(0);
  expect(await stopDroplet("dev")).toBe(true);
  expect(await stopDroplet("prod", { purge: true })).toBe(true);
  expect(await stopDroplet("prod", { purge: true })).toBe(false);
  expect(members.filter(isAlive)).toEqual([]);
  expect(processes.filter(isAlive)).toEqual([]);
  expect(await machine()).toEqual(before);
  expect(["dev", "prod"].flatMap(cgroupsOf)).toEqual([]);
  expect((await readdir(join(state, "droplets"))).filter((entry) => !entry.startsWith("."))).toEqual(["dev"]);
});

test("ssh refuses another host key", async () => {
  const { droplet } = await startDroplet({ name: "dev", ...bare });
  const other = droplet.hostKey.replace(/.{8}$/, "AAAAAAAA");
  await expect(ssh(droplet, "true", other)).rejects.toThrow(/Host key verification failed/);
});

test("a second start changes nothing, even at the same time", async () => {
  const starts = await Promise.all([1, 2].map(() => startDroplet({ name: "dev", ...bare })));
  expect(starts.map(({ started }) => started).sort()).toEqual([false, true]);
  const again = await startDroplet({ name: "dev" });
  expect(again).toEqual({ started: false, differs: [], droplet: starts[0]?.droplet });
  expect(await startDroplet({ name: "dev", ...bare, reflink: true, firecracker: "/bin/sh" })).toMatchObject({
    started: false,
    differs: ["reflink", "firecracker"],
  });
});

test("a reboot keeps files, keys and port, and loses processes and /tmp", async () => {
  const { droplet } = await startDroplet({ name: "dev", ...bare });
  await inside(
    "dev",
    "sh",
    "-c",
    "echo kept | tee /opt/swarm/a /root/a /etc/a > /tmp/a; ip netns add vm0; (setsid sleep 1000 > /dev/null 2>&1 &)",
  );
  const { init } = processesOf(droplet);
  const rebooted = await rebootDroplet("dev");
  expect({ ...rebooted, processes: null }).toEqual({ ...droplet, processes: null });
  expect(processesOf(rebooted).init).not.toEqual(init);
  expect(await ssh(rebooted, "cat /opt/swarm/a /root/a /etc/a")).toBe("kept\nkept\nkept\n");
  expect(await inside("dev", "ip", "netns")).toBe("");
  expect((await dropletExec("dev", ["test", "-e", "/tmp/a"])).exitCode).toBe(1);
  expect((await observeDroplet("dev")).processes?.filter((line) => line.includes("sleep 1000"))).toEqual([]);
});

test("a droplet ends with its supervisor, is listed as stopped, and starts again", async () => {
  const { droplet } = await startDroplet({ name: "dev", ...bare });
  const { supervisor, init } = processesOf(droplet);
  const namespaces = ownNamespaces(init);
  const members = membersOf(namespaces);
  process.kill(supervisor.pid, "SIGKILL");
  while (members.some(isAlive)) await new Promise((done) => setTimeout(done, 20));
  expect((await listDroplets()).map(({ running }) => running)).toEqual([false]);
  await expect(dropletExec("dev", ["true"])).rejects.toThrow("the droplet dev does not run; start it first.");
  const { droplet: next, started } = await startDroplet({ name: "dev" });
  expect({ started, port: next.port, hostKey: next.hostKey }).toEqual({
    started: true,
    port: droplet.port,
    hostKey: droplet.hostKey,
  });
});

test("the played Internet answers masqueraded traffic only, with the client's address", async () => {
  await startDroplet({ name: "dev", ...bare });
  const fetch = ["busybox", "wget", "-qO-", `http://${uplink.server}/`];
  expect(await inside("dev", ...fetch)).toBe(`${uplink.address}\n`);
  const network = [
    "ip link add h0 type veth peer name c0 netns vm0",
    "ip addr add 10.0.0.1/24 dev h0",
    "ip link set h0 up",
    "ip -n vm0 addr add 10.0.0.2/24 dev c0",
    "ip -n vm0 link set c0 up",
    "ip -n vm0 route add default via 10.0.0.1",
    "echo 1 > /proc/sys/net/ipv4/ip_forward",
  ];
  await inside("dev", "sh", "-ec", ["ip netns add vm0", ...network].join("\n"));
  const clone = ["ip", "netns", "exec", "vm0", "timeout", "2", ...fetch];
  expect(await dropletExec("dev", clone)).toMatchObject({ stdout: "" });
  const rules = "table ip t { chain p { type nat hook postrouting priority srcnat; oifname eth0 masquerade; }; }";
  await inside("dev", "nft", rules);
  expect(await inside("dev", ...clone)).toBe(`${uplink.address}\n`);
});

test("VMM and images appear read-only inside, and /opt/swarm can clone files by reference", async () => {
  const vmm = join(state, "vmm");
  const image = join(state, "image");
  await writeFile(vmm, "#!/bin/sh\necho Firecracker v0\n", { mode: 0o755 });
  await writeFile(image, "content");
  const { droplet } = await startDroplet({
    name: "dev",
    firecracker: vmm,
    kernel: image,
    rootfs: image,
    reflink: true,
  });
  expect(await ssh(droplet, "firecracker --version; cat /opt/swarm/images/*")).toBe("Firecracker v0\ncontentcontent");
  await inside("dev", "sh", "-c", "echo a > /opt/swarm/a && cp --reflink=always /opt/swarm/a /opt/swarm/b");
  for (const file of ["/usr/bin/firecracker", "/opt/swarm/images/vmlinux.bin", "/usr/bin/x", "/var/lib/x"]) {
    expect((await dropletExec("dev", ["sh", "-c", `: 2>/dev/null >> ${file}`])).exitCode).not.toBe(0);
  }
  expect((await dropletExec("dev", ["sysctl", "-w", "vm.swappiness=60"])).exitCode).not.toBe(0);
  const device = (await inside("dev", "findmnt", "-no", "SOURCE", "/opt/swarm")).trim();
  const backing = join("/sys/block", basename(device), "loop/backing_file");
  expect(existsSync(backing)).toBe(true);
  await stopDroplet("dev");
  expect(existsSync(backing)).toBe(false);
});

test("a start that fails gives the reason and leaves nothing", async () => {
  await expect(startDroplet({ name: "dev", ...bare, firecracker: "/nowhere" })).rejects.toThrow(
    "--firecracker: /nowhere is not an executable file.",
  );
  await expect(startDroplet({ name: "Dev;", ...bare })).rejects.toThrow(/lower-case letters/);
  const { droplet } = await startDroplet({ name: "dev", ...bare });
  await expect(startDroplet({ name: "prod", port: droplet.port, ...bare })).rejects.toThrow(
    `port ${droplet.port} of 127.0.0.1 is taken`,
  );
  expect((await listDroplets()).map(({ name, running }) => [name, running])).toEqual([
    ["dev", true],
    ["prod", false],
  ]);
  expect(cgroupsOf("prod")).toEqual([]);
});

test("a listing stays equal while nothing changes, and shows each change", async () => {
  const { droplet } = await startDroplet({ name: "dev", ...bare });
  const before = await observeDroplet("dev");
  await ssh(droplet, "true");
  expect(await observeDroplet("dev")).toEqual(before);
  const changes: Record<string, [string, string]> = {
    links: ["ip link add br0 type bridge", "ip link del br0"],
    addresses: ["ip addr add 10.9.0.1/24 dev eth0", "ip addr del 10.9.0.1/24 dev eth0"],
    routes: ["ip route add 10.8.0.0/24 via 198.51.100.1", "ip route del 10.8.0.0/24"],
    namespaces: ["ip netns add vm0", "ip netns del vm0"],
    nft: ["nft add table ip t", "nft delete table ip t"],
    sysctls: ["sysctl -qw net.ipv4.ip_forward=1", "sysctl -qw net.ipv4.ip_forward=0"],
    processes: ["setsid sleep 1001 >/dev/null 2>&1 & echo $! > /dev/shm/pid", "kill $(cat /dev/shm/pid)"],
    cgroups: [
      "mkdir $(ls -d /sys/fs/cgroup/pids || echo /sys/fs/cgroup)/hornet-x",
      "find /sys/fs/cgroup -name hornet-x -exec rmdir {} +",
    ],
    mounts: ["mkdir /dev/shm/m && mount -t tmpfs m /dev/shm/m", "umount /dev/shm/m"],
    files: ["touch /opt/swarm/x", "rm /opt/swarm/x"],
  };
  for (const [kind, [make, undo]] of Object.entries(changes)) {
    await inside("dev", "sh", "-ec", make);
    expect((await observeDroplet("dev"))[kind]).not.toEqual(before[kind]);
    await inside("dev", "sh", "-ec", undo);
  }
  expect(await observeDroplet("dev")).toEqual(before);
});

test("the droplet forwards connections, as ProxyJump needs", async () => {
  const { droplet } = await startDroplet({ name: "dev", ...bare });
  const request = "GET / HTTP/1.0\r\n\r\n";
  const argv = ["ssh", "-W", `${uplink.server}:80`, ...(await sshArguments(droplet))] as const;
  expect((await capture(argv, request)).stdout).toContain(uplink.address);
});
