import { bridgeMac } from "../../plan/network/bridge";
import { effectsOf, messageWhenFailing, newOperation } from "../../test/support/scratchProvider";
import { declared, other, owner, Stage } from "../../test/support/scratchStage";

jest.setTimeout(120_000);

const stage = Stage.use();

test("create, read, delete, and delete again", async () => {
  const one = await stage.bridge();
  expect(await one.create()).toMatchObject({ adopted: false, ...declared });
  expect(await one.read()).toMatchObject({ id: "br0", ...declared });
  expect(await stage.run("cat /proc/sys/net/ipv4/ip_forward /sys/class/net/br0/address")).toBe(
    `1\n${bridgeMac("br0")}\n`,
  );
  expect(await stage.run("cat /sys/class/net/br0/ifalias")).toBe(`${owner}\n`);
  await one.delete();
  expect(await stage.changesSince(stage.before)).toEqual([]);
  expect(await one.read()).toEqual({ id: "", condition: undefined, props: {} });
  await one.delete();
});

test("read reports every drift, and update repairs it", async () => {
  const one = await stage.bridge();
  await one.create();
  const table = `hornet_${owner.slice(-12)}_br0`;
  await stage.repairs(one, "ip link set br0 down", "br0 down");
  await stage.repairs(one, "ip addr flush dev br0", "address 10.0.0.1/24 missing on br0");
  await stage.repairs(one, "ip link set br0 alias x", "br0 lost its owner label");
  await stage.repairs(one, "echo 0 >/proc/sys/net/ipv4/ip_forward", "IPv4 forwarding off");
  await stage.repairs(one, "ip link set br0 address 02:00:00:00:00:09", "br0 has another MAC address");
  await stage.repairs(one, "ip link set br0 down; ip link set br0 name brx", "bridge br0 was renamed to brx; br0 down");
  expect(await stage.run("ls /sys/class/net")).not.toContain("brx");
  await stage.repairs(one, "rm -r /opt/swarm/runtime/.bridge-*", "the folder of br0 lost its owner label");
  // The note of the droplet before Hornet was lost with the folder.
  await stage.run(": >/opt/swarm/runtime/.bridge-br0-*/forwarding-was-off");
  await stage.repairs(one, "ip link del br0", "bridge br0 missing");
  await stage.repairs(one, `nft delete table ip ${table}`, `nft table ${table} missing`);
  await stage.repairs(
    one,
    `nft flush table ip ${table}`,
    "nft rule the droplet's other addresses missing; nft rule masquerade missing",
  );
  await stage.repairs(one, `nft add rule ip ${table} postrouting accept`, "nft rule without a name is not Hornet's");
  await stage.repairs(
    one,
    `nft insert rule ip ${table} postrouting counter comment '"mine"'`,
    "nft rule mine is not Hornet's",
  );
  await stage.repairs(
    one,
    `ip link set br0 down; nft flush table ip ${table}; echo 0 >/proc/sys/net/ipv4/ip_forward`,
    "br0 down; IPv4 forwarding off; nft rule the droplet's other addresses missing; nft rule masquerade missing",
  );
  await one.delete();
});

test("a bridge that somebody removed reads as gone, and delete succeeds", async () => {
  const one = await stage.bridge();
  await one.create();
  await stage.run(`ip link del br0; nft delete table ip hornet_${owner.slice(-12)}_br0; rm -rf /opt/swarm/runtime`);
  await stage.run("echo 0 >/proc/sys/net/ipv4/ip_forward");
  expect((await one.read()).id).toBe("");
  await one.delete();
});

test("a new bridge that is created before the old one is deleted keeps its rules", async () => {
  const one = await stage.bridge();
  await one.create();
  const next = await stage.bridge({ name: "br7", address: "10.7.0.1/24" });
  await next.create();
  await one.delete();
  expect(await next.read()).toMatchObject(declared);
  expect((await stage.run("cat /proc/sys/net/ipv4/ip_forward")).trim()).toBe("1");
  await next.delete();
});

test("update changes the uplink's rule in place", async () => {
  const one = await stage.bridge();
  const { rules } = await one.create();
  expect((await one.update({ uplink: "eth0" })).rules).not.toEqual(rules);
  expect(await stage.run("nft list ruleset")).toContain('oifname "eth0" masquerade');
  expect(await one.read()).toMatchObject(declared);
  await one.delete();
});

