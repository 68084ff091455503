import { Driver, effectsOf, messageWhenFailing } from "../../test/support/scratchProvider";
import { declared, other, owner, Stage } from "../../test/support/scratchStage";

jest.setTimeout(120_000);

const stage = Stage.use({ undo: () => base.delete() });

/** The clone's namespace reaches the bridge's address: a closed port of it answers. */
async function reachesTheDroplet(): Promise<void> {
  const answer = await stage.run("ip netns exec vm7 timeout 5 bash -c ': </dev/tcp/10.0.0.1/9' 2>&1 || :");
  expect(answer).toContain("Connection refused");
}

let base: Driver;

beforeEach(async () => {
  base = await stage.bridge();
  await base.create();
});

test("create, read, delete, and delete again", async () => {
  const one = await stage.namespace();
  const rules = await stage.nat();
  expect(await one.create()).toMatchObject({ namespace: "vm7", hostVeth: "veth7h", ...declared });
  expect(await rules.create()).toMatchObject({ namespace: "vm7", ...declared });
  expect(await one.read()).toMatchObject({ id: "vm7", ...declared });
  expect(await rules.read()).toMatchObject({ id: "vm7", ...declared });
  await reachesTheDroplet();
  await rules.delete();
  expect(await stage.run("nsenter --net=/run/netns/vm7 nft list ruleset")).toBe("");
  expect((await rules.read()).id).toBe("");
  await rules.delete();
  await one.delete();
  expect((await one.read()).id).toBe("");
  await one.delete();
  await rules.delete();
});

test("a guest's router advertisement configures nothing, and IPv6 that somebody enabled is drift", async () => {
  const one = await stage.namespace();
  await one.create();
  // Ethernet, IPv6, ICMPv6 type 134 with a prefix that autoconfiguration would take, and its checksum.
  const advertise = `
    use Socket; use Fcntl;
    sysopen(my $t, "/dev/net/tun", O_RDWR) or die "tun: $!";
    my $tap = pack("Z16 S x22", "tap0", 0x1002); ioctl($t, 0x400454ca, $tap) or die "TUNSETIFF: $!";
    my $from = pack("H*", "fe80000000000000" . "0000000000000002"); my $to = pack("H*", "ff020000000000000000000000000001");
    my $icmp = pack("C C n C C n N N", 134, 0, 0, 64, 0, 1800, 0, 0)
      . pack("C C C C N N N", 3, 4, 64, 0xc0, 86400, 14400, 0) . pack("H*", "20010db8000000000000000000000000");
    my $sum = 0; $sum += $_ for unpack("n*", $from . $to . pack("N N", length $icmp, 58) . $icmp);
    $sum = ($sum & 0xffff) + ($sum >> 16) while $sum >> 16;
    substr($icmp, 2, 2) = pack("n", ~$sum & 0xffff);
    my $packet = pack("N n C C", 0x60000000, length $icmp, 58, 255) . $from . $to . $icmp;
    for (1 .. 20) { syswrite $t, pack("H*", "33330000000102fc00000002" . "86dd") . $packet or die "write: $!"; select undef, undef, undef, 0.05 }`;
  const send = `nsenter --net=/run/netns/vm7 perl -e '${advertise}'`;
  const seen = "ip -n vm7 -6 addr show; ip -n vm7 -6 route show";
  await stage.run(send);
  expect(await stage.run(seen)).toBe("");
  // With IPv6 on, the same advertisement configures an address: the program that sends it works.
  const on =
    "for f in all default tap0; do echo 0 >/proc/sys/net/ipv6/conf/$f/disable_ipv6; echo 2 >/proc/sys/net/ipv6/conf/$f/accept_ra; echo 1 >/proc/sys/net/ipv6/conf/$f/autoconf; done";
  await stage.run(`nsenter --net=/run/netns/vm7 bash -c '${on}'; ${send}`);
  expect(await stage.run(seen)).toContain("2001:db8::");
  await stage.repairs(one, "true", "vm7 accepts IPv6 on all, default, lo, tap0, veth0");
  await stage.run(send);
  expect(await stage.run(seen)).toBe("");
  await one.delete();
});

