/** How much a clone can be told, and what comes of what it cannot take. */
import { randomBytes } from "node:crypto";
import { oversize } from "../../firecracker/metadataSize";
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

test("an identity that just fits arrives; one that does not is refused before anything is touched", async () => {
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
