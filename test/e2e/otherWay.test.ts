/** Droplets that are reached another way than before, and those that are not reached any more. */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer, connect, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { z } from "zod";
import { keyPair } from "../support/guestImage";
import { limitMs } from "../support/settings";
import { World } from "../support/world";

jest.setTimeout(limitMs(600));

const record = z.object({ port: z.number(), hostKey: z.string(), privateKeyPath: z.string() });

let folder: string;
let world: World;
let detour: Server | undefined;
const through = new Set<Socket>();

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "hornet-way-"));
});
afterEach(async () => {
  delete process.env.HORNET_GONE;
  await closeDetour();
  await world.end();
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Another port of this machine that leads to the droplet's. */
function openDetour(port: number): Promise<number> {
  const server = createServer((from) => {
    const to = connect(port, "127.0.0.1");
    for (const [one, other] of [
      [from, to],
      [to, from],
    ] as const) {
      through.add(one.on("error", () => other.destroy()));
      one.pipe(other);
    }
  });
  detour = server;
  return new Promise((done) =>
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      done(typeof address === "object" && address !== null ? address.port : 0);
    }),
  );
}

function closeDetour(): Promise<void> {
  const server = detour;
  detour = undefined;
  for (const socket of through) socket.destroy();
  return new Promise((done) => (server === undefined ? done() : server.close(() => done())));
}

test("another login key changes nothing, a machine at a new address is adopted, and a machine that is gone is forgotten", async () => {
  world = await World.begin();
  const { port, hostKey, privateKeyPath } = record.parse(
    JSON.parse(readFileSync(join(world.folder, "droplets", "local", "droplet.json"), "utf8")),
  );
  const vmm = "cut -d' ' -f1 /opt/swarm/runtime/vm0/vmm.pid";
  const key = keyPair(folder, "first");
  await world.onDroplet(`echo '${key.line}' >>/root/.ssh/authorized_keys`);
  await world.configure({
    "hornet:droplet.host": "127.0.0.1",
    "hornet:droplet.port": port,
    "hornet:droplet.hostKey": hostKey,
    "hornet:droplet.privateKeyPath": key.file,
    "hornet:fleet.count": 2,
  });
  await world.npm("pulumi", "config", "rm", "--path", "hornet:droplet.simulated");
  await world.npm("up");
  const running = await world.onDroplet(vmm);

  await world.onDroplet(`sed -i '\\#${key.line}#d' /root/.ssh/authorized_keys`);
  // What is to be taken away with it is in no program that says how its droplet is reached now.
  await world.configure({ "hornet:droplet.privateKeyPath": privateKeyPath, "hornet:fleet.count": 1 });
  expect(await world.npm("up")).toContain("Permission denied");
  expect(await world.onDroplet("ls /run/netns")).toBe("vm0");
  expect(await world.onDroplet(vmm)).toBe(running);
  expect(await world.npm("up")).toContain("Nothing to change");

  const other = await openDetour(port);
  await world.configure({ "hornet:droplet.port": other });
  await world.npm("up");
  const there = await world.onDroplet(vmm);
  await closeDetour();
  await world.configure({ "hornet:droplet.port": port });
  const refused = await world.tryNpm("up");
  expect(refused.code).not.toBe(0);
  expect(refused.stdout + refused.stderr).toContain(`HORNET_GONE=127.0.0.1:${other}`);
  process.env.HORNET_GONE = `127.0.0.1:${other}`;
  await world.npm("up");
  expect(await world.onDroplet(vmm)).toBe(there);
  expect(await world.in("vm0", "hostname")).toBe("vm0");

  process.env.HORNET_GONE = `127.0.0.1:${port}`;
  await world.npm("down");
  expect(await world.onDroplet(vmm)).toBe(there);
});