test("read reports every drift of the network, and update repairs it", async () => {
  const one = await stage.namespace();
  await one.create();
  const inside = (line: string): string => `ip -n vm7 ${line}`;
  await stage.repairs(one, "ip link set veth7h down", "veth7h down");
  await stage.repairs(one, "ip link set veth7h nomaster", "veth7h is not a port of br0; veth7h is not isolated");
  await stage.repairs(one, "ip link set veth7h type bridge_slave isolated off", "veth7h is not isolated");
  await stage.repairs(one, "ip link set veth7h alias x", "veth7h lost its owner label");
  await stage.repairs(one, "ip link set veth7h address 0a:00:00:00:00:01", "veth7h has another MAC address");
  await stage.repairs(one, "ip link del veth7h", "veth pair veth7h/veth0 missing");
  await stage.repairs(one, "ip link set veth7h down; ip link set veth7h name moved", "veth pair veth7h/veth0 missing");
  await stage.repairs(one, inside("link set lo down"), "lo down");
  await stage.repairs(one, inside("link set lo alias x"), "lo lost its owner label");
  await stage.repairs(one, inside("link set veth0 address 06:00:00:00:00:01"), "veth0 has another MAC address");
  await stage.repairs(one, inside("link set veth0 down"), "veth0 down; default route missing");
  await stage.repairs(
    one,
    inside("addr del 10.0.0.9/24 dev veth0"),
    "address 10.0.0.9/24 missing on veth0; default route missing",
  );
  await stage.repairs(one, inside("addr add 10.0.0.99/24 dev veth0"), "veth0 has a foreign address 10.0.0.99/24");
  await stage.repairs(one, inside("route del default"), "default route missing");
  await stage.repairs(one, inside("route replace default via 10.0.0.2 dev veth0"), "default route changed");
  await stage.repairs(one, inside("route add default dev tap0 metric 7"), "default route changed");
  await stage.repairs(one, inside("route add default via 10.0.0.1 dev veth0 metric 7"), "default route changed");
  await stage.repairs(one, inside("link del tap0"), "tap0 missing");
  await stage.repairs(one, `${inside("link del tap0")}; ${inside("link add tap0 type bridge")}`, "tap0 missing");
  await stage.repairs(one, inside("link set tap0 down"), "tap0 down");
  await stage.repairs(one, inside("link set tap0 address 02:00:00:00:00:01"), "tap0 has another MAC address");
  await stage.repairs(one, inside("addr flush dev tap0"), "address 192.168.241.1/29 missing on tap0");
  await stage.repairs(one, "ip netns del vm7", "namespace vm7 missing");
  await reachesTheDroplet();
  await one.delete();
});

test("delete fails where it cannot restore the owner label of a namespace of this stack", async () => {
  const one = await stage.namespace();
  await one.create();
  await stage.run("rm -r /opt/swarm/runtime/vm7; echo x >/opt/swarm/runtime/vm7");
  await expect(one.delete()).rejects.toThrow("cannot write this stack's owner label into /opt/swarm/runtime/vm7");
  expect(await stage.run("ip netns list")).toContain("vm7");
  await stage.run("rm /opt/swarm/runtime/vm7");
  await one.delete();
});

test("update removes isolation in place", async () => {
  const one = await stage.namespace();
  await one.create();
  await one.update({ isolated: false });
  expect(await stage.run("bridge -d link show dev veth7h")).toContain("isolated off");
  expect(await one.read()).toMatchObject(declared);
  await one.delete();
});

test("update changes the address in place", async () => {
  const one = await stage.namespace();
  await one.create();
  await one.update({ address: "10.0.0.10/24" });
  expect(await one.read()).toMatchObject(declared);
  expect(await stage.run("ip -n vm7 -4 -br addr show veth0")).toMatch(/ 10\.0\.0\.10\/24 *\n$/);
  await one.delete();
});

test("update moves to another bridge network in place, with MAC addresses and route", async () => {
  const one = await stage.namespace();
  await one.create();
  const tap = "ip -n vm7 -o link show tap0 | cut -d: -f1";
  const there = await stage.run(tap);
  await base.delete();
  const moved = await stage.bridge({ address: "10.7.0.1/24" });
  await moved.create();
  await one.update({ address: "10.7.0.9/24", gateway: "10.7.0.1" });
  expect(await one.read()).toMatchObject(declared);
  expect(await stage.run("ip -n vm7 route show default")).toBe("default via 10.7.0.1 dev veth0 \n");
  expect(await stage.run(tap)).toBe(there);
  await one.delete();
  await moved.delete();
});

