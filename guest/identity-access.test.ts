/** Who in a guest may read its identity: root alone, at every moment, and whatever else runs only once it is gone. */
import { execFile } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { identityText, type Identity } from "../firecracker/identity";
import { asker, isRefused } from "../test/support/metadataAsker";
import { build, guestAddress, startGuest, type Guest } from "./testing";
import { identityFor, keyPair, ssh } from "./testing-ssh";

jest.setTimeout(240_000);

const exec = promisify(execFile);
const CANARY = "canary-77d1c2";
let scratch: string;
let kernel: string;
let rootfs: string;

beforeAll(async () => {
  scratch = mkdtempSync(join(tmpdir(), "hornet-access-"));
  const files: Record<string, string> = {
    ...asker,
    "etc/hornet/on-identity.d/10-note": "#!/bin/sh\nmkdir -p /var/tmp\necho hook >>/var/tmp/ran\n",
    "etc/hornet/start": "#!/bin/sh\necho agent >>/var/tmp/ran\nexec sleep 100000\n",
  };
  // Kills the service in the middle of its work, once for each identity that asks for it.
  const crash = `#!/bin/sh
for mark in first second; do
  until grep -q "CRASH=.*$mark" /etc/swarm-env 2>/dev/null; do sleep 0.05; done
  kill -9 $(pidof hornet-identity) && echo killed $mark >/dev/console
done
sleep 100000
`;
  files["usr/bin/crash"] = crash;
  files["etc/inittab"] = `${asker["etc/inittab"] ?? ""}::respawn:/usr/bin/crash\n`;
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(scratch, "extra", path)), { recursive: true });
    writeFileSync(join(scratch, "extra", path), text, { mode: 0o755 });
  }
  kernel = join(await build("build-kernel.sh"), "vmlinux");
  await exec(join(__dirname, "identity/helper/build.sh"), [join(scratch, "helper")]);
  rootfs = await build("build-image.sh", ["--add", join(scratch, "extra"), "--out", join(scratch, "r.ext4")]);
}, 1_500_000);
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

const documentOf = (identity: Identity): string => `${identityText(identity)}clock=${(Date.now() / 1000).toFixed(3)}\n`;

/** Reads a file of a guest that nobody can log in to yet, out of its disk. */
async function onDisk(guest: Guest, path: string): Promise<string> {
  return (await exec("debugfs", ["-R", `cat ${path}`, guest.disk])).stdout;
}

test("an unprivileged process that asks from the start gets no connection, and hooks and agent wait until the metadata is cleared", async () => {
  const [host, user] = [await keyPair(scratch, "host"), await keyPair(scratch, "user")];
  const first = { ...identityFor("vm7", host, user), env: { AGENT_ID: "vm7", API_KEY: CANARY } };
  const guest = await startGuest({ kernel, rootfs });
  try {
    await guest.waitConsole(/hornet-identity: waiting closed/);
    await guest.put(documentOf(first), "kept");
    await guest.waitConsole(new RegExp(`hornet-identity: taken ${first.generation} closed`));
    await new Promise((resolve) => setTimeout(resolve, 3000));
    // It is itself, but for what others would run.
    expect(await guest.console()).not.toMatch(/hornet-identity: ready/);
    expect(await onDisk(guest, "/var/tmp/ran")).toBe("");
    expect((await guest.inside(["bash", "-c", `exec 3<>/dev/tcp/${guestAddress}/22`])).code).not.toBe(0);
    await guest.put(undefined);
    await guest.waitConsole(new RegExp(`hornet-identity: ready ${first.generation}`));
    const run = (command: string): Promise<string> => ssh(guest, { userKey: user.file, hostKey: host.line }, command);
    expect(await run("cat /var/tmp/ran")).toBe("hook\nagent\n");

    // Another identity, for a guest that lives on: the asker runs all the while.
    const second = { ...first, generation: "0011", env: { AGENT_ID: "vm7", API_KEY: `${CANARY}-2` } };
    await guest.put(documentOf(second), "kept");
    await guest.waitConsole(/hornet-identity: taken 0011 closed/);
    await new Promise((resolve) => setTimeout(resolve, 2000));
    expect(await run("cat /var/tmp/ran")).toBe("hook\nagent\n");
    await guest.put(undefined);
    await guest.waitConsole(/hornet-identity: ready 0011/);
    expect(await run("cat /var/tmp/ran")).toBe("hook\nagent\nhook\nagent\n");

    const asked = await run("cat /var/tmp/asked");
    expect(isRefused(asked)).toBe(true);
    expect(asked).not.toContain(CANARY);
    // Root gets its answers: the asker would have, too.
    expect(await run("printf 'GET / HTTP/1.0\\r\\n\\r\\n' | timeout 3 nc 169.254.169.254 80 | head -n 1")).toMatch(
      /^HTTP/,
    );
    // Rules that somebody took away come back by themselves.
    await run("while ip rule del to 169.254.169.254 2>/dev/null; do :; done; sleep 3");
    expect(await run("ip rule | grep -c 169.254.169.254")).toBe("4\n");
  } finally {
    await guest.stop();
  }
});

