/** What a guest makes of an identity, of hooks and of an agent that are not as one would wish. */
import { randomBytes } from "node:crypto";
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { identityText, type Identity } from "../firecracker/identity";
import { build, guestAddress, startGuest } from "./testing";
import { identityFor, keyPair, ssh, tell, type KeyPair } from "./testing-ssh";

jest.setTimeout(240_000);

let scratch: string;
let kernel: string;
let host: KeyPair;
let user: KeyPair;
beforeAll(async () => {
  scratch = mkdtempSync(join(tmpdir(), "hornet-odd-"));
  kernel = join(await build("build-kernel.sh"), "vmlinux");
  [host, user] = [await keyPair(scratch, "host"), await keyPair(scratch, "user")];
}, 1_500_000);
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

/** Hornet's image with scripts, or files of another mode, laid over it. */
async function image(name: string, files: Readonly<Record<string, readonly [text: string, mode: number]>>) {
  const extra = join(scratch, name);
  for (const [path, [text, mode]] of Object.entries(files)) {
    const file = join(extra, path);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, text);
    chmodSync(file, mode);
  }
  return build("build-image.sh", ["--add", extra, "--out", join(scratch, `${name}.ext4`)]);
}

const next = (identity: Identity, change: Partial<Identity>): Identity => ({
  ...identity,
  generation: randomBytes(8).toString("hex"),
  ...change,
});

test("hooks that fail, hang or flood are named and hold nothing up", async () => {
  const hooks = "etc/hornet/on-identity.d";
  const rootfs = await image("hooks", {
    "etc/hornet/identity.conf": [
      "HOOK_SECONDS=5\nSSHD_KIND=dropbear\nSSHD_START='/usr/sbin/dropbear -s -P /run/hornet/dropbear.pid'\n",
      0o644,
    ],
    [`${hooks}/10-fails`]: ['#!/bin/sh\necho "told $SECRET"\nexit 3\n', 0o755],
    [`${hooks}/20-hangs`]: ["#!/bin/sh\ntrap '' TERM\nsleep 300000 &\nwhile :; do sleep 1; done; sleep 1\n", 0o755],
    [`${hooks}/30-README`]: ["what is not executable\n", 0o644],
    [`${hooks}/40-floods`]: ["#!/bin/sh\nhead -c 20000000 /dev/zero\nexit 0\n", 0o755],
    [`${hooks}/50-leaves`]: ["#!/bin/sh\nsleep 100000 &\n", 0o755],
    [`${hooks}/60-last`]: ['#!/bin/sh\necho "$HORNET_GENERATION" >/var/log/hook\n', 0o755],
  });
  const guest = await startGuest({ kernel, rootfs });
  try {
    await guest.waitConsole(/hornet-identity: waiting/);
    const identity = {
      ...identityFor("vm7", host, user),
      env: { SECRET: "canary", generation: "another's" },
      agent: { command: "exec sleep 200000", user: "root", restart: "always" } as const,
    };
    const console = await tell(guest, identity);
    expect(console).toMatch(/failed hook 10-fails, exit code 3\r\n/);
    expect(console).toMatch(/failed hook 20-hangs, ended as it was not done within 5 s\r\n/);
    expect(console).toMatch(/passed over hook 30-README, which is not executable\r\n/);
    expect(console).not.toMatch(/40-floods|50-leaves|60-last|canary|Killed/);
    const run = (command: string): Promise<string> => ssh(guest, { userKey: user.file, hostKey: host.line }, command);
    expect(await run("cat /var/log/hook; ps | grep -c '[s]leep [23]00000'")).toBe(`${identity.generation}\n1\n`);
    expect(await run("cat /run/hornet/identity.state")).toMatch(/^failed=hook hook$/m);
    expect(Number(await run("df -k /run | awk 'NR == 2 { print $3 }'"))).toBeLessThan(1000);

    // The agent that runs, and no other, is ended for the next one; of the two one looks after it, one after its log.
    const second = next(identity, { env: { SECRET: "other" } });
    await tell(guest, second);
    expect(await run("ps | grep -c '[s]leep 200000'; ps | grep -c '[r]un-agent'; cat /var/log/hook")).toBe(
      `1\n2\n${second.generation}\n`,
    );
  } finally {
    await guest.stop();
  }
});

