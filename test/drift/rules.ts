import { inside, type Drift } from "./kind";

const hook = `'flush chain ip hornet postrouting; add rule ip hornet postrouting masquerade comment "SNAT"'`;
/** Deletes the rule of a name from a chain of the clone's table. */
const ruleGone = (chain: string, label: string): string =>
  `h=$(${inside(`nft -a list chain ip hornet ${chain}`)} | sed -n 's/.*comment "${label}" # handle //p'); ` +
  inside(`nft delete rule ip hornet ${chain} handle $h`);

/** Drift of a clone's rules. */
export const ruleDrifts: readonly Drift[] = [
  ...(
    [
      ["prerouting", "publish tcp 80"],
      ["prerouting", "DNAT"],
      ["postrouting", "SNAT"],
      ["forward", "established"],
      ["forward", "no host metadata"],
      ["forward", "new connections"],
      ["forward", "connections"],
      ["forward", "the droplet"],
      ["forward", "egress to 10.0.0.0\\/24"],
      ["forward", "egress elsewhere"],
      ["forward", "ingress"],
    ] as const
  ).map(([chain, label]) => ({
    kind: `nft rule gone: ${label.replace("\\", "")}`,
    make: ruleGone(chain, label),
    says: { "NatRuleSet vm0": `nft rule ${label.replace("\\", "")} missing` },
  })),
  {
    kind: "nft rule changed",
    make: inside(`nft ${hook}`),
    says: { "NatRuleSet vm0": "nft rule SNAT changed" },
  },
  {
    kind: "nft rules in another order",
    make: `${ruleGone("forward", "established")}; ${inside(`nft 'add rule ip hornet forward ct state established,related accept comment "established"'`)}`,
    says: { "NatRuleSet vm0": "nft rules of hornet are in another order" },
  },
  {
    kind: "nft rule added",
    make: inside("nft add rule ip hornet forward accept"),
    says: { "NatRuleSet vm0": "nft rule without a name is not Hornet's" },
  },
  {
    kind: "nft rule twice",
    make: inside(`nft 'add rule ip hornet forward ct state established,related accept comment "established"'`),
    says: { "NatRuleSet vm0": "nft table hornet contains a rule twice" },
  },
  {
    kind: "nft chain policy changed",
    make: inside("nft 'add chain ip hornet forward { policy accept; }'"),
    says: { "NatRuleSet vm0": "nft chain forward changed" },
  },
  {
    kind: "nft chain deleted",
    make: inside("nft 'flush chain ip hornet postrouting; delete chain ip hornet postrouting'"),
    says: { "NatRuleSet vm0": "nft chain postrouting missing; nft rule SNAT missing" },
  },
  {
    kind: "nft table deleted",
    make: inside("nft delete table ip hornet"),
    says: { "NatRuleSet vm0": "nft table hornet missing" },
  },
  {
    kind: "any source accepted in the namespace",
    make: inside("sh -c 'echo 0 >/proc/sys/net/ipv4/conf/all/rp_filter'"),
    says: { "NatRuleSet vm0": "vm0 accepts packets from any source" },
    check: `[[ $(${inside("cat /proc/sys/net/ipv4/conf/all/rp_filter")}) == 1 ]]`,
  },
  {
    kind: "forwarding in the namespace off",
    make: inside("sh -c 'echo 0 >/proc/sys/net/ipv4/ip_forward'"),
    says: { "NatRuleSet vm0": "IPv4 forwarding off in vm0" },
  },
];
