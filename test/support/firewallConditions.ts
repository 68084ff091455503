import { chain, clone, flush, legacyOff, network, noVpc, vpc, type Condition } from "./conditions";

export const firewalls: Readonly<Record<string, Condition>> = {
  "a forward policy of nft": {
    ...{ make: chain("forward", "", "ip", "drop"), undo: flush, mends: true },
    warned:
      /vm0 and vm1 cannot reach the Internet on 443\/tcp and 53\/udp: ip fw_forward forward: policy drop \(nft\)\. Run on the droplet/,
  },
  "two forward chains that drop": {
    make: `${chain("forward", "iifname br0 drop", "ip")}nft -f - <<'END'\ntable inet other { \n chain f {\n type filter hook forward priority 10; policy drop;\n }\n}\nEND`,
    undo: flush,
    mends: true,
    warned: /rule|iifname "br0" drop \(nft\); inet other f: policy drop/,
  },
  firewalld: {
    make: `${chain("forward", "ct state established,related accept\niifname lo accept\nreject with icmpx admin-prohibited", "inet", "accept", "filter + 10")}
      ${chain("input", "ct state established,related accept\niifname lo accept\ntcp dport 22 accept\nreject with icmpx admin-prohibited", "inet", "accept", "filter + 10")}`,
    ...{ undo: flush, mends: true },
    warned:
      /cannot reach the Internet on 443\/tcp and 53\/udp, the droplet on 8080\/tcp: .*reject with icmpx admin-prohibited/,
  },
  ufw: {
    make: `iptables -P INPUT DROP; iptables -P FORWARD DROP
      for d in input forward; do iptables -N ufw-before-$d; iptables -A \${d^^} -j ufw-before-$d
        iptables -A ufw-before-$d -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT; done
      iptables -N ufw-user-input; iptables -A INPUT -j ufw-user-input; iptables -A ufw-user-input -p tcp --dport 22 -j ACCEPT
      iptables -A INPUT -m limit --limit 3/min --limit-burst 10 -j LOG --log-prefix "[UFW BLOCK] "`,
    undo: "iptables -P INPUT ACCEPT; iptables -P FORWARD ACCEPT; nft flush ruleset",
    mends: true,
    warned: /the droplet on 8080\/tcp: .*ip filter INPUT: policy drop/,
  },
  Docker: {
    make: `iptables -P FORWARD DROP; iptables -N DOCKER-USER; iptables -N DOCKER-FORWARD
      iptables -A FORWARD -j DOCKER-USER; iptables -A FORWARD -j DOCKER-FORWARD
      iptables -A DOCKER-FORWARD -o docker0 -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
      iptables -A DOCKER-FORWARD -i docker0 -j ACCEPT
      iptables -t mangle -A POSTROUTING -p udp --dport 68 -j CHECKSUM --checksum-fill
      iptables -t nat -A POSTROUTING -s 172.17.0.0/16 ! -o docker0 -j MASQUERADE`,
    undo: "iptables -P FORWARD ACCEPT; nft flush ruleset",
    mends: true,
    warned:
      /iptables -I DOCKER-USER -i br0 -j ACCEPT && iptables -I DOCKER-USER -o br0 -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT$/,
  },
  "a service that Docker publishes": {
    make: `ip link add docker0 type veth peer name far2; ip link set docker0 up; ip link set far2 up; ip addr add 172.17.0.1/16 dev docker0
      iptables -t nat -A PREROUTING -m addrtype --dst-type LOCAL -p tcp --dport 8080 -j DNAT --to-destination 172.17.0.2:80`,
    undo: "ip link del docker0; nft flush ruleset",
  },
  "a forward policy of iptables-legacy": {
    ...{ make: "iptables-legacy -P FORWARD DROP", undo: legacyOff, mends: true },
    warned:
      /cannot reach the Internet .*: rules of iptables-legacy\. .*iptables-legacy -I FORWARD -i br0 -j ACCEPT && iptables-legacy -I FORWARD -o br0 -m conntrack/,
  },
  "an input policy of iptables-legacy": {
    make: "iptables-legacy -A INPUT -p tcp --dport 22 -j ACCEPT; iptables-legacy -A INPUT -m conntrack --ctstate ESTABLISHED -j ACCEPT; iptables-legacy -P INPUT DROP",
    undo: legacyOff,
    mends: true,
    warned: /vm0 and vm1 cannot reach the droplet on 8080\/tcp: rules of iptables-legacy/,
  },
  "a reject of iptables-legacy behind nft's accept": {
    make: `${chain("forward", "accept")}iptables-legacy -A FORWARD -s 10.0.0.3 -j REJECT`,
    undo: `${flush}; ${legacyOff}`,
    mends: true,
    warned: /^vm1 cannot reach the Internet/,
  },
  "an input chain that knows the uplink alone": {
    ...{
      make: chain("input", "ct state established accept\niifname eth0 accept", "inet", "drop"),
      undo: flush,
      mends: true,
    },
    warned: /cannot reach the droplet on 8080\/tcp: inet fw_input input: policy drop/,
  },
  "an output policy": {
    ...{ make: chain("output", "oifname { lo, eth0 } accept", "ip", "drop"), undo: flush, mends: true },
    refused: /the droplet cannot reach vm0 and vm1 on 22\/tcp: ip fw_output output: policy drop/,
  },
  "a firewall that lets out and nothing back": {
    ...{ make: chain("forward", "iifname br0 accept", "ip", "drop"), undo: flush, mends: true },
    warned: /oifname "br0" ct state established,related accept$/,
  },
  "one clone's address in a list": {
    ...{ make: chain("forward", "ip saddr { 10.0.0.3, 192.0.2.66 } drop"), undo: flush, mends: true },
    warned: /^vm1 cannot reach the Internet/,
  },
  "DNS to the Internet alone": {
    ...{ make: chain("forward", "udp dport 53 drop"), undo: flush, mends: true },
    warned: /^vm0 and vm1 cannot reach the Internet on 53\/udp: /,
  },
  "a list of private networks before everything": {
    ...{
      make: chain("prerouting", "iifname != lo ip saddr { 10.0.0.0/8, 172.16.0.0/12 } drop", "ip", "accept", "raw"),
      undo: flush,
      mends: true,
    },
    refused: /the droplet cannot reach vm0 and vm1/,
  },
  "drops of what no clone sends": {
    make: `${chain("forward", 'iifname "wg0" drop\nip saddr 203.0.113.0/24 drop\nct state invalid drop\ntcp dport 25 drop')}${chain("input", "tcp dport { 23, 3389 } drop")}`,
    undo: flush,
  },
  "a drop policy with rules for the bridge": {
    ...{
      make: chain("forward", 'iifname "br0" accept\nct state established,related accept', "ip", "drop"),
      undo: flush,
    },
  },
  "limits of new connections": {
    ...{ make: chain("forward", "tcp flags syn limit rate over 1/second burst 1 packets drop"), undo: flush },
  },
  "sixty thousand addresses in a set": {
    make: `perl -e 'print "table ip crowdsec {\\n set bad {\\n type ipv4_addr\\n flags timeout\\n elements = {"; printf "%d.%d.%d.%d timeout 4h,", 20 + $_ / 3e4, $_ >> 8 & 255, $_ & 255, $_ % 250 for 0 .. 59999;
      print "}\\n }\\n chain c {\\n type filter hook forward priority -10; policy accept;\\n ip saddr \\@bad drop\\n }\\n}\\n"' | nft -f -`,
    undo: flush,
  },
  "a clone's address in a set": {
    make: `nft -f - <<'END'\ntable ip crowdsec {\n set bad {\n type ipv4_addr\n flags interval\n elements = { 10.0.0.2/31, 192.0.2.0/24 }\n }\n chain c {\n type filter hook forward priority -10; policy accept;\n ip saddr @bad drop\n }\n}\nEND`,
    ...{ undo: flush, mends: true },
    warned: /^vm0 and vm1 cannot reach the Internet .*ip saddr @bad drop/,
  },
  "interfaces that may not forward": {
    make: "echo 1 >/proc/sys/net/ipv4/ip_forward; echo 0 >/proc/sys/net/ipv4/conf/eth0/forwarding",
    undo: "echo 0 >/proc/sys/net/ipv4/ip_forward",
    mends: true,
    warned:
      /cannot reach the Internet .*: an interface does not forward\. .*sysctl -w net\.ipv4\.conf\.eth0\.forwarding=1$/,
  },
  "a firewall before a published port": {
    make: chain("forward", "iifname br0 accept\nct state established,related accept", "ip", "drop"),
    undo: flush,
    network: { ...network, forwards: [{ port: 8088, protocol: "tcp", address: clone(0) }] },
    mends: true,
    warned:
      /^nobody can reach vm0 at the droplet's port 8088\/tcp: ip fw_forward forward: policy drop .*oifname "br0" ct status dnat accept$/,
  },
  "a firewall before a network that egress names": {
    make: `${vpc("10.132.0.5/16")}
${chain("forward", "oifname eth1 reject")}`,
    undo: `${flush}; ${noVpc}`,
    network: { ...network, guests: [{ clones: [clone(1)], egress: ["10.132.7.0/24:5432/tcp"] }] },
    mends: true,
    warned: /^vm1 cannot reach 10\.132\.7\.1 on 5432\/tcp: inet fw_forward forward: oifname "eth1" reject/,
  },
  "a firewall before the guests' name server": {
    make: chain("input", "ct state established accept\niifname != br0 accept\ntcp dport 8080 accept", "inet", "drop"),
    undo: flush,
    network: { ...network, guests: [{ clones: [clone(0)], egress: ["api.example.org"] }] },
    mends: true,
    warned: /^vm0 cannot reach the droplet on \d+\/udp and \d+\/tcp: inet fw_input input: policy drop/,
  },
  "a table that a daemon owns, as firewalld does": {
    make: `mkfifo /tmp/end; (printf 'add table inet fw { flags owner; }\\nadd chain inet fw f { type filter hook forward priority 0; policy drop; }\\n'
      read -r _ </tmp/end) 2>/dev/null | nft -i >/dev/null 2>&1 &
      until nft list chain inet fw f >/dev/null 2>&1; do sleep 0.05; done`,
    undo: "echo >/tmp/end; while nft list table inet fw >/dev/null 2>&1; do sleep 0.05; done; rm /tmp/end /root/.nft.history",
    warned: /^vm0 and vm1 cannot reach the Internet .*: inet fw f: policy drop/,
  },
  "a drop as packets come in by the uplink": {
    make: chain("ingress", "udp sport 53 drop", "netdev").replace("hook ingress", "hook ingress device eth0"),
    undo: flush,
    warned: /^vm0 and vm1 cannot reach the Internet on 53\/udp: something between br0 and there drops the packets$/,
  },
  "a policy rule against what comes from the bridge": {
    make: "ip rule add pref 50 iif br0 prohibit",
    undo: "ip rule del pref 50",
    warned: /the droplet has no IPv4 route to the Internet \(Permission denied\)/,
  },
};
