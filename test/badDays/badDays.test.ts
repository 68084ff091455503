/** Bad days, made to happen on a droplet: each ends in one readable error and leaves nothing half-made. */
import { Session } from "../../host/session/session";
import { definition as checkDefinition } from "../../providers/droplet/check";
import type { Observation } from "../../sandbox/droplet";
import { Driver, sessions } from "../support/scratchProvider";
import { images, owner, Stage } from "../support/scratchStage";

jest.setTimeout(120_000);

const stage = Stage.use({ withVmm: true });
const runtime = "/opt/swarm/runtime";

async function messageOf(work: Promise<unknown>): Promise<string> {
  return work.then(
    () => "it succeeded",
    (error: unknown) => (error instanceof Error ? error.message : String(error)),
  );
}

function check(props: object = {}): Promise<Driver> {
  const droplet = stage.droplet.connection;
  return Driver.of(checkDefinition, { droplet, owner, runtimeDir: runtime, namespaces: ["vm7"], ...props });
}

describe("preflight reports before any change", () => {
  const needs = { memory: 16, files: [], disk: "", snapshot: "" };

  test.each<[what: string, happens: string, undone: string, props: object, words: RegExp]>([
    [
      "no nft",
      "mount --bind /dev/null /usr/sbin/nft",
      "umount /usr/sbin/nft",
      {},
      /missing on the droplet: nft; install with: apt-get install nftables/,
    ],
    [
      "an old nft",
      "printf '#!/bin/sh\\necho nftables v0.9.0\\n' >/tmp/nft; chmod +x /tmp/nft; mount --bind /tmp/nft /usr/sbin/nft",
      "umount /usr/sbin/nft; rm /tmp/nft",
      {},
      /nft is 0\.9\.0; Hornet needs 0\.9\.8 or later/,
    ],
    [
      "no ip",
      "mount --bind /dev/null $(command -v ip)",
      "umount $(readlink -f /usr/sbin/ip /sbin/ip | head -n 1)",
      {},
      /missing on the droplet: ip; install with: apt-get install iproute2/,
    ],
    ["no Firecracker", ":", ":", { firecracker: "/usr/bin/fc" }, /there is no Firecracker at \/usr\/bin\/fc/],
    [
      "a read-only file system",
      "mount -t tmpfs -o ro none /opt/swarm",
      "umount /opt/swarm",
      {},
      /is on a file system that is read-only/,
    ],
    [
      "a full inode table",
      "mount -t tmpfs -o nr_inodes=8 none /opt/swarm",
      "umount /opt/swarm",
      {},
      /\/opt\/swarm\/runtime: no inodes are left/,
    ],
    [
      "too little memory",
      ":",
      ":",
      { needs: { ...needs, memory: 100_000_000 } },
      /MiB of memory are available; 1 clones need about/,
    ],
    [
      "too little disk",
      "mount -t tmpfs -o size=1m none /opt/swarm; mkdir /opt/swarm/runtime; dd if=/dev/urandom of=/tmp/big bs=1M count=4 status=none",
      "umount /opt/swarm; rm /tmp/big",
      { needs: { ...needs, files: [{ path: "/tmp/big", key: "k" }], disk: "/tmp/big" } },
      /has \d MiB free; 1 disks may need 4 MiB/,
    ],
    [
      "a missing kernel",
      ":",
      ":",
      { needs: { ...needs, files: [{ path: "/nowhere", key: "hornet:snapshot.boot.kernel" }] } },
      /there is no \/nowhere on the droplet \(hornet:snapshot\.boot\.kernel\)/,
    ],
  ])("%s", async (_what, happens, undone, props, words) => {
    const one = await check(props);
    // Looked at around it: what is missing may be what looking needs.
    const before = await stage.observe();
    await stage.run(happens);
    try {
      expect(await messageOf(one.create())).toMatch(words);
    } finally {
      await sessions.close();
      await stage.run(undone);
    }
    expect(await stage.changesSince(before)).toEqual([]);
  });

  const many = (count: number): string[] => Array.from({ length: count }, (_, id) => `vm${id}`);

  test.each<[what: string, happens: string, props: object, words: RegExp]>([
    ["more clones than a bridge has ports", ":", { namespaces: many(1024) }, /with 1024 clones br0 would have 1024/],
    [
      "a bridge with ports of others",
      "ip link add br0 type bridge; ip tuntap add dev other0 mode tap; ip link set other0 master br0",
      { namespaces: many(1023) },
      /a bridge has 1023 ports; with 1023 clones br0 would have 1024/,
    ],
  ])("%s", async (_what, happens, props, words) => {
    const one = await check(props);
    await stage.run(happens);
    try {
      expect(await messageOf(one.create())).toMatch(words);
    } finally {
      await stage.run("ip link del other0 2>/dev/null || :; ip link del br0 2>/dev/null || :");
    }
  });

  test("a low limit of sessions per connection is a warning and not a fault", async () => {
    await stage.run("printf 'MaxSessions 3\\n' >>/etc/ssh/sshd_config");
    try {
      const one = await check();
      await one.create();
      expect(one.outs.warnings).toContainEqual(expect.stringContaining("sshd takes 3 sessions on one connection"));
      await one.delete();
    } finally {
      await sessions.close();
      await stage.run("sed -i '/^MaxSessions 3$/d' /etc/ssh/sshd_config");
    }
  });

  test.each(["AllowTcpForwarding no", "AllowTcpForwarding remote", "DisableForwarding yes"])(
    "a warning names clones that sshd, with %s, does not let through",
    async (line) => {
      await stage.run(`cp /etc/ssh/sshd_config /opt/sshd_config; sed -i '/^AllowTcpForwarding/d' /etc/ssh/sshd_config
        echo '${line}' >>/etc/ssh/sshd_config`);
      try {
        const one = await check();
        await one.create();
        expect(one.outs.warnings).toContainEqual(expect.stringContaining("sshd forwards no connections to clones"));
        await one.delete();
      } finally {
        await sessions.close();
        await stage.run("mv /opt/sshd_config /etc/ssh/sshd_config");
      }
    },
  );

  test("one report has all faults", async () => {
    const files = [{ path: "/nowhere", key: "hornet:snapshot.boot.kernel" }];
    const one = await check({ firecracker: "/usr/bin/fc", needs: { ...needs, memory: 100_000_000, files } });
    const message = await messageOf(one.create());
    expect(message).toMatch(/nothing was changed/);
    expect(message.match(/^ {2}- /gm)).toHaveLength(3);
  });

  test("a snapshot of another Firecracker's format is refused", async () => {
    const template = await stage.artifact();
    await template.create();
    try {
      const { folder } = template.outs.artifact as { folder: string };
      await stage.run(
        `cp -a ${folder} /opt/bare; sed -i 's/"snapshotFormat": "[^"]*"/"snapshotFormat": "5.0.0"/' /opt/bare/manifest.json`,
      );
      const one = await check({ needs: { ...needs, snapshot: "/opt/bare" } });
      expect(await messageOf(one.create())).toMatch(/the snapshot has 5\.0\.0, which needs Firecracker 1\.11;/);
    } finally {
      await stage.run("rm -rf /opt/bare");
      await template.delete();
    }
  });
});

