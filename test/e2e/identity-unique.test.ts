/** Ten clones of one snapshot are ten machines: nothing that tells one from another is the same in two of them. */
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { createInterface } from "node:readline";
import { guestImage } from "../support/guestImage";
import { limitMs } from "../support/settings";
import { World } from "../support/world";

jest.setTimeout(limitMs(1200));

let world: World;
let folder: string;
beforeEach(() => (folder = mkdtempSync(join(tmpdir(), "hornet-unique-"))));
afterEach(async () => {
  await world.end();
  rmSync(folder, { recursive: true, force: true });
});

const COUNT = 10;
const clones = Array.from({ length: COUNT }, (_, at) => `vm${at}`);

/** The first thing that runs in a clone once it is told who it is: what the random generator gives then. */
const draw = `#!/bin/sh
head -c 32 /dev/urandom | od -An -tx1 | tr -d ' \\n' >/run/first-bytes
cat /proc/sys/kernel/random/uuid >/run/first-uuid
`;

/** What a clone shows of itself, as lines KEY=VALUE. */
const show = `
echo "hostname=$(hostname)"
echo "machine-id=$(cat /etc/machine-id)"
echo "host key=$(tail -c 32 /etc/dropbear/dropbear_ed25519_host_key | od -An -tx1 | tr -d ' \\n')"
echo "first bytes=$(cat /run/first-bytes)"
echo "first uuid=$(cat /run/first-uuid)"
echo "uuid=$(cat /proc/sys/kernel/random/uuid)"
echo "agent id=$(. /etc/swarm-env; echo $AGENT_ID)"
echo "temporary name=$(mktemp -u)"
wget -q --no-check-certificate -O /dev/null https://10.0.0.1:8443/`;

/**
 * How far a clone's clock is off, in ms: what it is certainly off, whatever of the time between question and answer was
 * on which way. The clone reads its clock for every line it is sent.
 */
async function clockError(clone: string): Promise<number> {
  const answer = `while read -r line; do adjtimex | sed -n 's/.*tv_u*sec: *//p' | tr '\\n' ' '; echo; done`;
  const child = spawn("ssh", ["-F", join(world.folder, "local", "ssh_config"), clone, answer]);
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const errors: number[] = [];
  try {
    for (let round = 0; round < 5; round++) {
      const asked = Date.now();
      child.stdin.write("now\n");
      const { value } = (await lines.next()) as { value: string };
      const told = Date.now();
      const [seconds = 0, micros = 0] = value.trim().split(/ +/).map(Number);
      const guest = seconds * 1000 + micros / 1000;
      errors.push(Math.max(0, asked - guest, guest - told));
    }
  } finally {
    child.kill();
  }
  return Math.min(...errors);
}

test("ten clones have unique identities and random numbers, and the right time", async () => {
  const overlay = { "etc/hornet/on-identity.d/10-draw": { text: draw, mode: 0o755 } };
  world = await World.begin("--rootfs", guestImage(folder, "draws", overlay));
  await world.configure({ "hornet:fleet.count": COUNT, "hornet:bridge.services[0]": "8443/tcp" });
  await world.npm("up");
  const server = resolve(__dirname, "../support/tlsServerMain.cjs");
  const pid = await world.onDroplet(
    `mkdir -p /run/tls; setsid ${process.execPath} ${server} 0.0.0.0 8443 /run/tls </dev/null >/dev/null 2>&1 & printf %s "$!"; until [[ -s /run/tls/tls.crt ]]; do sleep 0.1; done`,
  );
  try {
    const shown: Record<string, string[]> = {};
    for (const clone of clones) {
      for (const line of (await world.in(clone, show)).split("\n")) {
        const [key = "", value = ""] = line.split(/=(.*)/);
        (shown[key] ??= []).push(value);
      }
    }
    expect(shown.hostname).toEqual(clones);
    expect(shown["agent id"]).toEqual(clones);
    const sessions = (await world.onDroplet("cat /run/tls/keys")).split("\n").map((line) => line.split(" "));
    shown["TLS random"] = sessions.map(([, random = ""]) => random);
    shown["TLS key"] = sessions.map(([, , secret = ""]) => secret);
    for (const [what, values] of Object.entries(shown)) {
      expect({ what, values, different: new Set(values.filter((value) => value !== "")).size }).toMatchObject({
        what,
        values: { length: COUNT },
        different: COUNT,
      });
    }
    expect(Object.keys(shown).sort()).toEqual([
      "TLS key",
      "TLS random",
      "agent id",
      "first bytes",
      "first uuid",
      "host key",
      "hostname",
      "machine-id",
      "temporary name",
      "uuid",
    ]);
  } finally {
    await world.onDroplet(`kill ${pid}`);
  }
  const errors: Record<string, number> = {};
  for (const clone of clones) errors[clone] = await clockError(clone);
  // What a busy machine adds between question and answer is not in it.
  expect(Object.entries(errors).filter(([, error]) => error > 100)).toEqual([]);
});
