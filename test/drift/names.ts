import type { Drift } from "./kind";

const home = "$(echo /opt/swarm/runtime/.names-*)";
const table = "$(nft list tables | sed -n 's/^table ip \\(hornet_.*names\\)/\\1/p')";
/** The set of the fleet's pattern, which has no ports. */
const set = `$(awk '$4 == "*.drift.test" { print $3 }' ${home}/policies)`;
const pid = `read -r p _ <${home}/pid;`;
/** The pid of its dnsmasq. */
const resolver = `r=$(pgrep -f -- "--conf-file=${home}/dnsmasq.conf")`;
const server = (words: string): Drift["says"] => ({ "NameServer names": words });

/** The name server, its dnsmasq, and the table with a rule for each policy. */
const works = `${pid} kill -0 $p; ${resolver}; [[ $(cut -d' ' -f4 /proc/$r/stat) == $p ]]
  [[ $(awk '{ print $3 }' /proc/$r/stat) == [SR] ]]; nft list table ip ${table} | grep -q "ip daddr @${set} accept"`;
/** Opens an address as an answer does. */
const open = `s=${set}; read -r up _ </proc/uptime
  nft add element ip ${table} $s '{ 192.0.2.10 timeout 1h }'; echo "$s 192.0.2.10 $((\${up%.*} + 3600))" >>${home}/opened`;
const isOpen = `nft list set ip ${table} ${set} | grep -q "192.0.2.10 timeout"`;

/** Drift of the guests' name server. */
export const namesDrifts: readonly Drift[] = [
  {
    kind: "name server killed",
    make: `${pid} kill -9 $p; while kill -0 $p 2>/dev/null; do sleep 0.01; done`,
    says: server("the guests' name server does not run"),
    check: works,
  },
  {
    kind: "name server stopped",
    make: `${pid} kill -STOP $p`,
    says: server("the guests' name server does not run"),
    check: works,
  },
  {
    kind: "name server's dnsmasq stopped",
    make: `${resolver}; kill -STOP $r`,
    says: server("the dnsmasq of the guests' name server does not run"),
    check: works,
  },
  {
    kind: "name server's folder deleted",
    make: `rm -r ${home}`,
    says: server("the guests' name server does not run"),
    check: works,
  },
  {
    kind: "label of the name server's folder deleted",
    make: `rm ${home}/owner`,
    says: server("the folder of the guests' name server lost its owner label"),
    check: `[[ -s ${home}/owner ]]`,
  },
  {
    kind: "name server's dnsmasq.conf deleted",
    make: `rm ${home}/dnsmasq.conf`,
    says: server("the guests' name server has other policies"),
    check: `${works}; [[ -s ${home}/dnsmasq.conf ]]`,
  },
  {
    kind: "name server's policies changed",
    make: `sed -i 's/ \\*\\.drift\\.test$/ *.test/' ${home}/policies`,
    says: server("the guests' name server has other policies"),
    check: works,
  },
  {
    kind: "name server's set flushed",
    make: `${open}; nft flush set ip ${table} $s`,
    says: server("the nft set of *.drift.test lost 192.0.2.10"),
    check: `${works}; ${isOpen}`,
  },
  {
    kind: "name server's set filled by hand",
    make: `nft add element ip ${table} ${set} '{ 192.0.2.66 }'`,
    says: server("the nft set of *.drift.test has 192.0.2.66, which no answer opened"),
    check: `! nft list table ip ${table} | grep -q 192.0.2.66`,
  },
  {
    kind: "name server's rules flushed",
    make: `nft flush chain ip ${table} forward`,
    says: server("nft rule established missing; nft rule clones of p0 missing"),
    check: `nft list table ip ${table} | grep -q 'jump p0'`,
  },
  {
    kind: "name server's rule added",
    make: `nft insert rule ip ${table} forward accept`,
    says: server("nft rule without a name is not Hornet's"),
    check: `! nft list table ip ${table} | grep -q '^\t\taccept$'`,
  },
];