describe("in the middle of an operation", () => {
  let bridge: Driver;
  let net: Driver;
  let template: Driver;
  let there: Observation;

  beforeEach(async () => {
    bridge = await stage.bridge();
    await bridge.create();
    template = await stage.artifact();
    await template.create();
    net = await stage.namespace();
    await net.create();
    there = await stage.observe();
  });
  afterEach(async () => {
    await net.delete();
    await template.delete();
    await bridge.delete();
  });

  async function failsWith(words: RegExp, props: object = {}): Promise<string> {
    const one = await stage.vm(template.outs.artifact, props);
    const message = await messageOf(one.create());
    expect(message).toMatch(words);
    await sessions.close();
    // Where the guest ran, its console and how its VMM ended are kept until the next up.
    const kept = /^\+files: \S+\/vm7\/(console\.log|console\.said|vmm\.exit) /;
    expect((await stage.changesSince(there)).filter((line) => !kept.test(line))).toEqual([]);
    return message;
  }

  test("the disk is full in the middle of a copy", async () => {
    const { folder } = template.outs.artifact as { folder: string };
    await stage.run(`dd if=/dev/urandom of=${folder}/rootfs.ext4 bs=1M count=8 conv=notrunc status=none
      cp -a ${runtime}/vm7 /tmp/vm7; mount -t tmpfs -o size=2m none ${runtime}/vm7; cp -a /tmp/vm7/. ${runtime}/vm7; rm -r /tmp/vm7`);
    there = await stage.observe();
    try {
      await failsWith(/No space left on device/);
    } finally {
      await sessions.close();
      await stage.run(`umount ${runtime}/vm7`);
    }
  });

  test("/run is full", async () => {
    const inodes = await stage.run("df --output=itotal /run | tail -n 1 | tr -d ' \\n'");
    await stage.run(
      "mount -o remount,nr_inodes=$(($(df --output=iused /run | tail -n 1) + 8)) /run; " +
        "for ((i = 0; i < 20; i++)); do touch /run/filler.$i 2>/dev/null || :; done",
    );
    try {
      const one = await stage.namespace({ namespace: "vm8", hostVeth: "veth8h", address: "10.0.0.10/24" });
      expect(await messageOf(one.create())).toMatch(/No space left on device/);
    } finally {
      await sessions.close();
      await stage.run(`mount -o remount,nr_inodes=${inodes} /run; rm -f /run/filler.*`);
    }
    expect(await stage.changesSince(there)).toEqual([]);
  });

  test("no more file descriptors", async () => {
    await net.read();
    await stage.run("for lane in $(pgrep -f hornet-lane); do prlimit --pid $lane --nofile=5:5; done");
    const one = await stage.vm(template.outs.artifact);
    expect(await messageOf(one.create())).toMatch(/Too many open files|Bad file descriptor|redirection error/);
    await sessions.close();
    await one.delete({
      sshHostKey: "",
      hostKeySeed: "",
      generation: "",
      pid: 0,
      disk: "",
      ready: false,
      timings: {},
    });
    expect(await stage.changesSince(there)).toEqual([]);
  });

  test.each<[what: string, vmm: string, words: RegExp]>([
    ["opens no socket", "exec sleep 1000", /did not open its socket in time/],
    ["ends at once", "echo it cannot; exit 7", /ended at once: it cannot/],
    // The words of the real jailer for a Firecracker that is no static build.
    [
      "needs libraries in a jail",
      "echo 'Failed to exec into Firecracker: No such file or directory (os error 2)'; exit 1",
      /\/opt\/vmm needs libraries, and a jail has none/,
    ],
    [
      "takes a connection and never answers",
      `exec perl -MIO::Socket::UNIX -e 'my $s = IO::Socket::UNIX->new(Local => $ARGV[0], Listen => 5) or die; my @c; push @c, $s->accept while 1' "$2"`,
      /timed out/i,
    ],
  ])("the error names a VMM that %s, which ends", async (_what, vmm, words) => {
    await stage.run(`cat >/opt/vmm <<'END'
#!/bin/bash
case "$*" in *--version*) echo "Firecracker v1.16.1"; exit ;; esac
${vmm}
END
chmod +x /opt/vmm`);
    there = await stage.observe();
    try {
      await failsWith(words, { firecracker: "/opt/vmm", vmmTimeout: 1 });
    } finally {
      await sessions.close();
      await stage.run("rm /opt/vmm");
    }
  });

  test("the error for a guest that never becomes ready has the end of its console", async () => {
    const message = await failsWith(/was not ready within 1 s \(hornet:fleet\.readyTimeout\)/, { readyTimeout: 1 });
    expect(message).toMatch(/the end of its console:[^]*hornet-identity: waiting/);
  });

  test("a snapshot file that is cut short is refused", async () => {
    const { folder } = template.outs.artifact as { folder: string };
    await stage.run(`truncate -s 3 ${folder}/vm.snapshot`);
    there = await stage.observe();
    await failsWith(/Load snapshot error: .*File too short to contain CRC/);
  });

  test("the error names another operation that holds the droplet's lock, and nothing changes", async () => {
    // This process's own session has the lock until it is closed.
    await sessions.close();
    const other = new Session(stage.droplet.connection);
    try {
      await other.perform({ what: "hold the lock", run: "effect hold true" });
      const droplet = { ...stage.droplet.connection, lockTimeout: 1 };
      const one = await stage.namespace({ droplet, namespace: "vm8", hostVeth: "veth8h" });
      const message = await messageOf(one.create());
      expect(message).toMatch(/is locked by .*process \d+ \(pid \d+ on the droplet, for \d+ s\)/);
    } finally {
      await other.close();
      await sessions.close();
    }
    expect(await stage.run(`ls -A ${images} | wc -l`)).toBe("2\n");
    expect(await stage.changesSince(there)).toEqual([]);
  });
});
