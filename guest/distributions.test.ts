/** The identity service in Debian guests, with OpenRC and with systemd: both with OpenSSH, dash and no busybox. */
import { randomBytes } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { identityText, type Identity } from "../firecracker/identity";
import { build, guestAddress, startGuest } from "./testing";
import { keyPair, ssh } from "./testing-ssh";

let scratch: string;
let kernel: string;

beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), "hornet-distributions-"));
  kernel = join(await build("build-kernel.sh"), "vmlinux");
}, 1_500_000);
afterAll(() => rm(scratch, { recursive: true, force: true }));

const KEY = `it's $(touch /root/evaluated) "so" \\ \`x\``;

test.each([
  ["openrc", "sysvinit-core,openrc,openssh-server,iproute2", "rc-service hornet-agent status | grep -c started"],
  ["systemd", "systemd-sysv,openssh-server,iproute2", "systemctl is-active hornet-agent.service | grep -c ^active"],
])(
  "Debian with %s: a guest has its identity before its ssh server and agent start, and applies changes in place",
  async (init, packages, agentRuns) => {
    const rootfs = join(scratch, `${init}.ext4`);
    await build("build-rootfs.sh", ["--debootstrap", "bookworm", "--packages", packages, "--out", rootfs]);
    const [host, user, other] = [
      await keyPair(scratch, `${init}-h`),
      await keyPair(scratch, `${init}-u`),
      await keyPair(scratch, `${init}-o`),
    ];
    const identity: Identity = {
      generation: randomBytes(8).toString("hex"),
      hostname: "vm7",
      machineId: randomBytes(16).toString("hex"),
      hostKey: host.secret,
      authorizedKeys: [user.line],
      user: "root",
      env: { AGENT_ID: "vm7", API_KEY: KEY },
      agent: {
        command: `printf '%s %s %s\\n' "$AGENT_ID" "$API_KEY" "$(id -un)" >>/var/tmp/agent; sleep 100000; exit 1`,
        user: "nobody",
        restart: "always",
      },
    };
    const document = (of: Identity): string => `${identityText(of)}clock=${(Date.now() / 1000).toFixed(3)}\n`;
    const guest = await startGuest({ kernel, rootfs });
    try {
      await guest.waitConsole(/hornet-identity: waiting/, 180);
      expect((await guest.inside(["bash", "-c", `exec 3<>/dev/tcp/${guestAddress}/22`])).code).not.toBe(0);
      await guest.put(document(identity));
      await guest.waitConsole(new RegExp(`hornet-identity: ready ${identity.generation}`), 120);
      const run = (command: string): Promise<string> => ssh(guest, { userKey: user.file, hostKey: host.line }, command);
      expect(await run("hostname; cat /etc/machine-id; stat -c '%a %U' /etc/swarm-env")).toBe(
        `vm7\n${identity.machineId}\n600 root\n`,
      );
      expect(await run("cat /run/hornet/identity.state")).toMatch(/^failed=$/m);
      expect(await run("ls /etc/ssh/ssh_host_*")).toBe("/etc/ssh/ssh_host_ed25519_key\n");
      await run(
        `for try in $(seq 60); do ${agentRuns} >/dev/null && [ -s /var/tmp/agent ] && exit; sleep 0.5; done; exit 1`,
      );
      expect(await run("cat /var/tmp/agent")).toBe(`vm7 ${KEY} nobody\n`);
      expect(await run("bash -lc 'printf %s \"$API_KEY\"'; ls /root/evaluated 2>&1 || true")).toMatch(/No such file/);

      const listener = await run("cat /run/sshd.pid");
      const second = {
        ...identity,
        generation: randomBytes(8).toString("hex"),
        authorizedKeys: [other.line],
        env: { AGENT_ID: "vm7", API_KEY: "second" },
      };
      // The service may see it before it is asked, and then the first key opens no session any more; so this one is there.
      const asking = run(
        `touch /var/tmp/asking; for try in $(seq 60); do [ "$(hornet-identity --now)" = ${second.generation} ] && exit; sleep 0.5; done; exit 1`,
      );
      const asked = (async () => {
        await run("for try in $(seq 60); do [ -e /var/tmp/asking ] && exit; sleep 0.5; done; exit 1");
        await guest.put(document(second));
      })();
      await Promise.all([asking, asked]);
      await expect(run("true")).rejects.toThrow(/Permission denied/);
      const rerun = (command: string): Promise<string> =>
        ssh(guest, { userKey: other.file, hostKey: host.line }, command);
      await rerun("for try in $(seq 60); do [ $(wc -l </var/tmp/agent) = 2 ] && exit; sleep 0.5; done; exit 1");
      // The former one is gone with all that it had started.
      expect(await rerun("tail -n 1 /var/tmp/agent; pgrep -c -f 'sleep 10000[0]'")).toBe("vm7 second nobody\n2\n");
      expect(await rerun("cat /run/sshd.pid")).toBe(listener);

      // One that is not to start again does not, whatever looks after services.
      const once = { command: "echo once >>/var/tmp/once", user: "root", restart: "never" } as const;
      const third = { ...second, generation: randomBytes(8).toString("hex"), agent: once };
      await guest.put(document(third));
      await guest.waitConsole(/hornet-agent: the agent ended with exit code 0; it is not to start again/, 60);
      await new Promise((resolve) => setTimeout(resolve, 3000));
      expect(await rerun("cat /var/tmp/once; pgrep -c -f 'sleep 10000[0]' || true")).toBe("once\n0\n");
    } finally {
      await guest.stop();
    }
  },
  900_000,
);
