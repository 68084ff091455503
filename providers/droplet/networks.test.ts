/**
 * What Preflight says of a droplet's networks and firewalls: each condition is made in one simulated droplet, judged, and undone.
 * docs/network.md lists the conditions by their names here.
 */
import { parseKeyValues } from "../../model/keyValues";
import { networkVars } from "../../plan/preflight/fleetNetwork";
import { judgeNetwork } from "../../plan/preflight/networks";
import { Driver, sessions } from "../../test/support/scratchProvider";
import { clone, flush, foreignOff, legacyOff, network, type Condition } from "../../test/support/conditions";
import { firewalls } from "../../test/support/firewallConditions";
import { addresses, uplinks } from "../../test/support/networkConditions";
import { buildWorld, endWorld, guestIn, reaches } from "../../test/support/networkWorld";
import { other, owner, Stage } from "../../test/support/scratchStage";
import { definition } from "./check";

jest.setTimeout(240_000);

const stage = Stage.use({ withVmm: true, undo: () => sessions.close() });

/** What Preflight says, by the part of it that is about networks: all of it takes four times as long. */
async function judge({ network: own = network }: Condition): Promise<{ refused: string; warned: string }> {
  const session = sessions.of(stage.droplet.connection);
  const fleet = { ...network, ...own, bridge: "br0", owner, known: [] };
  const vars = { runtime_dir: "/opt/swarm/runtime", owner, bridge: "br0", ...networkVars(fleet) };
  const facts = parseKeyValues(await session.perform({ what: "look at its networks", run: "network_facts", vars }));
  const refused: string[] = [];
  const warned: string[] = [];
  judgeNetwork(facts, fleet, { fault: (text) => void refused.push(text), warn: (text) => void warned.push(text) });
  return { refused: refused.join("\n"), warned: warned.join("\n") };
}

/** The commands of a text. */
function mendsOf(text: string): string {
  return /Run on the droplet, and keep it where its firewall keeps its rules: (.*)/.exec(text)?.[1] ?? "false";
}

/** Makes each condition, and collects what Preflight says of it. */
async function judgeAll(all: Readonly<Record<string, Condition>>): Promise<void> {
  const found: Record<string, unknown> = {};
  const expected: Record<string, unknown> = {};
  const text = (words: RegExp | undefined): unknown => (words === undefined ? "" : expect.stringMatching(words));
  for (const [name, condition] of Object.entries(all)) {
    const { make, undo, refused, warned, mends, tools = "" } = condition;
    try {
      await stage.run(make);
      const said = await judge(condition);
      found[name] = { ...said };
      expected[name] = { refused: text(refused), warned: text(warned) };
      if (mends !== true) continue;
      await stage.run(`${tools}\n${mendsOf(said.refused + said.warned)}`);
      found[`${name}, mended`] = await judge(condition);
      expected[`${name}, mended`] = { refused: "", warned: "" };
    } catch (error) {
      found[name] = error;
    } finally {
      await stage.run(undo);
    }
  }
  expect(found).toEqual(expected);
}

async function check(props: object = {}): Promise<Driver> {
  const droplet = stage.droplet.connection;
  const common = { droplet, owner, runtimeDir: "/opt/swarm/runtime", namespaces: ["vm0", "vm1"] };
  return Driver.of(definition, { ...common, network, ...props });
}

test("addresses and routes", () => judgeAll(addresses));
test("uplinks and bridges", () => judgeAll(uplinks));
test("firewalls", () => judgeAll(firewalls));

test("an operator who comes from the bridge's network is not cut off", async () => {
  const force = `ForceCommand SSH_CONNECTION="10.0.0.3 40000 10.0.0.5 22" exec sh -c "$SSH_ORIGINAL_COMMAND"`;
  await stage.run(`echo '${force}' >>/etc/ssh/sshd_config`);
  try {
    await sessions.close();
    await expect((await check()).create()).rejects.toThrow(
      /10\.0\.0\.0\/24 is in use on the droplet: this ssh connection comes from 10\.0\.0\.3\. Free there: hornet:bridge\.address: 10\.201\.0\.1\/24/,
    );
  } finally {
    await sessions.close();
    await stage.run("sed -i '/^ForceCommand/d' /etc/ssh/sshd_config");
  }
});

test("a program that names need is missing before anything is changed", async () => {
  const names = { ...network, guests: [{ clones: [clone(0)], egress: ["api.example.org"] }] };
  await stage.run("mount --bind /dev/null /usr/sbin/dnsmasq");
  try {
    await expect((await check({ network: names })).create()).rejects.toThrow(
      /missing on the droplet: dnsmasq; install with: apt-get install dnsmasq-base/,
    );
  } finally {
    await sessions.close();
    await stage.run("umount /usr/sbin/dnsmasq");
  }
});

/** The routes to what `outside` has, by one of the droplet's interfaces. */
const routesBy = (link: string, via: string): string =>
  `for to in 192.0.2.10/31 169.254.169.254; do ip route replace $to via ${via} dev ${link}; done; ip route replace default via ${via} dev ${link}`;

