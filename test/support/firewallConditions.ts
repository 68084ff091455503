import { readFileSync } from "node:fs";
import { join } from "node:path";
import { chain, clone, flush, legacyOff, network, noVpc, vpc, type Condition } from "./conditions";

/** A ruleset that a real tool made, in a file of this folder. */
const recorded = (file: string): string => readFileSync(join(__dirname, file), "utf8");

/** ufw's rules after `ufw allow 22/tcp` and `ufw enable`. */
const ufwOn = (iptables: string): string => `${iptables}-restore <<'END'\n${recorded("ufw.rules")}END`;
const ufwOff = "for c in INPUT FORWARD OUTPUT; do iptables -P $c ACCEPT; done; nft flush ruleset";

/** The rules that ufw 0.36.2 added by these commands. */
const ufw = (iptables: string): string => `ufw() { case "$*" in
  "route allow in on br0") ${iptables} -A ufw-user-forward -i br0 -j ACCEPT ;;
  "route allow proto tcp to 10.0.0.2 port 8088") ${iptables} -A ufw-user-forward -d 10.0.0.2/32 -p tcp -m tcp --dport 8088 -j ACCEPT ;;
  "allow in on br0 to any port 8080 proto tcp") ${iptables} -A ufw-user-input -i br0 -p tcp -m tcp --dport 8080 -j ACCEPT ;;
  "allow in on br0 to any port 80 proto tcp") ${iptables} -A ufw-user-input -i br0 -p tcp -m tcp --dport 80 -j ACCEPT ;;
  "allow out on br0") ${iptables} -A ufw-user-output -o br0 -j ACCEPT ;;
  *) echo "ufw $*: not recorded" >&2; return 1 ;;
esac; }`;

/** What firewalld 1.3.3 changed by this command, but for empty chains. */
const firewallCmd = `firewall-cmd() { case "$*" in
  "--permanent --zone=trusted --add-interface=br0") ;;
  "--zone=trusted --add-interface=br0") nft -f - <<'END'
table inet firewalld {
 chain filter_IN_trusted { accept; }
 chain filter_FWD_trusted { accept; }
}
insert rule inet firewalld filter_INPUT_ZONES iifname "br0" goto filter_IN_trusted
insert rule inet firewalld filter_FORWARD_ZONES iifname "br0" goto filter_FWD_trusted
END
  ;;
  *) echo "firewall-cmd $*: not recorded" >&2; return 1 ;;
esac; }`;

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
  "a firewall that rejects what it does not know": {
    make: `${chain("forward", "ct state established,related accept\niifname lo accept\nreject with icmpx admin-prohibited", "inet", "accept", "filter + 10")}
      ${chain("input", "ct state established,related accept\niifname lo accept\ntcp dport 22 accept\nreject with icmpx admin-prohibited", "inet", "accept", "filter + 10")}`,
    ...{ undo: flush, mends: true },
    warned:
      /cannot reach the Internet on 443\/tcp and 53\/udp, the droplet on 8080\/tcp: .*reject with icmpx admin-prohibited/,
  },
  firewalld: {
    make: `nft -f - <<'END'\n${recorded("firewalld.nft")}END`,
    ...{ undo: flush, mends: true, tools: firewallCmd },
    warned:
      /the droplet on 8080\/tcp: inet firewalld filter_\w+: reject with icmpx admin-prohibited .*: firewall-cmd --zone=trusted --add-interface=br0 && firewall-cmd --permanent --zone=trusted --add-interface=br0$/,
  },
  ufw: {
    ...{ make: ufwOn("iptables"), undo: ufwOff, mends: true, tools: ufw("iptables") },
    warned:
      /the droplet on 8080\/tcp: ip filter FORWARD: policy drop .*: ufw route allow in on br0 && ufw allow in on br0 to any port 8080 proto tcp$/,
  },
  "ufw that lets nothing out": {
    ...{
      make: `${ufwOn("iptables")}\niptables -P OUTPUT DROP; iptables -F ufw-track-output`,
      undo: ufwOff,
      mends: true,
      tools: ufw("iptables"),
    },
    refused: /the droplet cannot reach vm0 and vm1 on 22\/tcp: .*ufw allow out on br0/,
  },
  "ufw before a published port": {
    ...{ make: ufwOn("iptables"), undo: ufwOff, mends: true, tools: ufw("iptables") },
    network: {
      ...{ ...network, services: [], guests: [{ clones: [clone(0)], egress: ["none"] }] },
      forwards: [{ port: 8088, protocol: "tcp", address: clone(0) }],
    },
    warned: /^nobody can reach vm0 at .*: ufw route allow proto tcp to 10\.0\.0\.2 port 8088$/,
  },
  "ufw by iptables-legacy": {
    ...{ make: ufwOn("iptables-legacy"), mends: true, tools: ufw("iptables-legacy") },
    undo: `${legacyOff}; iptables-legacy -X`,
    warned:
      /rules of ufw in iptables-legacy\. .*: ufw route allow in on br0 && ufw allow in on br0 to any port 8080 proto tcp$/,
  },
  "rules for IPv6 alone": {
    make: `ip6tables -P FORWARD DROP; nft -f - <<'END'
table inet six {
 set bad { type ipv6_addr; flags interval; elements = { 2001:db8::/32 } }
 chain f { type filter hook forward priority 0; policy accept; meta nfproto ipv6 drop; ip6 saddr @bad drop; icmpv6 type nd-router-advert drop; }
 chain d { type nat hook prerouting priority dstnat; policy accept; meta nfproto ipv6 tcp dport 80 dnat ip6 to [2001:db8::7]:80; }
}
END`,
    undo: `ip6tables -P FORWARD ACCEPT; ${flush}`,
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
