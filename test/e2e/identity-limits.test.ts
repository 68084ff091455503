/** How much a clone can be told, and what comes of what it cannot take. */
import { randomBytes } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { oversize } from "../../firecracker/metadataSize";
import { guestImage, keyPair } from "../support/guestImage";
import { limitMs } from "../support/settings";
import { World } from "../support/world";

jest.setTimeout(limitMs(1200));

let world: World;
afterEach(() => world.end());

/** As many bytes of environment as just fit beside `keys`. */
function fullEnv(keys: readonly string[]): string {
  const fits = (count: number): boolean =>
    oversize(
      {
        hostname: "vm0",
        authorizedKeys: keys,
        user: "root",
        env: { AGENT_ID: "vm0", LARGE: "x".repeat(count) },
      },
      "service",
    ) === undefined;
  let [low, high] = [0, 60_000];
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if (fits(middle)) low = middle;
    else high = middle - 1;
  }
  return "x".repeat(low);
}

test("an identity that just fits arrives, and a larger one is refused before any change", async () => {
  world = await World.begin();
  const blob = (): string =>
    Buffer.concat([
      Buffer.from([0, 0, 0, 11]),
      Buffer.from("ssh-ed25519"),
      Buffer.from([0, 0, 0, 32]),
      randomBytes(32),
    ]).toString("base64");
  const keys = Array.from({ length: 200 }, (_, at) => `ssh-ed25519 ${blob()} it's "user" ${at}`);
  const identity = { authorizedKeys: keys, env: { LARGE: `${fullEnv(keys)}xx` } };
  const set = (of: unknown): Promise<string> =>
    world.npm("pulumi", "config", "set", "--plaintext", "hornet:identity", JSON.stringify(of));
  await world.configure({ "hornet:fleet.count": 1, "hornet:guest.identity": "service" });
  await set(identity);
  const before = await world.onDroplet("find /opt/swarm/runtime /opt/swarm/snapshots 2>/dev/null | sort; ip link");
  const refused = await world.tryNpm("up");
  expect(refused.code).not.toBe(0);
  const said = refused.stdout + refused.stderr;
  expect(said).toMatch(/hornet:identity\.env: is too large: vm0 would be told 512\d\d bytes/);
  expect(said).toContain("nothing was touched");
  expect(said).not.toContain("xxxxxxxx");
  expect(await world.onDroplet("find /opt/swarm/runtime /opt/swarm/snapshots 2>/dev/null | sort; ip link")).toBe(
    before,
  );

  // The operator's own key is told beside these.
  const room = identity.env.LARGE.slice(0, -200);
  await set({ ...identity, env: { LARGE: room } });
  await world.npm("up");
  expect(await world.in("vm0", ". /etc/swarm-env; printf %s ${#LARGE}")).toBe(String(room.length));
  expect(await world.in("vm0", "grep -c '\"user\"' /root/.ssh/authorized_keys")).toBe("200");
});

const hooks = "etc/hornet/on-identity.d";
const swarm = "root:*:0:0:root:/root:/bin/sh\nswarm:*:1000:1000::/home/swarm:/bin/sh\n";

test("up fails for a clone that cannot apply all of its identity and names the part, and the next up tries again", async () => {
  const folder = mkdtempSync(join(tmpdir(), "hornet-limits-"));
  try {
    const rootfs = guestImage(folder, "hooks", {
      "etc/passwd": swarm,
      [`${hooks}/10-strict`]: { text: '#!/bin/sh\n[ "$MODE" = good ] || exit 7\n', mode: 0o755 },
    });
    world = await World.begin("--rootfs", rootfs);
    const mine = keyPair(folder, "mine");
    await world.configure({ "hornet:fleet.count": 1, "hornet:identity.env.MODE": "bad" });
    const refused = await world.tryNpm("up");
    expect(refused.code).not.toBe(0);
    expect(refused.stdout + refused.stderr).toMatch(
      /vm0 on .*: it could not take all of its identity: hook 10-strict, exit code 7\s[^]*the end of its console/,
    );
    expect(await world.onDroplet("pgrep -c firecracker || :")).toBe("0");

    await world.configure({ "hornet:identity.env.MODE": "good" });
    await world.npm("up");
    const pid = await world.onDroplet("head -n 1 -q /opt/swarm/runtime/vm0/vmm.pid");

    // In place: the clone lives on, and the next up tries again.
    await world.configure({ "hornet:identity.env.MODE": "worse", "hornet:guest.user": "nosuch" });
    for (const attempt of ["first", "again"]) {
      const second = await world.tryNpm("up");
      expect([attempt, second.code === 0]).toEqual([attempt, false]);
      expect(second.stdout + second.stderr).toContain("authorized-keys there is no user nosuch in this guest");
      expect(second.stdout + second.stderr).toContain("hook 10-strict, exit code 7");
    }
    expect(await world.onDroplet("head -n 1 -q /opt/swarm/runtime/vm0/vmm.pid")).toBe(pid);

    await world.configure({
      "hornet:identity.env.MODE": "good",
      "hornet:guest.user": "swarm",
      "hornet:identity.authorizedKeys[0]": mine.line,
    });
    await world.npm("up");
    expect(await world.in("vm0", "id -un; stat -c '%a %U' ~/.ssh ~/.ssh/authorized_keys")).toBe(
      "swarm\n700 swarm\n600 swarm",
    );
    expect(await world.in("vm0", `grep -c '${mine.line.split(" ")[1]}' ~/.ssh/authorized_keys`)).toBe("1");
    await world.npm("pulumi", "config", "rm", "--path", "hornet:identity.authorizedKeys[0]");
    await world.npm("up");
    expect(await world.in("vm0", `grep -c '${mine.line.split(" ")[1]}' ~/.ssh/authorized_keys || :`)).toBe("0");
    expect(await world.onDroplet("head -n 1 -q /opt/swarm/runtime/vm0/vmm.pid")).toBe(pid);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

test("a paused clone applies a new identity and continues", async () => {
  world = await World.begin();
  await world.configure({ "hornet:fleet.count": 1, "hornet:identity.env.MODE": "one" });
  await world.npm("up");
  const running = "head -n 1 -q /opt/swarm/runtime/vm0/vmm.pid";
  const pid = await world.onDroplet(running);
  const api = "curl -sSf --unix-socket /opt/swarm/runtime/vm0/firecracker.sock -X PATCH http://localhost/vm -d";
  await world.onDroplet(`${api} '{"state": "Paused"}'`);
  await world.configure({ "hornet:identity.env.MODE": "two" });
  await world.npm("up");
  expect(await world.in("vm0", "cat /etc/swarm-env")).toContain('MODE="two"');
  expect(await world.onDroplet(running)).toBe(pid);
});
