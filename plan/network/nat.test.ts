import { natTable, type NatSpec } from "./nat";
import { renderTable } from "./nft";

const spec: NatSpec = {
  address: "10.0.0.9",
  guestAddress: "192.168.241.2",
  nsVeth: "veth0",
  tap: "tap0",
  publish: [],
  egress: ["internet"],
  bridgeAddress: "10.0.0.1/24",
  services: [],
  isolated: true,
  nameservers: ["192.0.2.53"],
  connections: 4096,
  newConnections: 1000,
  owner: "hornet:p/s:abcdefabcdef",
};

/** The rules of one chain, in order. */
function rules(chain: string, changes: Partial<NatSpec> = {}): string[] {
  const found = natTable({ ...spec, ...changes }).chains.find(({ name }) => name === chain);
  return found?.rules.map(({ text }) => text) ?? [];
}

const outbound = 'iifname "tap0" oifname "veth0" ip saddr 192.168.241.2';

test("the table has a SNAT chain and a DNAT chain", () => {
  expect(rules("prerouting")).toEqual(['iifname "veth0" ip daddr 10.0.0.9 dnat to 192.168.241.2']);
  expect(rules("postrouting")).toEqual(['oifname "veth0" ip saddr 192.168.241.2 snat to 10.0.0.9']);
});

const bounds = [
  "ct state established,related accept",
  'iifname "tap0" ip daddr { 169.254.0.0/16, 100.100.100.200, 192.0.0.192, 168.63.129.16 } drop',
  'iifname "tap0" ct state new limit rate over 1000/second burst 1000 packets drop',
  'iifname "tap0" ct state new ct count over 4096 drop',
];
const refuse = "reject with icmp admin-prohibited";
const droplet = [
  `${outbound} ip daddr 10.0.0.1 icmp type echo-request accept`,
  `${outbound} ip daddr 10.0.0.1 ${refuse}`,
];
const private_ =
  "ip daddr { 0.0.0.0/8, 10.0.0.0/8, 100.64.0.0/10, 127.0.0.0/8, 172.16.0.0/12, 192.0.0.0/24, 192.168.0.0/16, " +
  "198.18.0.0/15, 224.0.0.0/3 }";
const internet = [`${outbound} ${private_} ${refuse}`, `${outbound} ip daddr 10.0.0.0/24 ${refuse}`];

test("by default the guest reaches the Internet, and the droplet alone reaches the guest", () => {
  const forward = natTable(spec).chains.find(({ name }) => name === "forward");
  expect(forward?.base).toBe("type filter hook forward priority filter; policy drop;");
  expect(rules("forward")).toEqual([
    ...[...bounds, ...droplet, ...internet],
    `${outbound} accept`,
    `${outbound} ${refuse}`,
    'iifname "veth0" oifname "tap0" ip saddr 10.0.0.1 ip daddr 192.168.241.2 accept',
  ]);
});

test("egress to everything still drops host metadata and limits connections", () => {
  expect(rules("forward", { egress: ["everything"] })).toEqual([
    ...[bounds[0], 'iifname "tap0" ip daddr 169.254.0.0/16 drop', ...bounds.slice(2)],
    `${outbound} accept`,
    'iifname "veth0" oifname "tap0" ip daddr 192.168.241.2 accept',
  ]);
});

test("declared services, ports of the bridge's address, and other clones of a bridge without isolation are accepted", () => {
  const changes = {
    services: ["8080/tcp", "53/udp"],
    egress: ["10.0.0.1/32:9000-9010", "10.0.0.0/8"],
    isolated: false,
  };
  expect(rules("forward", changes).slice(bounds.length)).toEqual([
    `${outbound} ip daddr 10.0.0.1 tcp dport 8080 accept`,
    `${outbound} ip daddr 10.0.0.1 udp dport 53 accept`,
    `${outbound} ip daddr 10.0.0.1/32 meta l4proto { tcp, udp } th dport 9000-9010 accept`,
    ...droplet,
    `${outbound} ip daddr 10.0.0.0/24 accept`,
    `${outbound} ip daddr 10.0.0.0/8 accept`,
    `${outbound} ${refuse}`,
    'iifname "veth0" oifname "tap0" ip saddr 10.0.0.0/24 ip daddr 192.168.241.2 accept',
  ]);
});

test("with names, DNS goes to the droplet's name server, and its table decides about the rest", () => {
  const all = rules("forward", { egress: ["api.example.org:443/tcp", "10.1.0.0/16"] }).slice(bounds.length);
  expect(all.slice(0, -1)).toEqual([
    `${outbound} ip daddr 10.0.0.1 meta l4proto { tcp, udp } th dport 29375 accept`,
    ...droplet,
    `${outbound} ip daddr 10.1.0.0/16 accept`,
    ...internet,
    `${outbound} accept`,
  ]);
  expect(rules("prerouting", { egress: ["*.example.org"] }).slice(1)).toEqual(
    ["udp", "tcp"].map(
      (protocol) => `iifname "tap0" ip daddr { 10.0.0.1, 192.0.2.53 } ${protocol} dport 53 dnat to 10.0.0.1:29375`,
    ),
  );
  expect(rules("prerouting", { egress: ["internet", "api.example.org"] })).toHaveLength(1);
});

test("published ports accept every source, and a metadata address declared by itself is open", () => {
  const publish = [{ port: 80, guestPort: 8080, protocol: "tcp" as const }];
  const all = rules("forward", { publish, egress: ["192.0.0.192/32"] });
  expect(all.at(-1)).toBe(
    'iifname "veth0" oifname "tap0" meta l4proto tcp ct original proto-dst 80 ip daddr 192.168.241.2 accept',
  );
  expect(all.slice(1, 3)).toEqual([`${outbound} ip daddr 192.0.0.192/32 accept`, bounds[1]]);
});

test("published ports come before the DNAT rule for all ports", () => {
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
  ["nothing", [], []],
  ["none", ["none"], []],
  [
    "two networks",
    ["10.1.0.0/16", "198.51.100.0/24:443/tcp"],
    [`${outbound} ip daddr 10.1.0.0/16 accept`, `${outbound} ip daddr 198.51.100.0/24 tcp dport 443 accept`],
  ],
  [
    "some ports of the Internet, and a network",
    ["443/tcp", "80", "10.1.0.0/16"],
    [
      `${outbound} ip daddr 10.1.0.0/16 accept`,
      ...internet,
      `${outbound} tcp dport 443 accept`,
      `${outbound} meta l4proto { tcp, udp } th dport 80 accept`,
    ],
  ],
])("egress to %s", (_name, egress, expected) => {
  const outward = rules("forward", { egress }).filter((text) => text.startsWith(outbound));
  expect(outward).toEqual([...droplet, ...expected, `${outbound} ${refuse}`]);
});

test("labels of rules are unique, so that drift can name a rule", () => {
  const publish = [80, 81].map((port) => ({ port, guestPort: port, protocol: "tcp" as const }));
  const table = natTable({ ...spec, publish, egress: ["10.0.0.0/24", "10.1.0.0/24"] });
  const labels = table.chains.flatMap((chain) => chain.rules.map(({ label }) => label));
  expect(new Set(labels).size).toBe(labels.length);
  expect(renderTable(table)).toContain('comment "hornet:p/s:abcdefabcdef"');
});
