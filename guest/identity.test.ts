import { execFile } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { identityText, type Identity } from "../firecracker/identity";
import { build, eventually, guestAddress, startGuest } from "./testing";
import type { Guest } from "./testing";
import { keyPair, ssh } from "./testing-ssh";

const exec = promisify(execFile);
let scratch: string;
let kernel: string;
let rootfs: string;

const agent = `#!/bin/sh
printf '%s %s %s\\n' "$HORNET_ACTION" "$HORNET_GENERATION" "$AGENT_ID" >>/var/log/agent
exec sleep 100000
`;
const hook = `#!/bin/sh
printf '%s %s\\n' "$(hostname)" "$QUOTED" >>/var/log/hook
`;

beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), "hornet-identity-"));
  const extra = join(scratch, "extra");
  await mkdir(join(extra, "etc", "hornet", "on-identity.d"), { recursive: true });
  await writeFile(join(extra, "etc", "hornet", "start"), agent, { mode: 0o755 });
  await writeFile(join(extra, "etc", "hornet", "on-identity.d", "10-note"), hook, { mode: 0o755 });
  await mkdir(join(extra, "root", ".ssh"), { recursive: true, mode: 0o700 });
  await exec("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-C", "", "-f", join(scratch, "baked")]);
  const baked = await readFile(join(scratch, "baked.pub"), "utf8");
  await writeFile(join(extra, "root", ".ssh", "authorized_keys"), baked, { mode: 0o600 });
  kernel = join(await build("build-kernel.sh"), "vmlinux");
  rootfs = await build("build-image.sh", ["--add", extra, "--out", join(scratch, "rootfs.ext4")]);
}, 1_500_000);
afterAll(() => rm(scratch, { recursive: true, force: true }));

/** Whether anything listens on the guest's ssh port. */
async function sshOpen(guest: Guest): Promise<boolean> {
  return (await guest.inside(["bash", "-c", `exec 3<>/dev/tcp/${guestAddress}/22`])).code === 0;
}

const documentOf = (identity: Identity, clockMs = Date.now()): string =>
  `${identityText(identity)}clock=${(clockMs / 1000).toFixed(3)}\n`;

async function identityOf(name: string): Promise<{ identity: Identity; user: string; host: string }> {
  const host = await keyPair(scratch, `host-${name}`);
  const user = await keyPair(scratch, `user-${name}`);
  const identity = {
    generation: randomBytes(16).toString("hex"),
    hostname: name,
    machineId: randomBytes(16).toString("hex"),
    hostKey: host.secret,
    authorizedKeys: [user.line],
    user: "root",
    env: { AGENT_ID: name, QUOTED: `it's $(touch /root/evaluated) "so" \`touch /root/evaluated\``, EMPTY: "" },
  };
  return { identity, user: user.file, host: host.line };
}

