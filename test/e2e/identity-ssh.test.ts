/** Guests that know nothing of Hornet: they are told over ssh who they are. */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { foreignGuest, guestImage, keyPair } from "../support/guestImage";
import { debianGuest } from "../support/debianGuest";
import { longTest } from "../support/longTest";
import { limitMs, looks } from "../support/settings";
import { World } from "../support/world";

jest.setTimeout(limitMs(1200));

let folder: string;
let world: World;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "hornet-ssh-"));
});
afterEach(() => world.end());
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Says every second who it is, on the console and to whoever listens on the bridge. */
const agent = `#!/bin/sh
while :; do
  printf '%s %s\\n' "\${AGENT_ID:-$(hostname)}" "\${API_KEY:-none}" >>/var/log/agent
  sleep 1
done
`;

/** The agent's last line after two more: one that it writes now may be from before its restart. */
function agentSays(clone: string): Promise<string> {
  const lines = "$(wc -l </var/log/agent)";
  const waits = `for try in $(seq ${looks(120)}); do [ ${lines} -le $((before + 1)) ] || break; sleep 0.5; done`;
  return world.in(clone, `before=${lines}; ${waits}; tail -n 1 /var/log/agent`);
}

/** How many seconds at least a guest's clock differs from the droplet's; the guest's ssh may take any time. */
async function clockError(clone: string): Promise<number> {
  const now = async (): Promise<number> => Number(await world.onDroplet("date +%s"));
  const [before, guest, after] = [await now(), Number(await world.in(clone, "date +%s")), await now()];
  return Math.max(0, before - guest, guest - after);
}

test("clones of a guest without the identity service have their identities, and apply changes in place", async () => {
  const login = keyPair(folder, "login");
  const user = keyPair(folder, "user");
  const other = keyPair(folder, "other");
  const rootfs = guestImage(folder, "foreign", foreignGuest(login.line, agent));
  world = await World.begin("--rootfs", rootfs);
  const keys = {
    "hornet:fleet.count": 2,
    "hornet:guest.privateKeyPath": login.file,
    "hornet:agent.service": "swarm-agent",
    "hornet:identity.authorizedKeys[0]": user.line,
    "hornet:identity.env.API_KEY": 'it\'s $(a) "key"',
  };
  await world.configure(keys);
  await world.npm("up");
  expect(await world.outputs()).toMatchObject({
    clones: [
      { name: "vm0", identityMethod: "ssh", ready: true },
      { name: "vm1", identityMethod: "ssh", ready: true },
    ],
  });
  const pids = "head -n 1 -q /opt/swarm/runtime/*/vmm.pid";
  const running = await world.onDroplet(pids);
  for (const clone of ["vm0", "vm1"]) {
    expect(await world.in(clone, "hostname; stat -c '%a %U' /etc/swarm-env")).toBe(`${clone}\n600 root`);
    expect(await agentSays(clone)).toBe(`${clone} it's $(a) "key"`);
    expect(await clockError(clone)).toBeLessThan(5);
  }
  const ids = [await world.in("vm0", "cat /etc/machine-id"), await world.in("vm1", "cat /etc/machine-id")];
  expect(new Set(ids).size).toBe(2);
  // Nothing of the key that logged in is left on the droplet, nor anything that holds it.
  expect(await world.onDroplet("ps -eo args | grep -c '[s]sh-agent' || :; ls /opt/swarm/runtime/vm0")).not.toMatch(
    /guest\.|held/,
  );

  await world.configure({ "hornet:identity.authorizedKeys[0]": other.line, "hornet:identity.env.API_KEY": "second" });
  await world.npm("up");
  expect(await world.onDroplet(pids)).toBe(running);
  for (const clone of ["vm0", "vm1"]) {
    expect(await agentSays(clone)).toBe(`${clone} second`);
    expect(await world.processesIn(clone, "[o]pt/swarm-agent")).toBe(1);
    const allowed = await world.in(clone, "cat /root/.ssh/authorized_keys");
    expect(allowed).toContain(other.line);
    expect(allowed).toContain(login.line);
    expect(allowed).not.toContain(user.line);
  }
});