test("guests reach the Internet by an uplink that changes its address, its name and its place after up", async () => {
  const fleet = { ...network, guests: [{ clones: ["10.0.0.9"], egress: ["internet"] }] };
  const bridge = await stage.bridge();
  const space = await stage.namespace();
  const rules = await stage.nat({ bridgeAddress: "10.0.0.1/24", publish: [] });
  const reach = [["guest", "192.0.2.10 80", true]] as const;
  const all = [bridge, space, rules];
  try {
    for (const one of all) await one.create();
    await buildWorld(stage);
    await guestIn(stage, "vm7");
    // Without this the machine outside would answer clones that are not masqueraded.
    await stage.run("ip -n outside route del 10.0.0.0/24");
    const checked = await check({ namespaces: ["vm7"], network: fleet });
    await checked.create();
    for (const [change, make] of [
      ["address", `ip addr del 192.0.2.1/24 dev w0; ip addr add 192.0.2.7/24 dev w0; ${routesBy("w0", "192.0.2.2")}`],
      ["name", `ip link set w0 down; ip link set w0 name ens3; ip link set ens3 up; ${routesBy("ens3", "192.0.2.2")}`],
      [
        "interface",
        `ip link add w0 type veth peer name eth1 netns outside; ip link set w0 addrgenmode none up; ip addr add 203.0.113.1/24 dev w0
        ip -n outside link set eth1 up; ip -n outside addr add 203.0.113.2/24 dev eth1; ip link set ens3 down; ${routesBy("w0", "203.0.113.2")}`,
      ],
    ]) {
      await stage.run(make ?? "");
      expect({ change, reach: await reaches(stage, reach) }).toEqual({ change, reach });
      for (const one of [checked, ...all.slice(0, 1)]) {
        expect({ change, ...(await one.read()) }).toMatchObject({ change, condition: "as declared" });
      }
    }
    // A declared uplink that packets do not leave by is drift, and the key that is named lets them out again.
    await bridge.update({ uplink: "ens3" });
    expect(await reaches(stage, reach)).toEqual([["guest", "192.0.2.10 80", false]]);
    const declaredUplink = await check({ namespaces: ["vm7"], network: { ...fleet, uplink: "w0" } });
    await declaredUplink.create();
    await stage.run(
      `ip link set ens3 up; ip addr replace 192.0.2.7/24 dev ens3; ${routesBy("ens3", "192.0.2.2")}; ip link del w0`,
    );
    expect(await declaredUplink.read()).toMatchObject({
      condition: expect.stringMatching(
        /^vm7 cannot reach the Internet on 443\/tcp and 53\/udp: hornet:bridge\.uplink is w0, and packets leave by ens3: set hornet:bridge\.uplink: auto$/,
      ) as unknown,
    });
    await bridge.update({ uplink: "auto" });
    expect(await reaches(stage, reach)).toEqual(reach);
  } finally {
    await stage.run("ip link del ens3 2>/dev/null || :; ip route replace default via 198.51.100.1");
    for (const one of all.reverse()) await one.delete();
    await endWorld(stage);
  }
});

test("the fleet's own bridge is no conflict, a firewall that comes later is drift, and its commands let real packets through", async () => {
  const bridge = await stage.bridge();
  const space = await stage.namespace();
  const rules = await stage.nat({ bridgeAddress: "10.0.0.1/24", services: ["80/tcp"], publish: [] });
  const own = { ...network, services: ["80/tcp"], guests: [{ clones: ["10.0.0.9"], egress: ["internet"] }] };
  const checked = await check({ namespaces: ["vm7"], network: own });
  const reach = [
    ["guest", "192.0.2.10 80", true],
    ["guest", "10.0.0.1 80", true],
    ["droplet", "10.0.0.9 80", true],
  ] as const;
  try {
    await checked.create();
    for (const one of [bridge, space, rules]) await one.create();
    await buildWorld(stage);
    await guestIn(stage, "vm7");
    await checked.update();
    expect(checked.outs.lost).toEqual([]);
    expect(await checked.read()).toMatchObject({ condition: "as declared" });
    // Under another name it moves; another stack may share the bridge, and may not make a second one of that network.
    const elsewhere = { namespaces: ["vm7"], network: own, bridge: "hornet1" };
    await (await check(elsewhere)).create();
    await (await check({ ...elsewhere, bridge: "br0", owner: other })).create();
    await expect((await check({ ...elsewhere, owner: other })).create()).rejects.toThrow(
      /10\.0\.0\.0\/24 is in use on the droplet: br0 has 10\.0\.0\.1\/24 \(hornet:p\/one:/,
    );
    expect(await reaches(stage, reach)).toEqual(reach);
    for (const name of [
      "a firewall that rejects what it does not know",
      "ufw",
      "Docker",
      "a forward policy of iptables-legacy",
    ]) {
      const { make, undo, tools = "" } = firewalls[name] ?? { make: "false", undo: "false" };
      await stage.run(make);
      const { condition } = await checked.read();
      expect({ name, condition }).toEqual({
        name,
        condition: expect.stringMatching(/^vm7 cannot reach the Internet/) as unknown,
      });
      const [internet] = await reaches(stage, reach);
      expect({ name, internet }).toEqual({ name, internet: ["guest", "192.0.2.10 80", false] });
      await stage.run(`${tools}\n${mendsOf(String(condition))}`);
      expect({ name, reach: await reaches(stage, reach) }).toEqual({ name, reach });
      await stage.run(undo.replace(flush, foreignOff));
    }
    // What the last up warned of is no drift.
    await stage.run("iptables-legacy -P FORWARD DROP");
    await checked.update();
    expect(checked.outs.lost).toEqual([expect.stringMatching(/^vm7 cannot reach the Internet/)]);
    expect(await checked.read()).toMatchObject({ condition: "as declared" });
  } finally {
    for (const one of [rules, space, bridge]) await one.delete();
    await endWorld(stage);
    await stage.run(`${legacyOff}; ${flush}; echo 0 >/proc/sys/net/ipv4/ip_forward`);
  }
});