/** Every character that could mean something to a shell, and then some. */
function oddText(): string {
  const points = [...Array.from({ length: 0x7df }, (_, at) => at + 0x21), 0x20ac, 0x65e5, 0x10330, 0x1f525];
  return ` \t${String.fromCodePoint(...points)}\r\n\u0001 $(touch /evaluated) \\ \n\n`;
}

const environments: readonly [user: string, env: Readonly<Record<string, string>>][] = [
  ["root", { PATH: "/opt/mine:/bin", HOME: "/tmp", user: "nobody", command: "x", restart: "never" }],
  ["swarm", { PATH: "/nowhere", LD_PRELOAD: "", home: "x", group: "0", set: "-x", USER: "me" }],
  ["swarm", { HTTP_PROXY: "", ENV: "/nowhere", PS1: "> ", LANG: "C.UTF-8", _x: "1" }],
];

test("an environment of any names and values reaches agent and login shell unchanged", async () => {
  const passwd = readFileSync(join(__dirname, "image/etc/passwd"), "utf8");
  const rootfs = await image("env", {
    "etc/passwd": [`${passwd}swarm:*:1000:1000::/home/swarm:/bin/sh\n`, 0o644],
    "opt/hornet-agent/agent": [
      "#!/bin/sh\n/bin/cat /proc/self/environ >/tmp/seen.$$\n/bin/mv /tmp/seen.$$ /tmp/seen\nexec /bin/sleep 1000\n",
      0o755,
    ],
  });
  const guest = await startGuest({ kernel, rootfs });
  try {
    await guest.waitConsole(/hornet-identity: waiting/);
    let identity: Identity = identityFor("vm7", host, user);
    for (const [whose, odd] of environments) {
      const env = { AGENT_ID: "vm7", ODD: oddText(), EMPTY: "", ...odd };
      const agent = { command: "exec ./agent", user: whose, restart: "always" } as const;
      identity = next(identity, { env, agent });
      expect(await tell(guest, identity)).not.toMatch(/failed/);
      const run = (command: string): Promise<string> =>
        ssh(guest, { userKey: user.file, hostKey: host.line }, `export PATH=/bin:/usr/bin; ${command}`);
      const seen = await run("while [ ! -e /tmp/seen ]; do sleep 0.1; done; base64 /tmp/seen; rm /tmp/seen");
      const variables = Buffer.from(seen, "base64").toString().split("\0");
      for (const [name, value] of Object.entries(env)) expect(variables).toContain(`${name}=${value}`);
      if (!("HOME" in odd)) expect(variables).toContain(whose === "root" ? "HOME=/root" : "HOME=/home/swarm");
      const shell = await run(`sh -lc 'exec /bin/cat /proc/self/environ' | base64`);
      const login = Buffer.from(shell, "base64").toString().split("\0");
      for (const [name, value] of Object.entries(env)) expect(login).toContain(`${name}=${value}`);
      expect(await run("ls /evaluated 2>&1 || :")).toMatch(/No such file/);
    }
  } finally {
    await guest.stop();
  }
});

