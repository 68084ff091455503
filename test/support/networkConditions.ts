import { free, network, noVpc, noVpn, vpc, vpn, type Condition } from "./conditions";

export const addresses: Readonly<Record<string, Condition>> = {
  "nothing but an uplink": { make: ":", undo: ":" },
  "a VPC that overlaps the bridge's network": {
    ...{ make: vpc("10.0.0.5/16"), undo: noVpc },
    refused: new RegExp(`10\\.0\\.0\\.0/24 is in use on the droplet: eth1 has 10\\.0\\.0\\.5/16\\. ${free}`),
  },
  "a VPC in the very same network": { make: vpc("10.0.0.77/24"), undo: noVpc, refused: /eth1 has 10\.0\.0\.77\/24/ },
  "a VPC of half the bridge's network": { make: vpc("10.0.0.3/29"), undo: noVpc, refused: /eth1 has 10\.0\.0\.3\/29/ },
  "a VPC elsewhere": { make: vpc("10.132.0.5/16"), undo: noVpc },
  "a VPC and a VPN where the free networks would be": {
    ...{
      make: `${vpc("10.0.0.5/16")}; ${vpn}; ip route add 10.192.0.0/10 dev tailscale0 table 52`,
      undo: `${noVpc}; ip route flush table 52; ${noVpn}`,
    },
    refused: /Free there: hornet:bridge\.address: 172\.24\.0\.1\/24/,
  },
  "the bridge's own address on another link": {
    ...{ make: "ip addr add 10.0.0.1/32 dev lo", undo: "ip addr del 10.0.0.1/32 dev lo" },
    refused: /lo has 10\.0\.0\.1\/32/,
  },
  "an address beside the fleet's": {
    make: "ip addr add 10.0.0.200/32 dev lo",
    undo: "ip addr del 10.0.0.200/32 dev lo",
  },
  "a peer address that a clone would have": {
    make: `${vpn}; ip addr add 100.64.0.10 peer 10.0.0.3 dev tailscale0`,
    undo: noVpn,
    refused: /tailscale0 has 100\.64\.0\.10 peer 10\.0\.0\.3\/32/,
  },
  "a route over the bridge's network": {
    ...{ make: "ip route add 10.0.0.0/8 via 198.51.100.1", undo: "ip route del 10.0.0.0/8" },
    refused:
      /its route "10\.0\.0\.0\/8 via 198\.51\.100\.1 dev eth0"\. Free there: hornet:bridge\.address: 172\.24\.0\.1\/24/,
  },
  "a route to one clone's address": {
    ...{ make: "ip route add 10.0.0.2/32 via 198.51.100.1", undo: "ip route del 10.0.0.2" },
    refused: /its route "10\.0\.0\.2 via 198\.51\.100\.1 dev eth0"/,
  },
  "a route to an address beside the fleet's": {
    ...{ make: "ip route add 10.0.0.222/32 via 198.51.100.1", undo: "ip route del 10.0.0.222" },
  },
  "a null route over private networks": {
    make: "ip route add unreachable 10.0.0.0/8",
    undo: "ip route del unreachable 10.0.0.0/8",
  },
  "a null route in the place of the bridge's network": {
    ...{
      make: "ip rule add pref 100 lookup 77; ip route add unreachable 10.0.0.0/16 table 77",
      undo: "ip rule del pref 100; ip route flush table 77",
    },
    refused:
      /the droplet would look for vm0 and 1 more elsewhere: .*Run on the droplet: ip rule add pref 99 to 10\.0\.0\.0\/24 lookup main/,
  },
  "a VPN's policy route over the bridge's network": {
    make: `${vpn}; ip rule add pref 5270 lookup 52; ip route add 10.0.0.0/16 dev tailscale0 table 52`,
    undo: `ip rule del pref 5270; ip route flush table 52; ${noVpn}`,
    refused: new RegExp(`its route "10\\.0\\.0\\.0/16 dev tailscale0 table 52 scope link"\\. ${free}`),
  },
  "a VPN that takes everything by a policy rule": {
    make: `${vpn}; ip rule add pref 5270 lookup 52; ip route add default dev tailscale0 table 52`,
    undo: `ip rule del pref 5270; ip route flush table 52; ${noVpn}`,
    refused:
      /would look for vm0 and 1 more elsewhere: the kernel's route is "10\.0\.0\.2 dev tailscale0 table 52 src \S+", by the policy rule "5270: from all lookup 52"/,
  },
  "a VPN that takes everything but what main knows": {
    make: `${vpn}; ip rule add pref 5269 lookup main suppress_prefixlength 0; ip rule add pref 5270 not fwmark 0xca6c lookup 52; ip route add default dev tailscale0 table 52`,
    undo: `ip rule del pref 5269; ip rule del pref 5270; ip route flush table 52; ${noVpn}`,
  },
  "a VPN's two halves of the Internet": {
    make: `${vpn}; ip route add 0.0.0.0/1 dev tailscale0; ip route add 128.0.0.0/1 dev tailscale0`,
    undo: noVpn,
  },
  "addresses that the droplet answers for as a whole": {
    ...{ make: "ip route add local 10.0.0.0/24 dev lo", undo: "ip route del local 10.0.0.0/24 dev lo" },
    refused: /its route "local 10\.0\.0\.0\/24 dev lo/,
  },
};

