/** What Pulumi's own options do to a fleet: saved plans, targets, protection, options of resources. With the VMM stub. */
import { copyFileSync, rmSync, writeFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { observeDroplet, type Observation } from "../../sandbox/droplet";
import { dropletPaths } from "../../sandbox/droplet/paths";
import { changes } from "../support/scratchDroplet";
import { scratchVmm } from "../support/scratchVmm";
import { succeed } from "../support/run";
import { limitMs } from "../support/settings";
import { World, droplet } from "../support/world";

jest.setTimeout(limitMs(600));

let world: World;
let before: Observation;
const vmm = scratchVmm();

const fleet = {
  "hornet:fleet.count": 2,
  "hornet:fleet.readyTimeout": 0,
  "hornet:guest.identity": "service",
  "hornet:snapshot.boot.memory": 16,
};

/** Every option that stands in the inputs of a clone. */
const options = {
  "hornet:agent.command": "exec ./agent",
  "hornet:clones.1.egress.allow[0]": "10.0.0.1/32",
  "hornet:clones.1.identity.env.ROLE": "reviewer",
  "hornet:clones.1.publish[0].port": 90,
  "hornet:fleet.smokeTests[0].command": "hostname",
  "hornet:identity.env.API_URL": "http://10.0.0.1:8080",
  "hornet:vmm.metrics": "/opt/metrics",
};

beforeAll(async () => {
  const [kernel, rootfs] = [join(vmm.folder, "kernel"), join(vmm.folder, "rootfs")];
  writeFileSync(kernel, "\x7fELF\x02\x01\x01".padEnd(4096, "k"));
  writeFileSync(rootfs, "disk".padEnd(1 << 16, "d"));
  world = await World.begin("--firecracker", vmm.path, "--kernel", kernel, "--rootfs", rootfs);
  copyFileSync(join(vmm.folder, "stub"), join(dropletPaths(droplet).opt, "stub"));
  before = await observeDroplet(droplet);
  await world.configure({ ...fleet, ...options });
  await world.npm("up");
});
afterAll(async () => {
  await world.end();
  rmSync(vmm.folder, { recursive: true, force: true });
});

const pids = (): Promise<string> => world.onDroplet("cat /opt/swarm/runtime/vm*/vmm.pid");

/** The URN of a resource of the fleet, by its kind and name. */
async function urn(kind: string, name: string): Promise<string> {
  const { deployment } = JSON.parse(await world.npm("pulumi", "stack", "export")) as {
    deployment: { resources: { urn: string }[] };
  };
  const found = deployment.resources.find((one) => one.urn.endsWith(`hornet:${kind}::${name}`));
  if (found === undefined) throw new Error(`the state has no ${kind} ${name}`);
  return found.urn;
}

interface Deployed {
  readonly type: string;
  readonly urn: string;
  readonly inputs?: Record<string, unknown>;
  readonly outputs?: Record<string, unknown>;
  readonly dependencies?: readonly string[];
  readonly propertyDependencies?: Readonly<Record<string, readonly string[]>>;
}

test("a clone is a namespace with its rules and VM, and the state has every dependency and no JSON text", async () => {
  expect(await urn("NatRuleSet", "vm0")).toContain("hornet:CloneNamespace$");
  expect(await urn("FirecrackerVM", "vm1")).toContain("hornet:CloneNamespace$");
  const { deployment } = JSON.parse(await world.npm("pulumi", "stack", "export")) as {
    deployment: { resources: Deployed[] };
  };
  const own = deployment.resources.filter(({ type }) => type.includes("dynamic/hornet:"));
  expect(own.length).toBeGreaterThan(8);
  for (const { inputs, outputs } of own) expect(JSON.stringify({ inputs, outputs })).not.toMatch(/":"(?:\[|\{)/);
  const [namespace, rules, snapshot] = [
    await urn("CloneNamespace", "vm1"),
    await urn("NatRuleSet", "vm1"),
    await urn("SnapshotArtifact", "snapshot"),
  ];
  const vm = own.find((one) => one.urn.endsWith("hornet:FirecrackerVM::vm1"));
  expect(vm?.dependencies).toEqual(expect.arrayContaining([namespace, rules, snapshot]));
  expect(vm?.propertyDependencies?.artifact).toEqual([snapshot]);
  expect([...(vm?.propertyDependencies?.networkChangedAt ?? [])].sort()).toEqual([namespace, rules].sort());
  expect(Object.keys(vm?.inputs ?? {})).toEqual(expect.arrayContaining(["agent", "env", "metrics", "smokeTests"]));
});

test("a preview names the changed property, and saved plans work for drift, scale and a roll", async () => {
  const plan = join(world.folder, "plan.json");
  const upWithPlan = async (): Promise<string> => {
    const shown = await world.npm("pulumi", "preview", "--diff", "--save-plan", plan);
    await world.npm("pulumi", "up", "--yes", "--skip-preview", "--plan", plan);
    return shown;
  };
  const key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f";
  await world.configure({
    ...fleet,
    "hornet:clones.0.publish[0].port": 8080,
    "hornet:identity.authorizedKeys[0]": key,
    "hornet:vmm.consoleLimit": 8,
  });
  const changed = await upWithPlan();
  expect(changed).toMatch(/~ pulumi-nodejs:dynamic\/hornet:NatRuleSet[\s\S]*publish[\s\S]*8080/);
  expect(changed).toMatch(/~ pulumi-nodejs:dynamic\/hornet:FirecrackerVM[\s\S]*\+ \[\d\]: "ssh-ed25519 AAAAC3/);
  expect(changed).toMatch(/~ pulumi-nodejs:dynamic\/hornet:ConsoleKeeper[\s\S]*limit: +4 => 8|\+ limit: +8/);

  await world.onDroplet("ip netns exec vm1 nft delete table ip hornet; ip -n vm0 link set tap0 down");
  const drift = await upWithPlan();
  expect(drift).toMatch(/~ condition: "tap0 down" => "as declared"/);
  const running = await pids();
  expect(await world.onDroplet("ip netns exec vm1 nft list tables")).toContain("table ip hornet");

  await world.configure({ ...fleet, "hornet:fleet.count": 3 });
  await upWithPlan();
  expect((await pids()).startsWith(running)).toBe(true);

  await world.configure({ ...fleet, "hornet:fleet.count": 3, "hornet:snapshot.boot.memory": 17 });
  await upWithPlan();
  expect(await world.npm("up")).toContain("Nothing to change");
});

test("up of a target changes only that, a destroyed namespace takes its dependents, and up restores them", async () => {
  const rules = await urn("NatRuleSet", "vm0");
  await world.onDroplet("for n in 0 1; do ip netns exec vm$n nft delete table ip hornet; done");
  await world.npm("pulumi", "up", "--yes", "--skip-preview", "--target", rules);
  const tables = "for n in 0 1; do ip netns exec vm$n nft list tables | grep -c 'ip hornet$' || :; done";
  expect(await world.onDroplet(tables)).toBe("1\n0");

  const namespace = await urn("CloneNamespace", "vm1");
  await world.npm("pulumi", "destroy", "--yes", "--skip-preview", "--target", namespace, "--target-dependents");
  expect(await world.onDroplet("ls /run/netns")).not.toContain("vm1");
  await world.npm("up");
  expect(await world.onDroplet("ls /run/netns")).toContain("vm1");
});

/** The hosts in the written ssh_config, and the address of one as ssh itself reads it. */
async function hosts(): Promise<string[]> {
  const config = await readFile(join(world.folder, "local", "ssh_config"), "utf8").catch(() => "");
  return config.split("\n").flatMap((line) => /^Host (\S+)$/.exec(line)?.[1] ?? []);
}

test("ssh_config lists a clone that an up of targets made, until a destroy of targets removes it", async () => {
  const all = ["droplet", "vm0", "vm1", "vm2"];
  expect(await hosts()).toEqual(all);
  await world.configure({ ...fleet, "hornet:fleet.count": 4 });
  await world.npm("pulumi", "up", "--yes", "--skip-preview", "--target", "**vm3");
  expect(await hosts()).toEqual([...all, "vm3"]);
  const file = join(world.folder, "local", "ssh_config");
  const resolved = await succeed(["ssh", "-G", "-F", file, "vm3"], { limit: limitMs(60) });
  expect(resolved.split("\n")).toEqual(
    expect.arrayContaining(["hostname 10.0.0.5", "hostkeyalias vm3.local.hornet", "stricthostkeychecking true"]),
  );
  expect(await readFile(join(world.folder, "local", "known_hosts"), "utf8")).toContain("vm3.local.hornet ssh-ed25519 ");
  // It is no drift that the file knows more than the last whole up.
  expect(await world.npm("pulumi", "refresh", "--yes", "--skip-preview")).not.toContain("differs");
  await world.npm("pulumi", "destroy", "--yes", "--skip-preview", "--target", "**vm3");
  expect(await hosts()).toEqual(all);
});

test("a protected clone is neither destroyed nor replaced", async () => {
  const vm = await urn("FirecrackerVM", "vm0");
  await world.npm("pulumi", "state", "protect", vm, "--yes");
  const refused = await world.tryNpm("pulumi", "destroy", "--yes", "--skip-preview");
  expect(refused.code).not.toBe(0);
  expect(`${refused.stdout}${refused.stderr}`).toMatch(/protect/);
  expect(await world.onDroplet("ls /opt/swarm/runtime/vm0")).toContain("vmm.pid");
  await world.npm("pulumi", "state", "unprotect", vm, "--yes");
  await world.npm("down");
  expect(await hosts()).toEqual([]);
  expect(changes(before, await observeDroplet(droplet))).toEqual([]);
});

test("the clones that a failed first up made are in the ssh_config, doctor knows its stack, and down removes all", async () => {
  await world.configure({ ...fleet, "hornet:fleet.count": 2 });
  await world.onDroplet("ip netns add vm1");
  const failed = await world.tryNpm("pulumi", "up", "--yes", "--skip-preview", "--continue-on-error");
  expect(failed.code).not.toBe(0);
  expect(await hosts()).toEqual(["droplet", "vm0"]);
  expect((await world.tryNpm("doctor")).stdout).toMatch(/stack local on .*\(hornet:hornet\/local:[0-9a-f]{12}\)/);
  await world.onDroplet("ip netns del vm1");
  await world.npm("down");
  expect(await hosts()).toEqual([]);
  expect(changes(before, await observeDroplet(droplet))).toEqual([]);
});