test("hundreds of keys go to their users only, and the image's own keys stay", async () => {
  const passwd = readFileSync(join(__dirname, "image/etc/passwd"), "utf8");
  const own = await keyPair(scratch, "own");
  const rootfs = await image("keys", {
    "etc/passwd": [`${passwd}swarm:*:1000:1000::/home/swarm:/bin/sh\nother:*:1001:1001::/srv/other:/bin/sh\n`, 0o644],
    // Without a newline behind the last one.
    "srv/other/.ssh/authorized_keys": [own.line, 0o600],
  });
  const guest = await startGuest({ kernel, rootfs });
  try {
    await guest.waitConsole(/hornet-identity: waiting/);
    const blob = (): string => `${user.line.slice(0, -20)}${randomBytes(15).toString("base64")}`;
    const more = Array.from(
      { length: 300 },
      (_, at) => `no-pty,command="echo \\"$HOME\\"" ${blob()} it's "no" ${at} €`,
    );
    const identity = { ...identityFor("vm7", host, user), user: "swarm", authorizedKeys: [...more, user.line] };
    expect(await tell(guest, identity)).not.toMatch(/failed/);
    const as = (who: string, command: string): Promise<string> =>
      ssh(guest, { user: who, userKey: user.file, hostKey: host.line }, command);
    const file = ".ssh/authorized_keys";
    expect(await as("swarm", `cat ${file}`)).toBe(
      ["# hornet: begin", ...more, user.line, "# hornet: end", ""].join("\n"),
    );
    expect(await as("swarm", `stat -c '%a %u:%g %n' . .ssh ${file}`)).toBe(
      `755 1000:1000 .\n700 1000:1000 .ssh\n600 1000:1000 ${file}\n`,
    );
    await expect(as("root", "true")).rejects.toThrow(/Permission denied/);

    // Another user: the former one has them no more.
    const second = next(identity, { user: "other", authorizedKeys: [user.line] });
    expect(await tell(guest, second)).not.toMatch(/failed/);
    await expect(as("swarm", "true")).rejects.toThrow(/Permission denied/);
    expect(await as("other", `cat ${file}`)).toBe(`${own.line}\n# hornet: begin\n${user.line}\n# hornet: end\n`);

    const third = next(identity, { user: "root", authorizedKeys: [user.line] });
    expect(await tell(guest, third)).not.toMatch(/failed/);
    expect(await as("root", `cat /srv/other/${file} /home/swarm/${file}`)).toBe(`${own.line}\n`);

    // One who could lead root's writing elsewhere does not.
    await as("root", `rm -r /home/swarm/.ssh; ln -s /etc /home/swarm/.ssh`);
    const led = await tell(guest, next(identity, { user: "swarm" }));
    expect(led).toMatch(/failed authorized-keys \/home\/swarm\/.ssh\/authorized_keys lies behind a symbolic link/);
    const missing = next(identity, { user: "nosuch", agent: { command: "true", user: "noone", restart: "never" } });
    const console = await tell(guest, missing);
    expect(console).toMatch(/failed authorized-keys there is no user nosuch in this guest/);
    expect(console).toMatch(/failed agent there is no user noone in this guest/);
  } finally {
    await guest.stop();
  }
});

test("identities that arrive during another are applied in turn, and each is reported once", async () => {
  const rootfs = await image("slow", {
    "etc/hornet/on-identity.d/10-slow": ['#!/bin/sh\necho "$STEP" >>/var/log/steps\nsleep 3\n', 0o755],
  });
  const guest = await startGuest({ kernel, rootfs });
  const put = (identity: Identity): Promise<void> => guest.put(`${identityText(identity)}clock=1800000000.5\n`);
  try {
    await guest.waitConsole(/hornet-identity: waiting/);
    const first = { ...identityFor("vm7", host, user), env: { STEP: "first" } };
    const [second, third] = [next(first, { env: { STEP: "second" } }), next(first, { env: { STEP: "third" } })];
    await put(first);
    // Time enough to be seen, not to be applied.
    await new Promise((resolve) => setTimeout(resolve, 1000));
    await put(second);
    await guest.waitConsole(new RegExp(`ready ${second.generation}`));
    await put(third);
    await guest.waitConsole(new RegExp(`ready ${third.generation}`));
    // Nothing there, and the same again: neither is news.
    await guest.put(undefined);
    await put(third);
    await new Promise((resolve) => setTimeout(resolve, 2500));
    const said = [...(await guest.console()).matchAll(/hornet-identity: (.*)\r/g)].map(([, words]) => words);
    expect(said.filter((words) => !words?.startsWith("taken "))).toEqual([
      "waiting closed",
      ...[first, second, third].map(({ generation }) => `ready ${generation}`),
    ]);
    const run = (command: string): Promise<string> => ssh(guest, { userKey: user.file, hostKey: host.line }, command);
    expect(await run("cat /var/log/steps; hornet-identity --now")).toBe(`first\nsecond\nthird\n${third.generation}\n`);
  } finally {
    await guest.stop();
  }
});