export const uplinks: Readonly<Record<string, Condition>> = {
  "two default routes": {
    make: `${vpc("192.0.2.5/24")}; ip route add default via 192.0.2.1 metric 500`,
    undo: noVpc,
  },
  "a default route with two next hops": {
    make: `${vpc("192.0.2.5/24")}; ip route replace default nexthop via 198.51.100.1 nexthop via 192.0.2.1`,
    undo: `ip route replace default via 198.51.100.1; ${noVpc}`,
  },
  "a second uplink for what the clones send": {
    make: `${vpc("192.0.2.5/24")}; ip rule add pref 900 from 10.0.0.0/24 lookup 60; ip route add default via 192.0.2.1 table 60`,
    undo: `ip rule del pref 900; ip route flush table 60; ${noVpc}`,
    refused:
      /by the policy rule "900: from 10\.0\.0\.0\/24 lookup 60"\. Run on the droplet: ip rule add pref 899 to 10\.0\.0\.0\/24 lookup main/,
  },
  "a second uplink for what the clones send beyond the bridge": {
    make: `${vpc("192.0.2.5/24")}; ip rule add pref 899 to 10.0.0.0/24 lookup main; ip rule add pref 900 from 10.0.0.0/24 lookup 60; ip route add default via 192.0.2.1 table 60`,
    undo: `ip rule del pref 899; ip rule del pref 900; ip route flush table 60; ${noVpc}`,
  },
  "no IPv4 uplink": {
    ...{ make: "ip route del default", undo: "ip route add default via 198.51.100.1" },
    warned:
      /vm0 and vm1 cannot reach the Internet on 443\/tcp and 53\/udp: the droplet has no IPv4 route to the Internet \(Network is unreachable\)/,
  },
  "a gateway within the bridge's network": {
    ...{
      make: "ip route replace default via 10.0.0.254 dev eth0 onlink",
      undo: "ip route replace default via 198.51.100.1",
    },
    refused: /it has the gateway 10\.0\.0\.254/,
  },
  "a name server within the bridge's network": {
    ...{
      make: "cp /etc/resolv.conf /opt/resolv.conf; echo nameserver 10.0.0.53 >/etc/resolv.conf",
      undo: "cat /opt/resolv.conf >/etc/resolv.conf; rm /opt/resolv.conf",
    },
    refused: /it has the name server 10\.0\.0\.53/,
  },
  "an uplink named bond0": {
    make: "ip link add bond0 type veth peer name far1; ip addr flush dev eth0; ip link set bond0 up; ip link set far1 up; ip addr add 198.51.100.2/24 dev bond0; ip route add default via 198.51.100.1",
    undo: "ip link del bond0; ip addr add 198.51.100.2/24 dev eth0; ip route add default via 198.51.100.1",
  },
  "an uplink named eth0.7, as a VLAN is": {
    make: "ip link add eth0.7 type veth peer name far1; ip addr flush dev eth0; ip link set eth0.7 up; ip link set far1 up; ip addr add 198.51.100.2/24 dev eth0.7; ip route add default via 198.51.100.1",
    undo: "ip link del eth0.7; ip addr add 198.51.100.2/24 dev eth0; ip route add default via 198.51.100.1",
  },
  "an uplink of another name than declared": {
    ...{ make: ":", undo: ":", network: { ...network, uplink: "eth9" } },
    warned: /hornet:bridge\.uplink is eth9, and packets leave by eth0: set hornet:bridge\.uplink: auto/,
  },
  "the bridge's name on another kind of link": {
    ...{ make: "ip tuntap add dev br0 mode tap", undo: "ip link del br0" },
    refused: /br0 already exists and is not a bridge/,
  },
  "a bridge that carries the uplink": {
    make: "ip link add br0 type bridge; ip addr flush dev eth0; ip link set eth0 master br0; ip link set br0 up; ip addr add 198.51.100.2/24 dev br0; ip route add default via 198.51.100.1",
    undo: "ip link set eth0 nomaster; ip link del br0; ip addr add 198.51.100.2/24 dev eth0; ip route add default via 198.51.100.1",
    refused:
      /br0 carries the droplet's uplink \("default via 198\.51\.100\.1 dev br0"; ports eth0\): .*hornet:bridge\.name: hornet0/,
  },
  "another bridge that carries the uplink": {
    make: "ip link add vmbr0 type bridge; ip addr flush dev eth0; ip link set eth0 master vmbr0; ip link set vmbr0 up; ip addr add 198.51.100.2/24 dev vmbr0; ip route add default via 198.51.100.1",
    undo: "ip link set eth0 nomaster; ip link del vmbr0; ip addr add 198.51.100.2/24 dev eth0; ip route add default via 198.51.100.1",
  },
  "a neighbour behind the bridge with a clone's address": {
    make: "ip link add br0 type bridge; ip link set br0 up; ip neigh add 10.0.0.3 lladdr 52:54:00:00:00:09 dev br0",
    undo: "ip link del br0",
    refused: /behind br0, 10\.0\.0\.3 is that of 52:54:00:00:00:09/,
  },
  "a droplet whose forwarding is off": { make: "echo 0 >/proc/sys/net/ipv4/ip_forward", undo: ":" },
};
