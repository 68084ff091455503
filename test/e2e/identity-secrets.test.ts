/** Secrets reach the API's socket, or ssh's stdin, and the guest; nothing else. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { dropletPaths } from "../../sandbox/droplet/paths";
import { canary, filesWith, formsOf, watchProcesses } from "../support/canary";
import { foreignGuest, guestImage, keyPair } from "../support/guestImage";
import { succeed } from "../support/run";
import { limitMs } from "../support/settings";
import { World, droplet } from "../support/world";

jest.setTimeout(limitMs(1200));

let folder: string;
let world: World;
beforeEach(() => (folder = mkdtempSync(join(tmpdir(), "hornet-secrets-"))));
afterEach(async () => {
  await world.end();
  rmSync(folder, { recursive: true, force: true });
});

/** `pulumi config set --secret`, the value typed in, not in its arguments. */
async function setSecret(key: string, value: string): Promise<void> {
  const file = join(folder, "typed");
  writeFileSync(file, value, { mode: 0o600 });
  const script = 'exec npm run --silent pulumi -- config set --secret --path "$1" <"$2"';
  await succeed(["bash", "-c", script, "set", key, file], {
    cwd: resolve(__dirname, "../.."),
    env: { ...process.env, HORNET_STATE: world.folder },
    limit: limitMs(120),
  });
  rmSync(file);
}

/** What asks the metadata service, in a guest: all that it would tell a user. */
const askMetadata = (path: string, user = "nobody"): string => `su -s /bin/sh ${user} -c '
  ask() { printf "%s\\r\\n" "$@" "" | timeout ${Math.ceil(limitMs(3) / 1000)} nc 169.254.169.254 80; }
  token=$(ask "PUT /latest/api/token HTTP/1.0" "X-metadata-token-ttl-seconds: 60" | tail -n 1)
  ask "GET ${path} HTTP/1.0" "X-metadata-token: $token"'`;

const AGENT = "#!/bin/sh\nexec sleep 100000\n";

test.each(["service", "ssh"])("by the method %s", async (way) => {
  const login = keyPair(folder, "login");
  const rootfs = way === "ssh" ? ["--rootfs", guestImage(folder, "foreign", foreignGuest(login.line, AGENT))] : [];
  world = await World.begin(...rootfs);
  const since = new Date();
  const [fleet, own] = [canary(), canary()];
  await world.configure({
    "hornet:fleet.count": 2,
    "hornet:agent.env.PLAIN": "not secret",
    ...(way === "ssh"
      ? { "hornet:guest.privateKeyPath": login.file, "hornet:agent.service": "swarm-agent" }
      : { "hornet:agent.command": "exec sleep 100000" }),
  });
  await setSecret("hornet:identity.env.API_KEY", fleet);
  await setSecret("hornet:clones.1.identity.env.API_KEY", own);
  const loginKey = readFileSync(login.file, "utf8").split("\n").slice(2, 4).join("\n");
  const patterns = [...formsOf(fleet), ...formsOf(own), ...formsOf(loginKey.split("\n")[0] ?? "")];

  const control = canary();
  let said = "";
  const { passes, found } = await watchProcesses([...patterns, control], async () => {
    execFileSync("sh", ["-c", "sleep 0.5", control]);
    const first = await world.tryNpm("up", "-v=9", "--logtostderr", "--logflow");
    const second = await world.tryNpm("up", "--diff");
    said = [first, second].map(({ stdout, stderr }) => stdout + stderr).join("");
    for (const { code, stdout } of [first, second]) expect({ code, stdout }).toMatchObject({ code: 0 });
  });
  // At this verbosity there is much.
  expect(said.length).toBeGreaterThan(100_000);
  expect(patterns.filter((pattern) => said.includes(pattern))).toEqual([]);
  expect(found).toEqual([expect.stringContaining("sleep 0.5") as string]);
  expect(passes).toBeGreaterThan(50);

  // It did arrive.
  expect(await world.in("vm0", "cat /etc/swarm-env")).toContain(`API_KEY="${fleet}"`);
  expect(await world.in("vm1", "cat /etc/swarm-env")).toContain(`API_KEY="${own}"`);

  // The clones' private host keys are secrets too.
  const hostKeys: string[] = [];
  for (const clone of ["vm0", "vm1"]) {
    const raw = await world.in(clone, "sync; base64 </etc/dropbear/dropbear_ed25519_host_key | tr -d '\\n'");
    // Of dropbear's key the last 64 bytes are the private and the public half.
    const bytes = Buffer.from(raw, "base64");
    hostKeys.push(...formsOf(bytes.subarray(-64, -32).toString("latin1")).slice(1));
  }
  const all = [...patterns, ...hostKeys];
  // Every file of the operator and the droplet, but the disks of the clones, which hold what they were told, and where
  // this test has put its own.
  const except = [folder, "/proc", "/sys", join(dropletPaths(droplet).swarm, "runtime/*/rootfs.ext4")];
  expect(await filesWith(all, since, except)).toEqual([]);
  const disks = await filesWith(all, since, [folder, "/proc", "/sys"]);
  // A jail has a hard link to the clone's disk.
  expect(disks.filter((file) => !file.includes("/jail/"))).toHaveLength(2);
  const inside =
    "find /run /tmp /dev/shm /etc /root /var /opt -xdev -type f -newermt @$1 -not -name rootfs.ext4 -print0";
  const memory = await world.onDroplet(
    `set -- ${Math.floor(since.getTime() / 1000)}; ${inside} | xargs -0r grep -lazF -f <(printf '%s\\n' ${all.join(" ")}) || :`,
  );
  expect(memory).toBe("");
  // Nor what a crash of the VMM would write.
  expect(
    await world.onDroplet("grep 'core file' /proc/$(cut -d' ' -f1 /opt/swarm/runtime/vm0/vmm.pid)/limits"),
  ).toMatch(/core file size +0 +/);

  // In the guest, a process without rights, which the identity service keeps from asking at all.
  const hostname = "/latest/meta-data/hostname";
  // A guest that is told over ssh has nothing in its metadata.
  const answer = way === "ssh" ? /Resource not found/ : /vm0$/;
  // Where the guest's kernel cannot tell users apart, the service keeps root's programs from it too.
  const rules = await world.in("vm0", "ip rule 2>/dev/null | grep -c 169.254.169.254 || :");
  const asRoot = (await world.tryIn("vm0", askMetadata(hostname, "root"))).stdout.trimEnd();
  if (way === "ssh" || rules !== "0") expect(asRoot).toMatch(answer);
  else expect(asRoot).toBe("");
  if (way === "service") expect((await world.tryIn("vm0", askMetadata(hostname))).stdout).toBe("");
  for (const path of ["/", "/hornet", "/hornet/identity", "/latest", "/latest/user-data"]) {
    const told = (await world.tryIn("vm0", askMetadata(path))).stdout;
    expect(all.filter((pattern) => told.includes(pattern))).toEqual([]);
  }
  expect((await world.tryIn("vm0", "su -s /bin/sh nobody -c 'cat /etc/swarm-env'")).code).not.toBe(0);
  expect(await world.in("vm0", "cat /proc/[0-9]*/cmdline | tr '\\0' ' '")).not.toContain(fleet);
});
