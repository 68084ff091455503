/** Guests whose own cloud-init makes them what they are: Debian with systemd, as its images for clouds are. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { debianGuest } from "../support/debianGuest";
import { longTest } from "../support/longTest";
import { limitMs, settings } from "../support/settings";
import { World } from "../support/world";

jest.setTimeout(limitMs(3600));

const PACKAGES = "systemd-sysv,udev,openssh-server,iproute2,cloud-init";
const CANARY = "canary-5f1d7c";

let folder: string;
let world: World;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "hornet-cloudinit-"));
});
afterEach(() => world.end());
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const overlay = {
  "etc/hornet/on-identity.d/10-check": { text: `#!/bin/sh\n[ "$BREAK" != yes ]\n`, mode: 0o755 },
  "etc/systemd/system/swarm-agent.service": `[Service]
ExecStart=/bin/sh -c 'echo "$AGENT_ID $API_KEY $(hostname)" >>/var/log/agent; sync; exec sleep infinity'
`,
};

/** Sets keys of the stack's config; systemd and cloud-init take minutes to boot under emulation on a busy machine. */
function configure(config: Record<string, string | number>): Promise<void> {
  const limit = Math.ceil(900 * settings().timeoutScale);
  return world.configure({ "hornet:fleet.readyTimeout": limit, "hornet:snapshot.boot.timeout": limit, ...config });
}

/** Begins a world whose clones get their identity from the cloud-init of this image. */
async function beginWith(rootfs: string, config: Record<string, string | number>): Promise<void> {
  world = await World.begin("--rootfs", rootfs);
  await configure({
    "hornet:snapshot.boot.memory": 256,
    "hornet:guest.identity": "cloud-init",
    "hornet:identity.env.API_KEY": CANARY,
    ...config,
  });
}

longTest(
  "clones of an image with cloud-init boot with their identities, keep no secret, and report failures",
  async () => {
    const rootfs = debianGuest(folder, "debian", { suite: "bookworm", packages: PACKAGES }, overlay);
    await beginWith(rootfs, {
      "hornet:fleet.count": 2,
      "hornet:vmm.shutdownTimeout": 60,
      "hornet:agent.service": "swarm-agent",
    });
    await world.npm("up");
    expect(await world.outputs()).toMatchObject({
      clones: [
        { name: "vm0", identityMethod: "cloud-init", ready: true },
        { name: "vm1", identityMethod: "cloud-init", ready: true },
      ],
    });
    for (const clone of ["vm0", "vm1"]) {
      expect(await world.in(clone, "hostname; stat -c '%a %U' /etc/swarm-env; cat /var/log/agent")).toBe(
        `${clone}\n600 root\n${clone} ${CANARY} ${clone}`,
      );
      expect(await world.in(clone, "cat /run/cloud-init/result.json")).toContain("DataSourceNoCloudNet");
      // What was told is where it belongs: cloud-init, which was told of it first, has kept none of it.
      const found = `grep -rl ${CANARY} /etc /home /root /run /tmp /usr/local /var 2>/dev/null`;
      expect(await world.in(clone, found)).toBe("/etc/swarm-env\n/var/log/agent");
    }
    const own = "cat /etc/machine-id; ssh-keygen -y -f /etc/ssh/ssh_host_ed25519_key";
    const [one, two] = [await world.in("vm0", own), await world.in("vm1", own)].map((text) => text.split("\n"));
    expect(one?.filter((line) => two?.includes(line))).toEqual([]);
    expect(await world.npm("up")).toContain("Nothing to change");

    // It looks at its metadata when it boots, so a change boots it again, with the disk that it has.
    await world.in("vm0", "echo mine >/root/mine; sync");
    await configure({ "hornet:identity.env.BREAK": "yes" });
    const broken = await world.tryNpm("up");
    expect(broken.code).not.toBe(0);
    expect(broken.stdout + broken.stderr).toMatch(
      /vm0 on root@.*: it could not take all of its identity: hook 10-check, exit code 1/,
    );
    await configure({ "hornet:identity.env.BREAK": "no" });
    await world.npm("up");
    expect(await world.in("vm0", "cat /root/mine; tail -n 1 /var/log/agent")).toBe(`mine\nvm0 ${CANARY} vm0`);
  },
);

longTest("an image that reads EC2's paths works", async () => {
  const source = "datasource_list: [Ec2]\ndatasource: { Ec2: { strict_id: false } }\n";
  const rootfs = debianGuest(
    folder,
    "ec2",
    { suite: "bookworm", packages: PACKAGES },
    { "etc/cloud/cloud.cfg.d/99-source.cfg": source },
  );
  await beginWith(rootfs, { "hornet:fleet.count": 1, "hornet:snapshot.boot.bootArgs": "ci.ds=Ec2" });
  await world.npm("up");
  expect(await world.in("vm0", "hostname; cloud-id; grep API_KEY= /etc/swarm-env")).toBe(
    `vm0\nec2\nAPI_KEY="${CANARY}"`,
  );
});

longTest("the template of an image whose cloud-init does not finish reports it", async () => {
  world = await World.begin();
  await world.configure({ "hornet:guest.identity": "cloud-init", "hornet:snapshot.boot.timeout": 10 });
  const refused = await world.tryNpm("up");
  expect(refused.code).not.toBe(0);
  expect(refused.stdout + refused.stderr).toMatch(
    /cloud-init in the guest of .*rootfs\.ext4 was not done within 10 s \(hornet:snapshot\.boot\.timeout\)/,
  );
  expect(await world.onDroplet("pgrep -c firecracker || :; ls /opt/swarm/snapshots 2>/dev/null || :")).toBe("0");
});