test("create completes what this stack left half-made", async () => {
  const one = await stage.bridge();
  const folder = `/opt/swarm/runtime/.bridge-br0-${owner.slice(-12)}`;
  const claim = `mkdir -p ${folder}; echo '${owner}' >${folder}/owner`;
  for (const left of [
    claim,
    `${claim}; echo 'ours 0' >${folder}/origin; ip link add br0 type bridge; ip link set br0 alias '${owner}'`,
    `${claim}; echo 'ours 0' >${folder}/origin; : >${folder}/forwarding-was-off`,
  ]) {
    await stage.run(left);
    await one.create();
    expect({ left, ...(await one.read()) }).toMatchObject({ left, ...declared });
    // A second create changes nothing.
    await one.create();
    await one.delete();
    // The test made the folder, so Hornet leaves it.
    await stage.run("rmdir /opt/swarm/runtime");
    expect(await stage.changesSince(stage.before)).toEqual([]);
  }
});

test("forwarding that was on stays on", async () => {
  await stage.run("echo 1 >/proc/sys/net/ipv4/ip_forward");
  const one = await stage.bridge();
  await one.create();
  await one.delete();
  expect(await stage.run("cat /proc/sys/net/ipv4/ip_forward")).toBe("1\n");
  await stage.run("echo 0 >/proc/sys/net/ipv4/ip_forward");
});

test("create adopts an existing bridge and completes it; delete restores it", async () => {
  await stage.run("ip link add br0 type bridge; ip link set br0 alias lan up; ip addr add 10.9.0.1/24 dev br0");
  const stranger = await stage.observe();
  const one = await stage.bridge();
  expect(await one.create()).toMatchObject({ adopted: true });
  expect(await one.read()).toMatchObject(declared);
  expect(await stage.run("cat /sys/class/net/br0/ifalias; ip -4 -br addr show br0")).toMatch(
    /^lan\nbr0 .*10\.9\.0\.1\/24 10\.0\.0\.1\/24/,
  );
  await stage.repairs(one, "ip addr del 10.0.0.1/24 dev br0", "address 10.0.0.1/24 missing on br0");
  await one.delete();
  expect(await stage.changesSince(stranger)).toEqual([]);
  await stage.run("ip link del br0");
});

test("a bridge that replaced ours is adopted, and stays after delete", async () => {
  const one = await stage.bridge();
  await one.create();
  await stage.run("ip link del br0; ip link add br0 type bridge; ip link set br0 alias lan up");
  await stage.repairs(one, ":", "br0 was replaced by another bridge; address 10.0.0.1/24 missing on br0");
  expect(one.outs).toMatchObject({ adopted: true });
  await one.delete();
  expect(await stage.run("cat /sys/class/net/br0/ifalias; ip -4 -br addr show br0")).not.toContain("10.0.0.1");
  await stage.run("ip link del br0");
});

test("one update restores the owner labels of folder and bridge", async () => {
  const one = await stage.bridge();
  await one.create();
  const folder = "/opt/swarm/runtime/.bridge-br0-*";
  const lost = "the folder of br0 lost its owner label";
  await stage.repairs(one, `rm ${folder}/owner`, lost);
  await stage.repairs(one, `rm ${folder}/owner; ip link set br0 alias x`, `${lost}; br0 lost its owner label`);
  await stage.run(`rm ${folder}/owner`);
  await one.delete();
});

test("an adopted bridge keeps an address that it had before", async () => {
  await stage.run("ip link add br0 type bridge; ip addr add 10.0.0.1/24 dev br0; ip link set br0 up");
  const stranger = await stage.observe();
  const one = await stage.bridge();
  expect(await one.create()).toMatchObject({ adopted: true });
  await one.delete();
  expect(await stage.changesSince(stranger)).toEqual([]);
  await stage.run("ip link del br0");
});

test.each(["ours", "adopted"])("%s: the next run removes an address that an interrupted run added", async (whose) => {
  if (whose === "adopted")
    await stage.run("ip link add br0 type bridge; ip addr add 10.9.0.1/24 dev br0; ip link set br0 up");
  const stranger = await stage.observe();
  const addresses = (): Promise<string> =>
    stage.run("ip -4 -br addr show br0 | grep -o '10[.][0-9./]*' | sort | xargs");
  const theirs = whose === "adopted" ? " 10.9.0.1/24" : "";
  const before = await stage.bridge();
  await before.create();
  // As after an interrupted run: the bridge was not deleted before it got another address.
  const cut = await stage.bridge({ address: "10.7.0.1/24" });
  await cut.create();
  expect(await addresses()).toBe(`10.7.0.1/24${theirs}\n`);
  const back = await stage.bridge();
  await back.create();
  expect(await addresses()).toBe(`10.0.0.1/24${theirs}\n`);
  await back.delete();
  expect(await stage.changesSince(stranger)).toEqual([]);
  if (whose === "adopted") await stage.run("ip link del br0");
});

