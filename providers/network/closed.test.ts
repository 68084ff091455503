/**
 * Real packets to and from a network namespace in the guest's place, on one droplet with an Internet, a private network
 * behind it, and another machine on the uplink's wire.
 */
import { Driver } from "../../test/support/scratchProvider";
import { Stage } from "../../test/support/scratchStage";
import { buildWorld, endWorld, guestIn, reaches, type Reach } from "../../test/support/networkWorld";

jest.setTimeout(120_000);

const stage = Stage.use({
  undo: async () => {
    for (const one of [rules, network, base]) await one.delete();
    await endWorld(stage);
  },
});

let base: Driver;
let network: Driver;
let rules: Driver;

beforeEach(async () => {
  base = await stage.bridge({ forwards: [{ port: 8081, address: "10.0.0.9" }] });
  network = await stage.namespace();
  rules = await stage.nat({ bridgeAddress: "10.0.0.1/24", publish: [{ port: 8081, guestPort: 80 }] });
  for (const one of [base, network, rules]) await one.create();
  await buildWorld(stage);
  await guestIn(stage, "vm7");
});

const closed: readonly Reach[] = [
  ["guest", "192.0.2.10 80", true],
  ["guest", "10.132.0.5 80", false],
  ["guest", "10.132.0.1 80", false],
  ["guest", "10.0.0.1 80", false],
  ["guest", "192.0.2.1 80", false],
  ["guest", "169.254.169.254 80", false],
  ["guest", "100.100.100.200 80", false],
  ["guest", "192.0.0.192 80", false],
  ["guest", "168.63.129.16 80", false],
  ["droplet", "10.0.0.9 80", true],
  ["outside", "10.0.0.9 80", false],
  ["outside", "10.0.0.9 8081", true],
  ["outside", "192.0.2.1 8081", true],
];

test("networks are closed by default, and the declaration opens them", async () => {
  expect(await reaches(stage, closed)).toEqual(closed);
  // A program in the guest fails at once, and does not wait: curl's code 7, not 28.
  const refused = "nsenter --net=/run/netns/guest curl -s -m 5 http://192.0.2.1/ || echo $?";
  expect(await stage.run(refused)).toBe("7\n");

  await rules.update({ services: ["80/tcp"], egress: ["10.132.0.0/16:80/tcp"] });
  const declared: readonly Reach[] = [
    ["guest", "10.0.0.1 80", true],
    ["guest", "10.0.0.1 22", false],
    ["guest", "10.132.0.5 80", true],
    ["guest", "10.132.0.5 81", false],
    // The droplet's own address.
    ["guest", "10.132.0.1 80", false],
    ["guest", "192.0.2.10 80", false],
  ];
  expect(await reaches(stage, declared)).toEqual(declared);

  await rules.update({ services: [], egress: ["none"] });
  const none: readonly Reach[] = [
    ["guest", "192.0.2.10 80", false],
    ["droplet", "10.0.0.9 80", true],
  ];
  expect(await reaches(stage, none)).toEqual(none);

  await rules.update({ egress: ["169.254.169.254/32", "10.0.0.1/32"] });
  const single: readonly Reach[] = [
    ["guest", "169.254.169.254 80", true],
    ["guest", "10.0.0.1 80", true],
  ];
  expect(await reaches(stage, single)).toEqual(single);

  await base.update({ closed: false });
  await rules.update({ egress: ["everything"] });
  const open: readonly Reach[] = closed.map(([from, to]) => [from, to, to !== "169.254.169.254 80"]);
  expect(await reaches(stage, open)).toEqual(open);
});

test("a guest can neither send as another nor fill the tables of connections and neighbours", async () => {
  await rules.update({ connections: 16, newConnections: 100 });
  const inGuest = "nsenter --net=/run/netns/guest";
  // Another source address, in the guest's network and outside.
  await stage.run(`ip -n guest addr add 192.168.241.5/29 dev eth0; ip -n guest addr add 203.0.113.7/32 dev eth0`);
  const send = (source: string): Promise<string> =>
    stage.run(`${inGuest} curl -s -m 1 --interface ${source} http://192.0.2.10/ || echo refused`);
  expect([await send("192.168.241.2"), await send("192.168.241.5"), await send("203.0.113.7")]).toEqual([
    "hello\n",
    "refused\n",
    "refused\n",
  ]);
  // ARP requests from foreign addresses take no neighbour entry.
  await stage.run(`${inGuest} busybox arping -c 1 -w 1 -I eth0 -s 203.0.113.7 192.168.241.1 >/dev/null || :`);
  expect(await stage.run("ip -n vm7 neigh show dev tap0")).not.toContain("203.0.113.7");
  // Connections beyond the limit are dropped in the clone's namespace.
  await stage.run(
    `${inGuest} bash -c 'for ((p = 1; p < 60; p++)); do echo >/dev/udp/192.0.2.10/$p; done' 2>/dev/null || :`,
  );
  const tracked = Number(
    await stage.run("nsenter --net=/run/netns/vm7 cat /proc/sys/net/netfilter/nf_conntrack_count"),
  );
  expect(tracked).toBeLessThan(30);
  const inVm = "nsenter --net=/run/netns/vm7 cat /proc/sys/net/ipv6/conf/tap0/disable_ipv6";
  expect(await stage.run(inVm)).toBe("1\n");
});

test("a refresh tells what an up will close of an earlier Hornet's rules", async () => {
  await stage.run("nft delete chain ip $(nft list tables | sed -n 's/^table ip \\(hornet_.*\\)/\\1/p') closed");
  const earlier = (base.outs.rules as string[]).filter((rule) => !/^chain closed|other addresses/.test(rule));
  base.outs = { ...base.outs, rules: earlier };
  const told = jest.spyOn(process.stderr, "write").mockImplementation(() => true);
  try {
    expect(await base.read()).toMatchObject({
      condition: "an earlier Hornet wrote the rules; new: the droplet's other addresses",
    });
    expect(told).toHaveBeenCalledWith(expect.stringContaining("hornet:bridge.closed: false keeps it open"));
  } finally {
    told.mockRestore();
  }
  await base.update();
  expect(await base.read()).toMatchObject({ condition: "as declared" });
});