test("a guest waits without ssh, applies its identity, and applies a second one in place", async () => {
  const { identity, user, host } = await identityOf("vm7");
  const guest = await startGuest({ kernel, rootfs });
  try {
    await guest.waitConsole(/hornet-identity: waiting/);
    expect(await sshOpen(guest)).toBe(false);
    // A clock that no guest could have by itself: two days ahead.
    const ahead = 2 * 86_400_000;
    await guest.put(documentOf(identity, Date.now() + ahead));
    await guest.waitConsole(new RegExp(`hornet-identity: ready ${identity.generation}`));

    const run = (command: string): Promise<string> => ssh(guest, { userKey: user, hostKey: host }, command);
    expect(await run("hostname; cat /etc/hostname /etc/machine-id")).toBe(`vm7\nvm7\n${identity.machineId}\n`);
    expect(await run("grep -w vm7 /etc/hosts; grep -c template /etc/hosts || true")).toBe("127.0.1.1\tvm7\n0\n");
    const guestSeconds = Number(await run("date +%s"));
    expect(Math.abs(guestSeconds * 1000 - ahead - Date.now())).toBeLessThan(60_000);
    expect(await run("stat -c '%a %U' /etc/swarm-env")).toBe("600 root\n");
    expect(await run("sh -lc 'printf %s \"$QUOTED\"'")).toBe(identity.env.QUOTED);
    expect(await run("ls /root/evaluated 2>&1 || true")).toMatch(/No such file/);
    expect(await run("cat /var/log/hook")).toBe(`vm7 ${identity.env.QUOTED ?? ""}\n`);
    expect(await run("cat /var/log/agent")).toBe(`start ${identity.generation} vm7\n`);
    expect(await run("ls /etc/dropbear")).toBe("dropbear_ed25519_host_key\n");
    expect(await run("cat /run/hornet/identity.state")).toMatch(`generation=${identity.generation}\n`);
    expect(await run("cat /run/hornet/identity.state")).toMatch(/^failed=$/m);
    expect(await ssh(guest, { userKey: join(scratch, "baked"), hostKey: host }, "echo in")).toBe("in\n");
    expect(await run("hornet-identity --now")).toBe(`${identity.generation}\n`);

    const other = await keyPair(scratch, "user-other");
    const second = {
      ...identity,
      generation: randomBytes(16).toString("hex"),
      authorizedKeys: [other.line],
      env: { AGENT_ID: "vm7", NEW: "1" },
    };
    const listener = await run("cat /run/hornet/dropbear.pid");
    // Logged in before: the service looks once a second by itself, and the key that logs in here is gone then.
    const asked = run("touch /tmp/in; sleep 2; hornet-identity --now");
    await run("while [ ! -e /tmp/in ]; do sleep 0.1; done");
    await guest.put(documentOf(second));
    expect(await asked).toBe(`${second.generation}\n`);
    const rerun = (command: string): Promise<string> => ssh(guest, { userKey: other.file, hostKey: host }, command);
    await expect(run("true")).rejects.toThrow(/Permission denied/);
    expect(await rerun("cat /etc/swarm-env")).toBe('AGENT_ID="vm7"\nNEW="1"\nexport AGENT_ID NEW\n');
    expect(await rerun("cat /run/hornet/dropbear.pid")).toBe(listener);
    const agents = `start ${identity.generation} vm7\nrestart ${second.generation} vm7\n`;
    expect(await rerun("cat /var/log/agent")).toBe(agents);
    expect(await rerun("ps | grep -c '[s]leep 100000'")).toBe("1\n");

    await guest.put(undefined);
    expect(await rerun("hornet-identity --now")).toBe(`${second.generation}\n`);
    await rerun("reboot");
    await guest.ended();
    const machineId = (await exec("debugfs", ["-R", "cat /etc/machine-id", guest.disk])).stdout;
    expect(machineId).toBe(`${identity.machineId}\n`);
  } finally {
    await guest.stop();
  }
}, 240_000);

test("the guest copes with a metadata service that closes after each answer, names a bad part and applies the others", async () => {
  const { identity, user, host } = await identityOf("vm8");
  const guest = await startGuest({ kernel, rootfs });
  try {
    await writeFile(join(guest.folder, "document.closing"), "");
    await guest.waitConsole(/hornet-identity: waiting/);
    await guest.put(documentOf({ ...identity, machineId: "not hexadecimal" }));
    const text = await guest.waitConsole(/hornet-identity: ready/);
    expect(text).toMatch(/hornet-identity: failed machine-id malformed/);
    expect(await ssh(guest, { userKey: user, hostKey: host }, "hostname; cat /run/hornet/identity.state")).toMatch(
      /^vm8\n(.*\n)*failed=machine-id$/m,
    );
  } finally {
    await guest.stop();
  }
}, 240_000);

