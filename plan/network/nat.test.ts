import { natTable, type NatSpec } from "./nat";
import { renderTable } from "./nft";

const spec: NatSpec = {
  address: "10.0.0.9",
  guestAddress: "192.168.241.2",
  nsVeth: "veth0",
  tap: "tap0",
  publish: [],
  egress: undefined,
  owner: "hornet:p/s:abcdefabcdef",
};

/** The rules of one chain, in order. */
function rules(chain: string, changes: Partial<NatSpec> = {}): string[] {
  const found = natTable({ ...spec, ...changes }).chains.find(({ name }) => name === chain);
  return found?.rules.map(({ text }) => text) ?? [];
}

const outbound = 'iifname "tap0" oifname "veth0" ip saddr 192.168.241.2';

test("SNAT out, DNAT in, both with a chain of their own", () => {
  expect(rules("prerouting")).toEqual(['iifname "veth0" ip daddr 10.0.0.9 dnat to 192.168.241.2']);
  expect(rules("postrouting")).toEqual(['oifname "veth0" ip saddr 192.168.241.2 snat to 10.0.0.9']);
});

test("forwarding: nothing by default, no link-local, only the guest's own address out, only the guest in", () => {
  const forward = natTable(spec).chains.find(({ name }) => name === "forward");
  expect(forward?.base).toBe("type filter hook forward priority filter; policy drop;");
  expect(rules("forward")).toEqual([
    "ct state established,related accept",
    'iifname "tap0" ip daddr 169.254.0.0/16 drop',
    `${outbound} accept`,
    'iifname "veth0" oifname "tap0" ip daddr 192.168.241.2 accept',
  ]);
});

test("published ports come before the rule for all ports", () => {
  const publish = [
    { port: 80, guestPort: 8080, protocol: "tcp" },
    { port: 53, guestPort: 5353, protocol: "udp" },
  ] as const;
  expect(rules("prerouting", { publish })).toEqual([
    'iifname "veth0" ip daddr 10.0.0.9 tcp dport 80 dnat to 192.168.241.2:8080',
    'iifname "veth0" ip daddr 10.0.0.9 udp dport 53 dnat to 192.168.241.2:5353',
    'iifname "veth0" ip daddr 10.0.0.9 dnat to 192.168.241.2',
  ]);
});

test.each<[string, string[], string[]]>([
  ["none", [], []],
  [
    "two networks",
    ["10.0.0.1/32", "198.51.100.0/24"],
    [`${outbound} ip daddr 10.0.0.1/32 accept`, `${outbound} ip daddr 198.51.100.0/24 accept`],
  ],
])("egress to %s", (_name, egress, expected) => {
  expect(rules("forward", { egress }).filter((text) => text.startsWith(outbound))).toEqual(expected);
});

test("every rule has a label of its own, so that drift can name it", () => {
  const publish = [80, 81].map((port) => ({ port, guestPort: port, protocol: "tcp" as const }));
  const table = natTable({ ...spec, publish, egress: ["10.0.0.0/24", "10.1.0.0/24"] });
  const labels = table.chains.flatMap((chain) => chain.rules.map(({ label }) => label));
  expect(new Set(labels).size).toBe(labels.length);
  expect(renderTable(table)).toContain('comment "hornet:p/s:abcdefabcdef"');
});
