import type { Drift } from "./kind";

const table = "$(nft list tables | sed -n 's/^table ip \\(hornet_[^/]*\\)$/\\1/p')";

/** Drift of the bridge and of the droplet's rules. */
export const bridgeDrifts: readonly Drift[] = [
  {
    kind: "bridge deleted",
    make: "ip link del br0",
    says: { "Bridge br0": "bridge br0 missing", "CloneNamespace vm0": "veth0h is not a port of br0; …" },
  },
  { kind: "bridge down", make: "ip link set br0 down", says: { "Bridge br0": "br0 down" } },
  {
    kind: "bridge renamed",
    make: "ip link set br0 down; ip link set br0 name brx",
    says: { "Bridge br0": "bridge br0 was renamed to brx; …", "CloneNamespace vm0": "veth0h is not a port of br0" },
    check: "[[ ! -e /sys/class/net/brx ]]",
  },
  {
    kind: "bridge address gone",
    make: "ip addr del 10.0.0.1/24 dev br0",
    says: { "Bridge br0": "address 10.0.0.1/24 missing on br0" },
  },
  {
    kind: "bridge address of a stranger",
    make: "ip addr add 10.77.0.1/24 dev br0",
    says: { "Bridge br0": "as declared" },
    check: "ip addr show br0 | grep -qF 10.77.0.1/24; ip addr del 10.77.0.1/24 dev br0",
  },
  {
    kind: "bridge MAC address changed",
    make: "ip link set br0 address 02:00:00:00:00:09",
    says: { "Bridge br0": "br0 has another MAC address" },
  },
  {
    kind: "bridge label lost",
    make: "ip link set br0 alias mine",
    says: { "Bridge br0": "br0 lost its owner label" },
  },
  {
    kind: "bridge folder deleted",
    make: "rm -r /opt/swarm/runtime/.bridge-br0-*",
    says: { "Bridge br0": "the folder of br0 lost its owner label" },
  },
  {
    kind: "label of the bridge's folder deleted",
    make: "rm /opt/swarm/runtime/.bridge-br0-*/owner",
    says: { "Bridge br0": "the folder of br0 lost its owner label" },
    check: "[[ -s $(echo /opt/swarm/runtime/.bridge-br0-*/owner) ]]",
  },
  {
    kind: "forwarding off",
    make: "echo 0 >/proc/sys/net/ipv4/ip_forward",
    says: { "Bridge br0": "IPv4 forwarding off" },
  },
  {
    kind: "the droplet's rules gone",
    make: `nft flush table ip ${table}`,
    says: { "Bridge br0": "nft rule the droplet's other addresses missing; nft rule masquerade missing" },
  },
  {
    kind: "masquerade changed",
    make: `t=${table}; nft "flush chain ip $t postrouting; add rule ip $t postrouting oifname eth0 masquerade comment \\"masquerade\\""`,
    says: { "Bridge br0": "nft rule masquerade changed" },
  },
  {
    kind: "bridge table deleted",
    make: `nft delete table ip ${table}`,
    says: { "Bridge br0": "nft table hornet_…" },
  },
  {
    kind: "bridge rule added",
    make: `nft add rule ip ${table} postrouting counter`,
    says: { "Bridge br0": "nft rule without a name is not Hornet's" },
  },
];
