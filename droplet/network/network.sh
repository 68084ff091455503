# shellcheck shell=bash
# Namespaces and packet rules. The provider plans the steps (plan/network) and sends them; the functions here apply them.

# ip_batch LINES: stops at the first line that fails, and ip names it with its error.
ip_batch() { ip -batch - <<<"$1"; }

# ip_batch_in NAMESPACE LINES
ip_batch_in() { ip -n "$1" -batch - <<<"$2"; }

# refuse_ipv6_in NAMESPACE: so that no packet of a guest configures anything. It comes before the links are up; later links
# inherit it from `default`. By a shell inside the namespace, because /proc/sys/net shows the namespace of its reader.
refuse_ipv6_in() { nsenter --net="/run/netns/$1" bash -c "$refuse_ipv6_program"; }

# make_inside NAMESPACE LINES: the same, and then ip_batch_in, by one process.
make_inside() { nsenter --net="/run/netns/$1" bash -c "$refuse_ipv6_program && exec ip -batch -" <<<"$2"; }

# refuse_ipv6 [LINK…]: on these links; without arguments on all present and future ones. A kernel without IPv6 has none of
# these files.
refuse_ipv6() {
  local link setting
  (($# > 0)) || set -- all default /proc/sys/net/ipv6/conf/*
  for link in "$@"; do
    link=/proc/sys/net/ipv6/conf/${link##*/}
    for setting in accept_ra=0 autoconf=0 accept_redirects=0 disable_ipv6=1; do
      [[ ! -e $link/${setting%=*} ]] || echo "${setting#*=}" >"$link/${setting%=*}" || return
    done
  done
}

refuse_ipv6_program="$(declare -f refuse_ipv6)
refuse_ipv6"

# make_links LINES (variable host_veth): applies them in the droplet's own namespace.
make_links() { ip_batch "$1" && refuse_ipv6 "$host_veth"; }

# load_rules_in NAMESPACE TABLE RULES: turns forwarding on, runs one nft transaction and prints the kernel's listing, by one
# shell that enters the namespace once. With rp_filter the kernel ignores ARP requests of a guest that claims another address:
# each would take an entry of the neighbour table, which all namespaces share.
load_rules_in() {
  # shellcheck disable=SC2016
  nsenter --net="/run/netns/$1" sh -c \
    'echo 1 >/proc/sys/net/ipv4/ip_forward && echo 1 >/proc/sys/net/ipv4/conf/all/rp_filter && nft -f - && exec nft -j list table ip "$1"' rules "$2" <<<"$3"
}

# @call converge_namespace(runtime_dir namespace owner adopt note add host inside_first ipv6 inside host_veth) answers: the ms; effects
# note names a file that a new folder has from the start (empty: none). ipv6: refuse it in the namespace.
converge_namespace() {
  local dir=$runtime_dir/$namespace start=${EPOCHREALTIME/./} own=0
  own_clone || own=$?
  ((own < 2)) || return 1
  if ((own == 1)) && [[ ! -e $dir/owner && -z $adopt ]] && has_netns "$namespace"; then
    fail "network namespace $namespace already exists and has no owner label of Hornet's"
    return 1
  fi
  effect "$namespace/claim" claim "$dir" "$note" || return
  [[ -s $dir/host-veth ]] || effect "$namespace/note" note_link "$dir" || return
  [[ -z $add || ! -e /run/netns/$namespace ]] || effect "$namespace/clear-name" rm -f "/run/netns/$namespace" || return
  # A new namespace has nothing to clear first, so one run of ip makes it with its links.
  [[ -z $add ]] || host="netns add $namespace"$'\n'$host
  [[ -z $inside_first ]] || effect "$namespace/clear" ip_batch_in "$namespace" "$inside_first" || return
  [[ -z $host ]] || effect "$namespace/links" make_links "$host" || return
  if [[ -n $ipv6 && -n $inside ]]; then
    effect "$namespace/inside" make_inside "$namespace" "$inside" || return
  elif [[ -n $ipv6 ]]; then
    effect "$namespace/ipv6" refuse_ipv6_in "$namespace" || return
  elif [[ -n $inside ]]; then
    effect "$namespace/inside" ip_batch_in "$namespace" "$inside" || return
  fi
  printf '%d' $(((${EPOCHREALTIME/./} - start) / 1000))
}

# @call finish_clones(runtime_dir owner namespaces) effects
# namespaces are separated by blanks. From now on a state has these clones.
finish_clones() {
  local namespace
  for namespace in $namespaces; do
    is_ours "$runtime_dir/$namespace" || continue
    effect "$namespace/finish" empty_file "$runtime_dir/$namespace/begun" || return
  done
}

# note_link DIR: records the outer link's name for a sweep, which has no state.
note_link() { printf '%s\n' "$host_veth" >"$1/host-veth"; }

# @call delete_namespace(runtime_dir namespace owner host_veth keep_console? vmm_timeout_ms) removes
# host_veth is empty where it is unknown. With keep_console a folder that holds the console of a failed guest stays; the next
# up or a sweep removes it. A VM that no state has ends with its namespace. The call refuses a namespace with any other
# process, which would lose its network.
delete_namespace() {
  local dir=$runtime_dir/$namespace pids network=""
  own_clone || return $(($? - 1))
  if has_netns "$namespace"; then
    pids=$(ip netns pids "$namespace")
    if [[ -n $pids ]]; then
      shutdown_ms=0 delete_vm || return
      pids=$(ip netns pids "$namespace")
    fi
    if [[ -n $pids ]]; then
      fail "processes still run in namespace $namespace: ${pids//$'\n'/ }"
      return 1
    fi
  fi
  # The kernel deletes a namespace's links in the background, and never while something holds the namespace. So the outer
  # veth is deleted here, and is gone on return.
  if [[ -n $host_veth && -e /sys/class/net/$host_veth ]] && owns_link "$host_veth"; then
    network="link del $host_veth"$'\n'
  elif has_netns "$namespace"; then
    # The outer veth was renamed, or its name is unknown; the kernel deletes it with its inner end.
    effect "$namespace/del-veths" drop_veths "$namespace" || return
  fi
  [[ ! -e /run/netns/$namespace ]] || network+="netns del $namespace"
  [[ -z $network ]] || effect "$namespace/del-network" ip_batch "$network" || return
  release_uid "$dir" || return
  ! has_cgroup "$namespace" || effect "$namespace/no-cgroup" drop_cgroup "$namespace" || return
  [[ -z ${keep_console:-} || ! -s $dir/console.log ]] || return 0
  effect "$namespace/unclaim" unclaim "$dir"
}

# drop_veths NAMESPACE
drop_veths() {
  local link
  while IFS=': ' read -r _ link _; do
    ip -n "$1" link del "${link%@*}" || return
  done < <(ip -n "$1" -o link show type veth)
}

# owns_link NAME: whether the link has our owner label.
owns_link() {
  [[ $(<"/sys/class/net/$1/ifalias") == "$owner" ]]
}

# has_netns NAME: whether a namespace of that name exists. A plain file, as an `ip netns` that was killed half-way leaves it,
# is none. A caller that asks for hundreds of names calls list_netns first.
has_netns() {
  if ((${#netns_there[@]} > 0)); then [[ -n ${netns_there[$1]:-} ]]; else [[ $(</proc/self/mountinfo) == *" /run/netns/$1 "* ]]; fi
}

# list_netns: fills the array netns_there with the names of all namespaces.
list_netns() {
  local line name
  local -a lines=()
  mapfile -t lines </proc/self/mountinfo
  for line in "${lines[@]}"; do
    name=${line#* /run/netns/}
    [[ $name == "$line" ]] || netns_there[${name%% *}]=1
  done
}
declare -A netns_there=()

# add_netns NAME
add_netns() {
  has_netns "$1" || rm -f "/run/netns/$1" && ip netns add "$1"
}

# owns_namespace NAME: whether the namespace has our owner label, which is the alias of its loopback.
owns_namespace() {
  has_netns "$1" && [[ $(ip -n "$1" -j link show lo 2>/dev/null) == *"\"ifalias\":\"$owner\""* ]]
}

# own_clone (variables runtime_dir namespace owner): 0 where the clone is ours, 1 where it is not, 2 where it is ours and its
# label cannot be restored. A folder that lost its owner label gets it again if its namespace still has it; another stack's
# label stays.
own_clone() {
  local dir=$runtime_dir/$namespace
  ! is_ours "$dir" || return 0
  [[ ! -e $dir/owner || $(<"$dir/owner") != hornet:* ]] && owns_namespace "$namespace" || return 1
  effect "$namespace/mark" mark_again "$dir" || return 2
}

# @call apply_rules(runtime_dir namespace owner table rules pending) answers: the kernel's listing, then the ms; effects
# pending is empty once the state has the namespace.
apply_rules() {
  local start=${EPOCHREALTIME/./}
  require_ours || return
  effect "$namespace/rules" load_rules_in "$namespace" "$table" "$rules" || return
  if [[ -z $pending && -s $runtime_dir/$namespace/begun ]]; then
    effect "$namespace/finish" empty_file "$runtime_dir/$namespace/begun" || return
  fi
  printf '%d' $(((${EPOCHREALTIME/./} - start) / 1000))
}

# @call delete_rules(runtime_dir namespace owner table) removes
delete_rules() {
  is_ours "$runtime_dir/$namespace" || return 0
  has_netns "$namespace" || return 0
  effect "$namespace/del-rules" drop_rules_in "$namespace" "$table"
}

drop_rules_in() {
  # shellcheck disable=SC2016
  nsenter --net="/run/netns/$1" bash -c \
    'echo 0 >/proc/sys/net/ipv4/ip_forward; printf "add table ip %s\ndelete table ip %s\n" "$1" "$1" | nft -f -' \
    drop "$2"
}
