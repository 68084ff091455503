import { inside, type Drift } from "./kind";

/** Drift of a clone's namespace and links. */
export const namespaceDrifts: readonly Drift[] = [
  {
    kind: "namespace deleted",
    make: "ip netns del vm0",
    says: {
      "CloneNamespace vm0": "namespace vm0 missing",
      "NatRuleSet vm0": "gone",
      "FirecrackerVM vm0": "VMM runs outside of namespace vm0",
    },
    restarts: true,
  },
  {
    kind: "IPv6 accepted",
    make: inside("sh -c 'echo 0 >/proc/sys/net/ipv6/conf/tap0/disable_ipv6'"),
    says: { "CloneNamespace vm0": "vm0 accepts IPv6 on tap0" },
    check: inside("grep -qx 1 /proc/sys/net/ipv6/conf/tap0/disable_ipv6"),
  },
  {
    kind: "veth deleted",
    make: "ip link del veth0h",
    says: { "CloneNamespace vm0": "veth pair veth0h/veth0 missing" },
  },
  { kind: "veth down", make: "ip link set veth0h down", says: { "CloneNamespace vm0": "veth0h down" } },
  {
    kind: "veth renamed",
    make: "ip link set veth0h down; ip link set veth0h name moved",
    says: { "CloneNamespace vm0": "veth pair veth0h/veth0 missing" },
    check: "[[ ! -e /sys/class/net/moved ]]",
  },
  {
    kind: "veth out of the bridge",
    make: "ip link set veth0h nomaster",
    says: { "CloneNamespace vm0": "veth0h is not a port of br0; veth0h is not isolated" },
  },
  {
    kind: "veth in another bridge",
    make: "ip link add brx type bridge; ip link set veth0h master brx",
    says: { "CloneNamespace vm0": "veth0h is not a port of br0; …" },
    undo: "ip link del brx",
  },
  {
    kind: "isolation off",
    make: "ip link set veth0h type bridge_slave isolated off",
    says: { "CloneNamespace vm0": "veth0h is not isolated" },
  },
  {
    kind: "veth MAC address changed",
    make: "ip link set veth0h address 0a:00:00:00:00:01",
    says: { "CloneNamespace vm0": "veth0h has another MAC address" },
  },
  {
    kind: "veth label lost",
    make: "ip link set veth0h alias mine",
    says: { "CloneNamespace vm0": "veth0h lost its owner label" },
  },
  {
    kind: "inner veth renamed",
    make: "ip -n vm0 link set veth0 down; ip -n vm0 link set veth0 name veth9",
    says: { "CloneNamespace vm0": "veth pair veth0h/veth0 missing" },
    check: "! ip -n vm0 link show veth9 2>/dev/null",
  },
  {
    kind: "inner veth down",
    make: "ip -n vm0 link set veth0 down",
    says: { "CloneNamespace vm0": "veth0 down; default route missing" },
  },
  {
    kind: "inner veth MAC address changed",
    make: "ip -n vm0 link set veth0 address 06:00:00:00:00:01",
    says: { "CloneNamespace vm0": "veth0 has another MAC address" },
  },
  {
    kind: "clone address changed",
    make: "ip -n vm0 addr flush dev veth0; ip -n vm0 addr add 10.0.0.99/24 dev veth0",
    says: { "CloneNamespace vm0": "veth0 has a foreign address 10.0.0.99/24; address 10.0.0.2/24 missing on veth0; …" },
  },
  {
    kind: "clone address added",
    make: "ip -n vm0 addr add 10.0.0.99/24 dev veth0",
    says: { "CloneNamespace vm0": "veth0 has a foreign address 10.0.0.99/24" },
  },
  {
    kind: "clone address gone",
    make: "ip -n vm0 addr flush dev veth0",
    says: { "CloneNamespace vm0": "address 10.0.0.2/24 missing on veth0; default route missing" },
  },
  {
    kind: "default route gone",
    make: "ip -n vm0 route del default",
    says: { "CloneNamespace vm0": "default route missing" },
  },
  {
    kind: "default route changed",
    make: "ip -n vm0 route replace default via 10.0.0.7 dev veth0",
    says: { "CloneNamespace vm0": "default route changed" },
  },
  { kind: "loopback down", make: "ip -n vm0 link set lo down", says: { "CloneNamespace vm0": "lo down" } },
  { kind: "tap down", make: "ip -n vm0 link set tap0 down", says: { "CloneNamespace vm0": "tap0 down" } },
  {
    kind: "tap deleted",
    make: "ip -n vm0 link del tap0",
    says: { "CloneNamespace vm0": "tap0 missing", "FirecrackerVM vm0": "VMM does not hold tap0" },
    restarts: true,
  },
  {
    kind: "tap replaced by somebody",
    make: "ip -n vm0 link del tap0; ip -n vm0 tuntap add dev tap0 mode tap; ip -n vm0 link set tap0 up",
    says: { "CloneNamespace vm0": "tap0 has another MAC address; …", "FirecrackerVM vm0": "VMM does not hold tap0" },
    restarts: true,
  },
  {
    kind: "tap address gone",
    make: "ip -n vm0 addr flush dev tap0",
    says: { "CloneNamespace vm0": "address 192.168.241.1/29 missing on tap0" },
  },
  {
    kind: "tap MAC address changed",
    make: "ip -n vm0 link set tap0 address 02:00:00:00:00:01",
    says: { "CloneNamespace vm0": "tap0 has another MAC address" },
  },
  {
    // As left by a replacement that was cut off and then reverted in the config.
    kind: "a second tap with the same address",
    make: `ip -n vm0 tuntap add dev tap7 mode tap; ip -n vm0 link set tap7 address 02:fc:00:00:00:01 up
      ip -n vm0 addr add 192.168.241.1/29 dev tap7`,
    says: { "CloneNamespace vm0": "tap7 has the addresses of tap0" },
    check: "! ip -n vm0 link show tap7 2>/dev/null",
  },
];