test("create completes what this stack left half-made", async () => {
  const claim = `mkdir /opt/swarm/runtime/vm7; echo '${owner}' >/opt/swarm/runtime/vm7/owner`;
  const net = "ip netns add vm7";
  const veth =
    "ip link add veth7h address 0a:fc:0a:00:00:09 type veth peer name veth0 address 06:fc:0a:00:00:09 netns vm7";
  for (const left of [
    claim,
    `${claim}; ${net}`,
    `${claim}; ${net}; ${veth}`,
    `${claim}; ${net}; ${veth}; ip link set veth7h alias '${owner}' master br0 up; ip -n vm7 link set lo up`,
    `${claim}; ${net}; ${veth}; ip -n vm7 tuntap add dev tap0 mode tap`,
    // An `ip netns` that is killed half-way leaves a plain file in place of the namespace.
    `${claim}; mkdir -p /run/netns; : >/run/netns/vm7`,
    `mkdir -p /run/netns; : >/run/netns/vm7`,
  ]) {
    await stage.run(left);
    const one = await stage.namespace();
    await one.create();
    expect({ left, ...(await one.read()) }).toMatchObject({ left, ...declared });
    await one.delete();
  }
});

test.each([
  ["somebody else's namespace", "ip netns add vm7", "ip netns del vm7", "network namespace vm7 already exists"],
  ["somebody else's link", "ip tuntap add dev veth7h mode tap", "ip link del veth7h", "link veth7h already exists"],
  [
    "somebody else's folder",
    "mkdir /opt/swarm/runtime/vm7; touch /opt/swarm/runtime/vm7/x",
    "rm -r /opt/swarm/runtime/vm7",
    "/opt/swarm/runtime/vm7 exists and does not belong to Hornet",
  ],
])("create refuses %s and changes nothing", async (_name, make, undo, message) => {
  await stage.run(make);
  const stranger = await stage.observe();
  const one = await stage.namespace();
  await expect(one.create()).rejects.toThrow(message);
  expect(await stage.changesSince(stranger)).toEqual([]);
  await one.delete();
  expect(await stage.changesSince(stranger)).toEqual([]);
  await stage.run(undo);
});

test("create refuses a namespace of another stack, which the error names, and delete leaves it", async () => {
  const theirs = await stage.namespace({}, other);
  await theirs.create();
  const there = await stage.observe();
  const one = await stage.namespace();
  await expect(one.create()).rejects.toThrow(/belongs to the stack p\/two\n {2}next: .*hornet:fleet.startId/);
  await one.delete();
  const rules = await stage.nat();
  await expect(rules.create()).rejects.toThrow("namespace vm7 does not belong to this stack");
  await rules.delete({ rules: [] });
  expect(await stage.changesSince(there)).toEqual([]);
  await theirs.delete();
});

test("neither update nor delete removes somebody else's link in the place of ours", async () => {
  const one = await stage.namespace();
  await one.create();
  await stage.run("ip link del veth7h; ip tuntap add dev veth7h mode tap");
  await expect(one.update()).rejects.toThrow("link veth7h already exists");
  expect(await stage.run("ip -br link show veth7h")).toContain("veth7h");
  await one.delete();
  expect(await stage.run("ip -br link show veth7h")).toContain("veth7h");
  await stage.run("ip link del veth7h");
});

test("delete refuses a namespace in which somebody else's process runs", async () => {
  const one = await stage.namespace();
  await one.create();
  await stage.run("setsid ip netns exec vm7 sleep 4801 >/dev/null 2>&1 </dev/null & sleep 0.2");
  await expect(one.delete()).rejects.toThrow(/processes still run in namespace vm7: \d+/);
  expect(await one.read()).toMatchObject(declared);
  await stage.run("pkill -fx 'sleep 4801'; sleep 0.1");
  await one.delete();
});

