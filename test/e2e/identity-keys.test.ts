/** Keys: who may log in to a clone, and how a clone proves that it is the one. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { z } from "zod";
import { keyPair } from "../support/guestImage";
import { run } from "../support/run";
import { limitMs } from "../support/settings";
import { World } from "../support/world";

jest.setTimeout(limitMs(1200));

let world: World;
let folder: string;
beforeEach(() => (folder = mkdtempSync(join(tmpdir(), "hornet-keys-"))));
afterEach(async () => {
  await world.end();
  rmSync(folder, { recursive: true, force: true });
});

const outputs = z.object({ clones: z.array(z.object({ sshHostKey: z.string(), identityMethod: z.string() })) });

async function clone(): Promise<{ sshHostKey: string; identityMethod: string }> {
  const [only] = outputs.parse(await world.outputs()).clones;
  if (only === undefined) throw new Error("there is no clone");
  return only;
}

/** Whether a key alone, none of the operator's, logs in to vm0. */
async function logsIn(key: string): Promise<boolean> {
  const config = join(world.folder, "local", "ssh_config");
  const droplet = join(world.folder, "droplets", "local", "id_ed25519");
  // The operator's key is for the droplet on the way only.
  const proxy = `ssh -F ${config} -i ${droplet} -W %h:%p droplet`;
  const alone = ["-o", "IdentitiesOnly=yes", "-o", "IdentityFile=none", "-i", key, "-o", `ProxyCommand=${proxy}`];
  const known = ["-o", `UserKnownHostsFile=${join(world.folder, "local", "known_hosts")}`, "-o", "BatchMode=yes"];
  const { code, stderr } = await run(
    ["ssh", "-F", "none", ...alone, ...known, "-o", "HostKeyAlias=vm0.local.hornet", "root@10.0.0.2", "true"],
    { limit: limitMs(60) },
  );
  if (code !== 0 && !stderr.includes("Permission denied")) throw new Error(stderr);
  return code === 0;
}

test("a guest loses a key that leaves the config; a clone keeps its host key until it is replaced, whatever its snapshot", async () => {
  const [fleet, own, later] = [keyPair(folder, "fleet"), keyPair(folder, "own"), keyPair(folder, "later")];
  world = await World.begin();
  await world.configure({
    "hornet:fleet.count": 1,
    "hornet:identity.authorizedKeys[0]": fleet.line,
    "hornet:clones.0.identity.authorizedKeys[0]": own.line,
  });
  await world.npm("up");
  const first = await clone();
  expect(first.identityMethod).toBe("service");
  expect([await logsIn(fleet.file), await logsIn(own.file), await logsIn(later.file)]).toEqual([true, true, false]);

  await world.configure({ "hornet:identity.authorizedKeys[0]": later.line });
  await world.npm("pulumi", "config", "rm", "--path", "hornet:clones.0");
  await world.npm("up");
  expect([await logsIn(fleet.file), await logsIn(own.file), await logsIn(later.file)]).toEqual([false, false, true]);
  expect((await clone()).sshHostKey).toBe(first.sshHostKey);

  await world.npm("droplet", "reboot", "local");
  await world.npm("up");
  expect((await clone()).sshHostKey).toBe(first.sshHostKey);
  expect(await logsIn(later.file)).toBe(true);

  const vm =
    "hornet:index:CloneFleet$pulumi-nodejs:dynamic/hornet:CloneNamespace$pulumi-nodejs:dynamic/hornet:FirecrackerVM";
  await world.npm("up", "--replace", `urn:pulumi:local::hornet::${vm}::vm0`);
  expect((await clone()).sshHostKey).not.toBe(first.sshHostKey);
  expect(await world.in("vm0", "hostname")).toBe("vm0");

  // A snapshot in a folder without a manifest: Hornet wakes it once to see which identity method its guest has.
  await world.onDroplet(
    "mkdir /opt/swarm/bare; cp /opt/swarm/snapshots/hornet-guest/{vm.snapshot,vm.mem,rootfs.ext4} /opt/swarm/bare",
  );
  const before = await world.onDroplet("sha256sum /opt/swarm/bare/*");
  await world.npm("pulumi", "config", "set", "--plaintext", "hornet:snapshot", '{"path": "/opt/swarm/bare"}');
  await world.npm("up");
  expect(await clone()).toMatchObject({ identityMethod: "service" });
  expect(await world.in("vm0", "hostname")).toBe("vm0");
  expect(await world.onDroplet("sha256sum /opt/swarm/bare/*")).toBe(before);
});
