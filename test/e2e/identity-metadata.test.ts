/** Who in a clone reads its identity: a process without rights, which ran in the template already, asks all the time. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { guestImage } from "../support/guestImage";
import { asker, isRefused } from "../support/metadataAsker";
import { limitMs, looks } from "../support/settings";
import { World } from "../support/world";

jest.setTimeout(limitMs(900));

const CANARY = "canary-3b90aa";
let folder: string;
let world: World;
beforeEach(() => (folder = mkdtempSync(join(tmpdir(), "hornet-metadata-"))));
afterEach(async () => {
  await world.end();
  rmSync(folder, { recursive: true, force: true });
});

test("only root reads the identity: at a start without a waiter, with a new identity, and after a restart", async () => {
  const files = { ...asker, "usr/bin/ask-metadata": { text: asker["usr/bin/ask-metadata"] ?? "", mode: 0o755 } };
  world = await World.begin("--rootfs", guestImage(folder, "asking", files));
  await world.configure({
    "hornet:fleet.count": 1,
    "hornet:fleet.readyTimeout": 0,
    "hornet:identity.env.API_KEY": CANARY,
    "hornet:agent.command": "cat /proc/self/environ >/var/tmp/agent; exec sleep 100000",
    "hornet:agent.user": "nobody",
  });
  /** The droplet clears the metadata by itself, and then the agent runs; that it reads nothing is said by the asker. */
  const holds = async (key: string, how: "wakes up" | "boots" = "wakes up"): Promise<void> => {
    const ready = `cd /opt/swarm/runtime/vm0; generation=$(sed -n 's/^generation=//p' record)
      for try in $(seq ${looks(900)}); do grep -aq "ready $generation" console.log && [ ! -e handover ] && exit; sleep 0.1; done; exit 1`;
    await world.onDroplet(ready);
    // The asker writes down every sixteenth refusal only.
    const isRefusedNow = "awk '/^told/ { last = 0 } /^refused/ { last = 1 } END { exit !last }' /var/tmp/asked";
    const ran = `for try in $(seq ${looks(300)}); do grep -q ${key} /var/tmp/agent && ${isRefusedNow} && break; sleep 0.2; done; cat /var/tmp/asked`;
    const asked = await world.in("vm0", ran);
    // A guest that boots closes the metadata service only when its own service starts; so long there is nothing to read.
    if (how === "wakes up") expect({ asked, refused: isRefused(asked) }).toEqual({ asked, refused: true });
    else expect(asked).toMatch(/refused [^]*told [^]*refused /);
    expect(asked).not.toMatch(/PRIVATE|generation=|canary/);
    expect(
      await world.onDroplet("curl -s --unix-socket /opt/swarm/runtime/vm0/firecracker.sock http://localhost/mmds"),
    ).toMatch(/"hornet":\{\}/);
    expect(await world.in("vm0", "cat /etc/swarm-env")).toContain(`API_KEY="${key}"`);
    expect(await world.in("vm0", "tr '\\0' '\\n' </var/tmp/agent | grep API_KEY")).toBe(`API_KEY=${key}`);
  };
  await world.npm("up");
  await holds(CANARY);
  await world.configure({ "hornet:identity.env.API_KEY": `${CANARY}-2` });
  await world.npm("up");
  await holds(`${CANARY}-2`);
  // From its own disk: there the asker runs before the service has closed anything.
  await world.in("vm0", "sync");
  await world.onDroplet("kill -9 $(cut -d' ' -f1 /opt/swarm/runtime/vm0/vmm.pid)");
  await world.configure({ "hornet:identity.env.API_KEY": `${CANARY}-3` });
  await world.npm("up");
  await holds(`${CANARY}-3`, "boots");
  // Somebody killed what would have cleared it.
  await world.onDroplet("echo '1 2 3' >/opt/swarm/runtime/vm0/handover");
  expect(await world.npm("up", "--diff")).toContain("the metadata of vm0 was not cleared");
  await holds(`${CANARY}-3`, "boots");
});
