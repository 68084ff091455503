import { Driver } from "../../test/support/scratchProvider";
import { declared, Stage } from "../../test/support/scratchStage";

jest.setTimeout(120_000);

const stage = Stage.use({ undo: () => base.delete() });

let base: Driver;

beforeEach(async () => {
  base = await stage.bridge();
  await base.create();
});

test("read reports every drift of the rules, and update repairs it", async () => {
  const net = await stage.namespace();
  await net.create();
  const one = await stage.nat();
  await one.create();
  const inside = (line: string): string => `nsenter --net=/run/netns/vm7 ${line}`;
  await stage.repairs(
    one,
    inside("nft flush chain ip hornet prerouting"),
    "nft rule publish tcp 80 missing; nft rule DNAT missing",
  );
  await stage.repairs(one, inside("nft delete table ip hornet"), "nft table hornet missing");
  await stage.repairs(one, inside("nft add rule ip hornet forward accept"), "nft rule without a name is not Hornet's");
  await stage.repairs(
    one,
    inside(`nft 'flush chain ip hornet postrouting; add rule ip hornet postrouting masquerade comment "SNAT"'`),
    "nft rule SNAT changed",
  );
  await stage.repairs(one, inside(`nft 'add chain ip hornet forward { policy accept; }'`), "nft chain forward changed");
  await stage.repairs(one, inside("sh -c 'echo 0 >/proc/sys/net/ipv4/ip_forward'"), "IPv4 forwarding off in vm7");
  // Somebody else's table is no drift.
  await stage.run(inside("nft add table ip guest"));
  expect(await one.read()).toMatchObject(declared);
  await one.delete();
  await net.delete();
});

test("update replaces the table in place for other ports and another egress policy", async () => {
  const net = await stage.namespace();
  await net.create();
  const one = await stage.nat();
  await one.create();
  await one.update({ publish: [{ port: 53, guestPort: 5353, protocol: "udp" }], egress: ["10.0.0.1/32"] });
  const listed = await stage.run("nsenter --net=/run/netns/vm7 nft list table ip hornet");
  expect(listed).toContain("udp dport 53 dnat to 192.168.241.2:5353");
  expect(listed).toContain("ip daddr 10.0.0.1 accept");
  expect(listed).not.toContain("dport 80");
  expect(await one.read()).toMatchObject(declared);
  await net.delete();
});