longTest(
  "clones of Debian 13 with systemd and OpenSSH, whose sessions run in a separate program, answer with their own keys",
  async () => {
    const login = keyPair(folder, "login-3");
    const rootfs = debianGuest(
      folder,
      "debian",
      { suite: "trixie", packages: "systemd-sysv,udev,openssh-server,iproute2" },
      {
        "etc/systemd/system/swarm-agent.service": `[Service]
ExecStart=/bin/sh -c 'echo "$AGENT_ID $API_KEY $(hostname)" >>/var/log/agent; exec sleep infinity'
`,
        "root/.ssh/authorized_keys": { text: `${login.line}\n`, mode: 0o600 },
        // Debian's bash reads it for every command over ssh.
        "root/.bashrc": "[ -e /root/quiet ] || { echo welcome; echo failed to greet; printf 'and no end '; }\n",
      },
    );
    world = await World.begin("--rootfs", rootfs);
    await world.configure({
      "hornet:fleet.count": 2,
      "hornet:snapshot.boot.memory": 256,
      "hornet:guest.privateKeyPath": login.file,
      "hornet:agent.service": "swarm-agent",
      "hornet:identity.env.API_KEY": "first",
    });
    await world.npm("up");
    for (const clone of ["vm0", "vm1"]) expect(await world.in(clone, "touch /root/quiet; sync")).toContain("welcome");
    const listener = "systemctl show -P MainPID ssh";
    const running = await world.in("vm0", listener);
    for (const clone of ["vm0", "vm1"])
      expect(await world.in(clone, "hostname; cat /var/log/agent")).toBe(`${clone}\n${clone} first ${clone}`);
    await world.configure({ "hornet:identity.env.API_KEY": "second" });
    await world.npm("up");
    expect(await world.in("vm0", `tail -n 1 /var/log/agent; ${listener}`)).toBe(`vm0 second vm0\n${running}`);
  },
);

test("a key that cannot log in is named, an interrupted change completes, and a rebooted clone gets its identity again", async () => {
  const login = keyPair(folder, "login-2");
  const wrong = keyPair(folder, "wrong");
  const rootfs = guestImage(folder, "foreign-2", foreignGuest(login.line, agent));
  world = await World.begin("--rootfs", rootfs);
  await world.configure({
    "hornet:fleet.count": 1,
    "hornet:agent.service": "swarm-agent",
    "hornet:guest.privateKeyPath": wrong.file,
  });
  const refused = await world.tryNpm("up");
  expect(refused.code).not.toBe(0);
  const said = refused.stdout + refused.stderr;
  expect(said).toMatch(/tell vm0 over ssh who it is.*root@127\.0\.0\.1/);
  expect(said).toContain("Permission denied");
  expect(said).toContain(
    `${wrong.file} must log in as root to the guest; hornet:guest.privateKeyPath names another key`,
  );
  // The VM that nobody could tell anything is gone again.
  expect(await world.onDroplet("pgrep -c firecracker || :")).toBe("0");

  // Left out, the droplet's own user logs in, as the archive's scripts did.
  await world.npm("pulumi", "config", "rm", "--path", "hornet:guest.privateKeyPath");
  await world.npm("droplet", "exec", "local", "--", "mkdir", "-p", "/root/.ssh");
  await world.onDroplet(`umask 077; cat >/root/.ssh/id_ed25519 <<'END'
${readFileSync(login.file, "utf8")}END`);
  // The guest knows who it is and is still cut off. Chaos tries every other point on a stub.
  process.env.HORNET_FAULT = "before:vm0/release";
  try {
    expect((await world.tryNpm("up")).code).not.toBe(0);
  } finally {
    delete process.env.HORNET_FAULT;
  }
  await world.npm("up");
  expect(await world.in("vm0", "hostname")).toBe("vm0");
  expect(await agentSays("vm0")).toBe("vm0 none");
  const held = "nsenter --net=/run/netns/vm0 nft list tables; ls /opt/swarm/runtime/vm0";
  expect(await world.onDroplet(held)).not.toMatch(/hold|held|guest\./);

  const key = await world.in("vm0", "echo mine >/root/mine; sync; cat /etc/machine-id");
  await world.npm("droplet", "reboot", "local");
  await world.npm("up");
  expect(await world.in("vm0", "cat /root/mine /etc/machine-id")).toBe(`mine\n${key}`);
  expect(await clockError("vm0")).toBeLessThan(5);
});