test("a service that is killed after reading an identity still applies it, even after the metadata is cleared", async () => {
  const [host, user] = [await keyPair(scratch, "crash-host"), await keyPair(scratch, "crash-user")];
  const identity = identityFor("vm8", host, user);
  const guest = await startGuest({ kernel, rootfs });
  try {
    await guest.waitConsole(/hornet-identity: waiting closed/);
    for (const [mark, generation] of [
      ["first", identity.generation],
      ["second", "0022"],
    ] as const) {
      await guest.put(documentOf({ ...identity, generation, env: { CRASH: mark } }), "kept");
      await guest.waitConsole(new RegExp(`hornet-identity: taken ${generation} closed`));
      await guest.waitConsole(new RegExp(`killed ${mark}`));
      await guest.put(undefined);
      await guest.waitConsole(new RegExp(`hornet-identity: ready ${generation}`));
      const run = (command: string): Promise<string> => ssh(guest, { userKey: user.file, hostKey: host.line }, command);
      expect(await run("head -n 1 /etc/swarm-env; hostname; sort /var/tmp/ran | uniq -c | tr -s ' '")).toBe(
        mark === "first" ? `CRASH="first"\nvm8\n 1 agent\n 1 hook\n` : `CRASH="second"\nvm8\n 2 agent\n 2 hook\n`,
      );
      // Nothing of the identity is left beside what was made of it.
      expect(await run("cat /run/hornet/document; stat -c %a /run/hornet/document")).toBe("600\n");
      expect(await guest.console()).not.toContain("hornet-identity: failed");
    }
  } finally {
    await guest.stop();
  }
});

/** Bash for a network namespace of its own with another one behind a veth pair, in which $2 is what the service gives. */
const withService = `
  unshare --net sleep 60 >/dev/null 2>&1 & other=$!
  until [[ ! /proc/$other/ns/net -ef /proc/self/ns/net ]]; do sleep 0.02; done
  ip link set lo up; ip link add v0 type veth peer name v1 netns "$other"
  ip addr add 192.168.241.2/29 dev v0; ip link set v0 up; ip route add 169.254.169.254 dev v0
  within() { nsenter --net="/proc/$other/ns/net" "$@"; }
  within ip addr add 192.168.241.1/29 dev v1; within ip addr add 169.254.169.254/32 dev v1; within ip link set v1 up
  nsenter --net="/proc/$other/ns/net" node "$1/testing-metadata.cjs" "$2/document" >/dev/null 2>&1 & server=$!
  trap 'kill "$server" "$other"' EXIT
  until echo >/dev/tcp/169.254.169.254/80; do sleep 0.05; done 2>/dev/null
`;

async function inNamespace(script: string): Promise<string> {
  const argv = ["--net", "bash", "-c", `${withService}\n${script}`, "test", __dirname, scratch];
  return (await exec("unshare", argv, { timeout: 60_000 })).stdout;
}