describe("a folder that lost its owner label", () => {
  const lost = "the folder of vm7 lost its owner label";

  test("is drift and is repaired, because the namespace still has the label", async () => {
    const one = await stage.namespace();
    await one.create();
    const { id } = JSON.parse(await stage.run("ip -n vm7 -j link show veth0 | jq '{id: .[0].ifindex}'")) as {
      id: number;
    };
    await stage.repairs(one, "rm -r /opt/swarm/runtime/vm7", lost);
    // A state has the clone, so the repair must not mark it as pending.
    await stage.run("[[ ! -e /opt/swarm/runtime/vm7/begun ]]");
    await stage.repairs(one, "rm /opt/swarm/runtime/vm7/owner; ip -n vm7 link set tap0 down", `${lost}; tap0 down`);
    await stage.repairs(one, "echo mine >/opt/swarm/runtime/vm7/owner", lost);
    expect(await stage.run("ip -n vm7 -j link show veth0 | jq '.[0].ifindex'")).toBe(`${id}\n`);
    await one.delete();
  });

  test.each([
    "rm -r /opt/swarm/runtime/vm7",
    "ip link set veth7h down; ip link set veth7h name moved; rm -r /opt/swarm/runtime/vm7",
  ])("does not hinder delete: %s", async (drift) => {
    const there = await stage.observe();
    const one = await stage.namespace();
    await one.create();
    await stage.run(drift);
    await one.delete();
    expect(await stage.changesSince(there)).toEqual([]);
  });

  test("and whose namespace is gone too reads as gone", async () => {
    const one = await stage.namespace();
    await one.create();
    await stage.run("rm -r /opt/swarm/runtime/vm7; ip netns del vm7");
    expect((await one.read()).id).toBe("");
  });

  test("is left alone where it has another stack's label now", async () => {
    const one = await stage.namespace();
    await one.create();
    await stage.run(`echo '${other}' >/opt/swarm/runtime/vm7/owner`);
    const theirs = await stage.observe();
    expect((await one.read()).condition).toBe(lost);
    await expect(one.update()).rejects.toThrow("vm7 on this droplet belongs to the stack p/two");
    await one.delete();
    expect(await stage.changesSince(theirs)).toEqual([]);
    await stage.run(`echo '${owner}' >/opt/swarm/runtime/vm7/owner`);
    await one.delete();
  });
});

test("whichever step of a create fails, the error names it and nothing is left", async () => {
  const there = await stage.observe();
  const probe = await stage.namespace();
  const net = await effectsOf(stage.droplet.folder, () => probe.create());
  const rulesProbe = await stage.nat();
  const rules = await effectsOf(stage.droplet.folder, () => rulesProbe.create());
  const inside = "nsenter --net=/run/netns/vm7 bash --norc -c 'nft list ruleset; cat /proc/sys/net/ipv4/ip_forward'";
  expect(await stage.run(inside)).toMatch(/^table ip hornet \{[\s\S]*\n1\n$/);
  expect(rules).toEqual(["vm7/rules", "vm7/finish"]);
  for (const effect of rules) {
    await rulesProbe.delete();
    await stage.run("echo yes >/opt/swarm/runtime/vm7/begun");
    expect(await stage.run(inside)).toBe("0\n");
    const message = await messageWhenFailing(effect, () => rulesProbe.create());
    expect(message).toContain(`injected failure at ${effect}`);
    expect(await stage.run(inside)).toBe("0\n");
  }
  await probe.delete();
  expect(net).toEqual(expect.arrayContaining(["vm7/claim", "vm7/note", "vm7/links", "vm7/inside"]));
  for (const effect of net) {
    const one = await stage.namespace();
    const message = await messageWhenFailing(effect, () => one.create());
    expect(message).toContain("set up the network of vm7 failed on root@127.0.0.1");
    expect(message).toContain(`injected failure at ${effect}`);
    expect({ effect, left: await stage.changesSince(there) }).toEqual({ effect, left: [] });
  }
});

test("a create without its bridge fails half-way and leaves nothing", async () => {
  const one = await stage.namespace({ bridge: "br9" });
  const there = await stage.observe();
  await expect(one.create()).rejects.toThrow(/set up the network of vm7 failed[\s\S]*br9/);
  expect(await stage.changesSince(there)).toEqual([]);
});

test("whichever step of a delete fails, the error names it and the next delete completes", async () => {
  const there = await stage.observe();
  const probe = await stage.namespace();
  await probe.create();
  const effects = await effectsOf(stage.droplet.folder, () => probe.delete());
  expect(effects).toEqual(expect.arrayContaining(["vm7/del-network", "vm7/unclaim"]));
  for (const effect of effects) {
    const one = await stage.namespace();
    await one.create();
    expect(await messageWhenFailing(effect, () => one.delete())).toContain(`injected failure at ${effect}`);
    await one.delete();
    expect({ effect, left: await stage.changesSince(there) }).toEqual({ effect, left: [] });
  }
});