test.each([
  // Shorter than any that Hornet sends: several lines in less than 200 bytes.
  ["short", ["generation", "hostname"], 0],
  // As long as the metadata service gives.
  ["long", ["generation", "hostname", "env"], 50_000],
])(
  "a %s document arrives complete",
  async (length, keys, filler) => {
    const { identity } = await identityOf(`vm-${length}`);
    const env = { FILLER: "x".repeat(filler), LAST: "of all" };
    const full = documentOf({ ...identity, env }).split("\n");
    const document = ["format=2", ...keys.map((key) => full.find((line) => line.startsWith(`${key}=`)) ?? "")];
    const guest = await startGuest({ kernel, rootfs });
    try {
      await guest.waitConsole(/hornet-identity: waiting/);
      await guest.put(`${document.join("\n")}\n`);
      await guest.waitConsole(new RegExp(`hornet-identity: ready ${identity.generation}`));
      const key = /ssh-ed25519 \S+/.exec(
        (await guest.inside(["ssh-keyscan", "-t", "ed25519", guestAddress])).output,
      )?.[0];
      const seen = await ssh(
        guest,
        { userKey: join(scratch, "baked"), hostKey: key ?? "" },
        "hostname; cat /etc/swarm-env 2>&1 | tail -n 2",
      );
      expect(seen).toBe(
        filler === 0
          ? "vm-short\ncat: can't open '/etc/swarm-env': No such file or directory\n"
          : 'vm-long\nLAST="of all"\nexport FILLER LAST\n',
      );
    } finally {
      await guest.stop();
    }
  },
  240_000,
);

test("a shell replaces a helper that does not run", async () => {
  const extra = join(scratch, "no-helper");
  await mkdir(join(extra, "usr", "lib", "hornet"), { recursive: true });
  await writeFile(join(extra, "usr", "lib", "hornet", "helper"), "of another kind of machine\n", { mode: 0o755 });
  const { identity, user, host } = await identityOf("vm9");
  const image = await build("build-image.sh", ["--add", extra, "--out", join(scratch, "no-helper.ext4")]);
  const guest = await startGuest({ kernel, rootfs: image });
  try {
    await guest.waitConsole(/hornet-identity: waiting/);
    await guest.put(documentOf(identity));
    // Nothing in this guest can renew the random generator's key.
    await guest.waitConsole(/hornet-identity: failed seed .*\s+hornet-identity: ready/);
    const run = (command: string): Promise<string> => ssh(guest, { userKey: user, hostKey: host }, command);
    expect(await run("hostname; cat /run/hornet/identity.state")).toMatch(/^vm9\n(.*\n)*failed=seed$/m);
    expect(Math.abs(Number(await run("date +%s")) * 1000 - Date.now())).toBeLessThan(60_000);
    const second = { ...identity, generation: randomBytes(16).toString("hex"), env: { NEW: "1" } };
    await guest.put(documentOf(second));
    expect(await run("hornet-identity --now; cat /etc/swarm-env")).toBe(`${second.generation}\nNEW="1"\nexport NEW\n`);
  } finally {
    await guest.stop();
  }
}, 240_000);

test("without a metadata service the guest keeps waiting and never serves ssh", async () => {
  const guest = await startGuest({ kernel, rootfs, metadata: false });
  try {
    await guest.waitConsole(/hornet-identity: waiting/);
    await new Promise((resolve) => setTimeout(resolve, 3000));
    expect(await sshOpen(guest)).toBe(false);
    expect(await guest.console()).toBe("hornet-identity: waiting closed\r\n");
  } finally {
    await guest.stop();
  }
}, 240_000);

test("with hornet.identity=none the guest serves ssh at once with the keys on its disk", async () => {
  const guest = await startGuest({ kernel, rootfs, metadata: false, kernelArguments: "hornet.identity=none" });
  try {
    await guest.waitConsole(/hornet-identity: not wanted/);
    const scanned = await eventually(
      async () =>
        /ssh-ed25519 \S+/.exec((await guest.inside(["ssh-keyscan", "-t", "ed25519", guestAddress])).output)?.[0],
      () => guest.console(),
      30,
    );
    expect(await ssh(guest, { userKey: join(scratch, "baked"), hostKey: scanned }, "hostname")).toBe("template\n");
  } finally {
    await guest.stop();
  }
}, 240_000);