test("a knock makes a guest that polls once an hour apply a new identity, and does nothing else", async () => {
  const rootfs = await image("hourly", {
    "etc/hornet/identity.conf": [
      "WATCH_SECONDS=3600\nSSHD_KIND=dropbear\nSSHD_START='/usr/sbin/dropbear -s -P /run/hornet/dropbear.pid'\n",
      0o644,
    ],
  });
  const guest = await startGuest({ kernel, rootfs });
  const knock = (times: number): Promise<unknown> =>
    guest.inside(["bash", "-c", `for n in $(seq ${times}); do printf 'end=0' >/dev/udp/${guestAddress}/9; done`]);
  try {
    await guest.waitConsole(/hornet-identity: waiting/);
    const first = { ...identityFor("vm7", host, user), env: { STEP: "first" } };
    await tell(guest, first);
    await knock(1000);
    const second = next(first, { env: { STEP: "second" } });
    await guest.put(`${identityText(second)}clock=${(Date.now() / 1000).toFixed(3)}\n`);
    await knock(1);
    await guest.waitConsole(new RegExp(`ready ${second.generation}`));
    const said = [...(await guest.console()).matchAll(/hornet-identity: (.*)\r/g)].map(([, words]) => words);
    expect(said.filter((words) => !words?.startsWith("taken "))).toEqual([
      "waiting closed",
      `ready ${first.generation}`,
      `ready ${second.generation}`,
    ]);
  } finally {
    await guest.stop();
  }
});

test("the long output of an agent is cut, and its end is kept", async () => {
  const rootfs = await image("wordy", {
    "etc/hornet/identity.conf": [
      "AGENT_LOG_KIB=64\nSSHD_KIND=dropbear\nSSHD_START='/usr/sbin/dropbear -s -P /run/hornet/dropbear.pid'\n",
      0o644,
    ],
  });
  const guest = await startGuest({ kernel, rootfs });
  const run = (command: string): Promise<string> => ssh(guest, { userKey: user.file, hostKey: host.line }, command);
  try {
    await guest.waitConsole(/hornet-identity: waiting/);
    const command = "seq 100000; while [ ! -e /tmp/more ]; do sleep 1; done; echo more; exit 7";
    await tell(guest, {
      ...identityFor("vm7", host, user),
      agent: { command, user: "root", restart: "never" },
    });
    const log = "/var/log/hornet-agent.log";
    const cut = `for try in $(seq 120); do [ ! -e ${log}.draft ] && [ "$(stat -c %s ${log})" -le 65536 ] && break; sleep 0.5; done; stat -c %s ${log}`;
    await run(`until tail -n 1 ${log} | grep -qx 100000; do sleep 0.2; done`);
    expect(await run(`${cut}; tail -n 1 ${log}; ls ${log}*`)).toBe(`32768\n100000\n${log}\n`);
    await run("touch /tmp/more");
    await guest.waitConsole(/hornet-agent: the agent ended with exit code 7; it is not to start again/);
    expect(await run(`tail -n 2 ${log}; tr -cd '\\000' <${log} | wc -c`)).toBe(
      "more\nrun-agent: the agent ended with exit code 7; it is not to start again\n0\n",
    );
    // What cuts it ends with it.
    expect(await run("for try in $(seq 50); do pidof run-agent >/dev/null || exit 0; sleep 0.2; done; exit 1")).toBe(
      "",
    );
  } finally {
    await guest.stop();
  }
});