/** The service's own functions there. */
const service = `MMDS_ADDRESS=169.254.169.254 DEVICE=v0 LIBRARY=$1/identity watcher=$1/identity/watch.sh
  . "$1/identity/metadata.sh"`;

test("nftables close the metadata service where the kernel has no rules by user, and without either the service reports it", async () => {
  const ask = `setpriv --reuid=65534 --clear-groups timeout 2 bash -c ': <>/dev/tcp/169.254.169.254/80' 2>/dev/null; echo "$?"`;
  const none = "close_by_rules() { false; }; close_by_nft() { false; }; close_by_iptables() { false; }";
  expect(await inNamespace(`${service}; ${none}; close_metadata; echo "$access $why_open"; ${ask}`)).toMatch(
    /^open this guest's kernel or tools cannot .*\n0\n$/,
  );
  const root = "timeout 2 bash -c ': <>/dev/tcp/169.254.169.254/80'; echo $?";
  expect(
    await inNamespace(`${service}; close_by_rules() { false; }; close_metadata; echo "$access"; ${ask}; ${root}`),
  ).toBe("closed\n1\n0\n");
  const bound = "setpriv --reuid=65534 --clear-groups curl -s -m 2 --interface v0 http://169.254.169.254/; echo $?";
  expect(
    await inNamespace(`${service}; close_by_nft() { false; }; close_by_iptables() { false; }
      close_metadata; echo "$access"; ${ask}; ${root}; ${bound}`),
  ).toBe("closed\n1\n0\n7\n");
  // A way that only says that it closed it is tried, and does not count.
  const lie = "close_by_rules() { :; }; close_by_nft() { :; }; close_by_iptables() { :; }";
  expect(await inNamespace(`${service}; ${lie}; close_metadata; echo "$access"`)).toBe("open\n");
});

test.each([
  ["by rules", "", "by rules"],
  [
    "where the kernel has none, past its IP",
    "ip route add local 169.254.169.254/32 dev v0 table local scope host",
    "no rules",
  ],
])(
  "%s the helper reads the identity, and no other process does with a socket bound to the link",
  async (_way, before, rules) => {
    const env = "x".repeat(30_000);
    writeFileSync(join(scratch, "document"), `format=2\ngeneration=01\nenv=${env}\n`);
    const curl = "curl -s -m 2 -o /dev/null -w '%{http_code} '";
    const output = await inNamespace(`
    helper="$2/helper" address=169.254.169.254
    ${curl} --interface v0 http://$address/
    ${before}
    "$helper" close $address && "$helper" close $address && echo closed
    ip rule | grep -q $address && echo by rules || echo no rules
    for bound in '' '--interface v0'; do setpriv --reuid=65534 --clear-groups ${curl} $bound http://$address/; done
    mkfifo "$2/news" "$2/hold"; exec 6<>"$2/hold"
    "$helper" watch $address 1 00 closed <&6 >"$2/news" 6>&- & exec 5<"$2/news"
    while read -r line <&5; do echo "$line"; [[ $line != end=* ]] || rm "$2/document"; [[ $line != gone ]] || break; done
    kill $!; rm "$2/news" "$2/hold"`);
    expect(output).toBe(`401 closed\n${rules}\n000 000 format=2\ngeneration=01\nenv=${env}\nend=0\ngone\n`);
  },
);

test("the asking program reads an identity where the metadata service is open", async () => {
  const file = join(scratch, "document");
  writeFileSync(file, `format=2\ngeneration=00\nenv=${CANARY}\n`);
  writeFileSync(join(scratch, "ask"), asker["usr/bin/ask-metadata"] ?? "", { mode: 0o755 });
  await inNamespace('ASKED=$2/asked timeout 4 busybox sh "$2/ask" || :');
  const asked = readFileSync(join(scratch, "asked"), "utf8");
  expect(asked).toContain(CANARY);
  expect(isRefused(asked)).toBe(false);
});