test("create refuses a link of that name that is no bridge, and changes nothing", async () => {
  await stage.run("ip tuntap add dev br0 mode tap");
  const stranger = await stage.observe();
  const one = await stage.bridge();
  await expect(one.create()).rejects.toThrow("br0 already exists and is not a bridge");
  expect(await stage.changesSince(stranger)).toEqual([]);
  await stage.run("ip link del br0");
});

test("two stacks on one bridge: the first to leave hands the bridge over, with forwarding", async () => {
  const one = await stage.bridge();
  const two = await stage.bridge({}, other);
  await one.create();
  expect(await two.create()).toMatchObject({ adopted: true });
  await one.delete();
  expect(await stage.run("cat /sys/class/net/br0/ifalias /proc/sys/net/ipv4/ip_forward")).toBe(`${other}\n1\n`);
  expect(await two.read()).toMatchObject(declared);
  await two.delete();
  expect(await stage.changesSince(stage.before)).toEqual([]);
});

test("two stacks on one bridge: the second one leaves first", async () => {
  const one = await stage.bridge();
  const two = await stage.bridge({}, other);
  await one.create();
  await two.create();
  await two.delete();
  expect(await one.read()).toMatchObject(declared);
  await one.delete();
});

test("two stacks with a bridge each: forwarding stays on as long as one of them exists", async () => {
  const one = await stage.bridge();
  const two = await stage.bridge({ name: "br1", address: "10.1.0.1/24" }, other);
  await one.create();
  await two.create();
  await one.delete();
  expect(await two.read()).toMatchObject(declared);
  expect(await stage.run("cat /proc/sys/net/ipv4/ip_forward; ls /sys/class/net")).toMatch(/^1\nbr1\n/);
  await two.delete();
});

test("delete refuses a bridge with somebody else's port, which keeps working until the port is gone", async () => {
  const one = await stage.bridge();
  await one.create();
  await stage.run("ip tuntap add dev port7 mode tap; ip link set port7 master br0");
  await expect(one.delete()).rejects.toThrow("br0 still has the ports port7");
  expect(await one.read()).toMatchObject(declared);
  await stage.run("ip link del port7");
  await one.delete();
});

test("delete removes the folders that create made, and no others", async () => {
  await stage.run("mkdir -p /opt/swarm/deep");
  const stranger = await stage.observe();
  const one = await stage.bridge({ runtimeDir: "/opt/swarm/deep/er/runtime" });
  await one.create();
  expect(await stage.run("ls -A /opt/swarm/deep/er")).toContain("runtime");
  await one.delete();
  expect(await stage.changesSince(stranger)).toEqual([]);
  await stage.run("rmdir /opt/swarm/deep");
});

test("whichever step of a create fails, the error names it and nothing is left", async () => {
  const probe = await stage.bridge();
  const effects = await effectsOf(stage.droplet.folder, () => probe.create());
  await probe.delete();
  expect(effects).toEqual(
    expect.arrayContaining(["bridge/claim", "bridge/origin", "bridge/links", "bridge/forward", "bridge/rules"]),
  );
  for (const effect of effects) {
    const one = await stage.bridge();
    const message = await messageWhenFailing(effect, () => one.create());
    expect(message).toContain("set up the bridge br0 failed on root@127.0.0.1");
    expect(message).toContain(`injected failure at ${effect}`);
    expect({ effect, left: await stage.changesSince(stage.before) }).toEqual({ effect, left: [] });
  }
});

test("whichever step of a delete fails, the error names it and the next delete completes", async () => {
  const probe = await stage.bridge();
  await probe.create();
  const effects = await effectsOf(stage.droplet.folder, () => probe.delete());
  expect(effects.length).toBeGreaterThan(3);
  for (const effect of effects) {
    const one = await stage.bridge();
    await one.create();
    expect(await messageWhenFailing(effect, () => one.delete())).toContain(`injected failure at ${effect}`);
    await one.delete();
    expect({ effect, left: await stage.changesSince(stage.before) }).toEqual({ effect, left: [] });
  }
});

test("two fleets of one program create one bridge at once, and delete it at once", async () => {
  const both = [await stage.bridge(), await stage.bridge({}, other)];
  const [up, down] = [newOperation(), newOperation()];
  await Promise.all(both.map((one) => one.create(up)));
  for (const one of both) expect(await one.read()).toMatchObject(declared);
  await Promise.all(both.map((one) => one.delete({}, down)));
  expect(await stage.changesSince(stage.before)).toEqual([]);
});
