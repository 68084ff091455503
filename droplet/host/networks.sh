# shellcheck shell=bash
# A droplet's networks as Preflight judges them: what is there, and what becomes of a fleet's packets. Everything here only reads.

# network_facts: prints lines net.KIND.N=…. Variables: runtime_dir owner bridge network (the bridge's, such as 10.0.0.0/24; empty:
# nothing is printed) bridge_address internet (an address of the Internet), bridge_rules (the bridge's own nft table, as a
# transaction) and packets (see replica.pl).
network_facts() {
  local addresses routes rules
  [[ -n $network ]] || return 0
  addresses=$(ip -4 -o addr show)
  routes=$(all_routes)
  rules=$(ip -4 rule show)
  [[ ! -e /sys/class/net/$bridge ]] || printf 'net.bridge=%s\n' "$([[ ! -d /sys/class/net/$bridge/bridge ]] && printf other || printf bridge)"
  printf 'net.operator=%s\n' "$(operator_address)"
  awk '{ print "net.address." NR "=" $2 " " $4 " " ($5 == "peer" ? $6 : "") }' <<<"$addresses"
  awk 'NF { print "net.route." NR "=" $0 }' <<<"$routes"
  awk '{ $1 = $1; print "net.rule." NR "=" $0 }' <<<"$rules"
  ip -4 neigh show to "$network" nud all | awk '!/NOARP/ && n < 2000 { print "net.neighbour." ++n "=" $0 }'
  ss -Htn4 state established dst "$network" 2>/dev/null |
    awk '{ sub(/:[0-9]+$/, "", $4); if (!seen[$4]++ && n < 2000) print "net.peer." ++n "=" $4 }'
  awk '$1 == "nameserver" { print "net.resolver." ++n "=" $2 }' /etc/resolv.conf 2>/dev/null
  # A bridge with ports that no stack made, and the stacks that own the others.
  ip -o link show | awk -v bridge="$bridge" '
    { name = $2; sub(/[@:].*/, "", name); owner = "-" }
    match($0, /alias hornet:[^\\ ]*/) { owner = substr($0, RSTART + 6, RLENGTH - 6) }
    $0 ~ "master " bridge " " && owner == "-" { print "net.member." ++members "=" name }
    owner != "-" && !/master / { print "net.owned." ++owned "=" name " " owner }'
  {
    section links && ip -o link show
    section addresses && printf '%s\n' "$addresses"
    section rules && printf '%s\n' "$rules"
    section routes && printf '%s\n' "$routes"
    section sysctls && interface_sysctls
    section sets && ipset save 2>/dev/null
    section nft && printf 'list ruleset %s\n' ip inet bridge netdev | nft -s -f - 2>/dev/null
    # The tool itself would load the kernel's modules.
    section legacy && [[ -n $(cat /proc/net/ip_tables_names 2>/dev/null) ]] && iptables-legacy-save 2>/dev/null
    section own && printf '%s\n' "$bridge_rules"
    section bridge && printf '%s %s %s %s\n' "$bridge" "$bridge_address" "$internet" "$owner"
    section given && given_addresses
    section packets && printf '%s\n' "$packets"
  } | timeout 20 perl -e "$replica_program" || printf 'net.untried=%s\n' "the trial of the fleet's packets failed"
}

# all_routes: the IPv4 routes of all tables, one a line, without those that the kernel derives from addresses in the table local. A
# router of the Internet has a million; beyond these no network of Hornet's can be judged anyway.
all_routes() { ip -4 -o route show table all | awk '/ table local / && / proto kernel / { next } ++n > 5000 { exit } { print }'; }

# operator_address: where the ssh connection of this lane comes from. sudo drops the variable, but its parents have it.
operator_address() {
  local pid=$$ stat
  local -a words
  while ((pid > 1)); do
    mapfile -d '' -t words 2>/dev/null <"/proc/$pid/environ"
    for stat in "${words[@]}"; do
      [[ $stat == SSH_CONNECTION=* ]] || continue
      stat=${stat#*=} stat=${stat%% *}
      printf '%s' "${stat#::ffff:}"
      return 0
    done
    read -r stat 2>/dev/null <"/proc/$pid/stat" || return 0
    read -r _ pid _ <<<"${stat##*) }"
  done
}

# given_addresses: BRIDGE ADDRESS of those that this owner gave to bridges: they go when an up gives another one.
given_addresses() {
  local claim had address
  for claim in "$runtime_dir"/.bridge-*-"${owner##*:}"; do
    { read -r _ had address _ <"$claim/origin"; } 2>/dev/null || continue
    claim=${claim##*/.bridge-}
    [[ $had != 0 ]] || printf '%s %s\n' "${claim%-*}" "$address"
  done
}

# interface_sysctls: KEY VALUE of the settings that decide whether a packet is forwarded, by interface where they differ.
interface_sysctls() {
  local file value
  for file in /proc/sys/net/ipv4/conf/*/{rp_filter,forwarding} /proc/sys/net/ipv4/ip_forward /proc/sys/net/bridge/bridge-nf-call-iptables; do
    { read -r value <"$file"; } 2>/dev/null && [[ $file != */veth* ]] && printf '%s %s\n' "${file#/proc/sys/net/}" "$value"
  done
  return 0
}
