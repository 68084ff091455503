# shellcheck shell=bash
# The droplet's bridge.

# @call converge_bridge(runtime_dir owner bridge before mac host forward rules table address) answers: FORWARDING-WAS-OFF ORIGIN HAD ADDRESS MAC, then the kernel's listing; effects
# The claim folder records the droplet before Hornet, so that delete_bridge restores it. before is the state's copy of the
# answer's first line, for a claim folder that was lost.
converge_bridge() {
  local dir=$runtime_dir/.bridge-$bridge-${owner##*:} origin=ours
  if [[ -e /sys/class/net/$bridge ]] && ! owns_link "$bridge"; then
    origin=adopted
    [[ -d /sys/class/net/$bridge/bridge ]] || { fail "$bridge already exists and is not a bridge"; return 1; }
  fi
  effect "bridge/claim" claim_named "$dir" || return
  if [[ ! -e $dir/origin && -n $before ]]; then
    effect "bridge/origin" recall_bridge "$dir" || return
  elif [[ ! -e $dir/origin ]]; then
    effect "bridge/origin" remember_bridge "$dir" "$origin" || return
  fi
  # Somebody replaced our bridge with theirs.
  if [[ $origin == adopted && $(<"$dir/origin") == ours* ]] && ! made_bridge "$mac"; then
    effect "bridge/origin" remember_bridge "$dir" adopted || return
  fi
  leave_address "$dir" || return
  [[ -z $host ]] || effect "bridge/links" ip_batch "$host" || return
  # Only on a bridge that Hornet made: the owner of another one may need IPv6.
  [[ $(<"$dir/origin") != ours* || -z $host ]] || effect "bridge/ipv6" refuse_ipv6 "$bridge" || return
  [[ -z $forward ]] || effect "bridge/forward" enable_forwarding "$dir" || return
  effect "bridge/rules" nft -f - <<<"$rules" || return
  printf '%s %s\n' "$([[ ! -e $dir/forwarding-was-off ]] || printf 1)" "$(<"$dir/origin")"
  nft -j list table ip "$table"
}

# leave_address DIR: removes the bridge's previous address if Hornet added it and no other stack of Hornet's uses the bridge.
# The record of the new address comes before the address, so that the next run finds one that a cut-off run added and no
# state has.
leave_address() {
  local kind had old
  read -r kind had old _ <"$1/origin"
  [[ $old != "$address" ]] || return 0
  if [[ $had == 0 && -e /sys/class/net/$bridge && $(bridge_heir "$1") != "$runtime_dir/.bridge-$bridge-"* ]]; then
    effect "bridge/del-old-address" drop_address "$old" "$bridge" || return
  fi
  effect "bridge/new-address" remember_bridge "$1" "$kind"
}

# remember_bridge DIR ORIGIN: records the origin of the bridge, whether it had our address before, the address, our MAC address.
remember_bridge() {
  local had=0
  [[ $2 == ours ]] || ! ip -o -4 addr show dev "$bridge" | grep -F " $address " >/dev/null || had=1
  printf '%s %s %s %s\n' "$2" "$had" "$address" "$mac" >"$1/origin.draft" && mv "$1/origin.draft" "$1/origin"
}

# recall_bridge DIR: restores the record from the state's copy.
recall_bridge() {
  [[ $before != 1* ]] || : >"$1/forwarding-was-off" || return
  printf '%s\n' "${before#* }" >"$1/origin.draft" && mv "$1/origin.draft" "$1/origin"
}

# enable_forwarding DIR: records that forwarding was off, then turns it on.
enable_forwarding() {
  [[ $(</proc/sys/net/ipv4/ip_forward) == 0 ]] || return 0
  : >"$1/forwarding-was-off" && echo 1 >/proc/sys/net/ipv4/ip_forward
}

# @call delete_bridge(runtime_dir owner bridge before table address) removes
# An adopted bridge stays, without Hornet's additions. A bridge that another stack uses is handed over to that stack, which
# removes it later. A bridge with ports of this stack stays: the ports are clones that no state has, and the sweep that
# removes those also removes the bridge.
delete_bridge() {
  local dir=$runtime_dir/.bridge-$bridge-${owner##*:} origin=ours had=0 mac="" heir same="" ports="" made="" own=""
  if ! is_ours "$dir"; then
    [[ -d $dir ]] || bridge_labelled || return 0
    effect "bridge/claim" claim_named "$dir" || return
    [[ -z $before || -e $dir/origin ]] || effect "bridge/origin" recall_bridge "$dir" || return
  fi
  [[ ! -e $dir/origin ]] || read -r origin had _ mac <"$dir/origin"
  heir=$(bridge_heir "$dir")
  [[ $heir == "$runtime_dir/.bridge-$bridge-"* ]] && same=$heir
  [[ -e /sys/class/net/$bridge && $origin == ours ]] && made_bridge "$mac" && made=1
  if [[ -n $made && -z $same ]]; then
    ports=$(bridge_ports "$bridge")
    own=$(bridge_ports "$bridge" own)
  fi
  if [[ -n $ports ]]; then
    fail "$bridge still has the ports ${ports% }, which do not belong to this stack; Hornet leaves it in place"
    return 1
  fi
  effect "bridge/del-rules" nft -f - <<<"add table ip $table
delete table ip $table" || return
  if [[ -n $made && -n $same ]]; then
    effect "bridge/hand-over" hand_over_bridge "$same" || return
  elif [[ -n $own ]]; then
    effect "bridge/del-address" drop_address "$address" "$bridge"
    return
  elif [[ -n $made ]]; then
    effect "bridge/del-link" ip link del "$bridge" || return
  elif [[ -e /sys/class/net/$bridge && $origin == adopted && $had == 0 && -z $same ]]; then
    effect "bridge/del-address" drop_address "$address" "$bridge" || return
  fi
  if [[ -e $dir/forwarding-was-off ]]; then
    effect "bridge/forward-back" restore_forwarding "$heir" || return
  fi
  effect "bridge/unclaim" unclaim "$dir"
}

# bridge_labelled (variables bridge owner table): whether the bridge or its table has our label, for a folder that was lost.
bridge_labelled() {
  if [[ -e /sys/class/net/$bridge ]] && owns_link "$bridge"; then return 0; fi
  nft list table ip "$table" >/dev/null 2>&1
}

# made_bridge MAC: whether Hornet made the bridge: it has our owner label, or the MAC address that Hornet gave it.
made_bridge() {
  owns_link "$bridge" || [[ -n $1 && $(<"/sys/class/net/$bridge/address") == "$1" ]]
}

# bridge_heir DIR: the claim folder of another stack on this droplet that uses a bridge, preferably the same one.
bridge_heir() {
  local other any=""
  for other in "$runtime_dir"/.bridge-*/; do
    other=${other%/}
    [[ -e $other/origin && $other != "$1" ]] || continue
    any=$other
    [[ $other != "$runtime_dir/.bridge-$bridge-"* ]] || break
  done
  printf '%s' "$any"
}

hand_over_bridge() {
  ip link set "$bridge" alias "$(<"$1/owner")" &&
    printf 'ours 0 %s %s\n' "$address" "$(<"/sys/class/net/$bridge/address")" >"$1/origin"
}

# bridge_ports BRIDGE [own]: the ports without our owner label; with own, those with it.
bridge_ports() {
  local port whose
  for port in "/sys/class/net/$1/brif/"*; do
    [[ -e $port ]] || continue
    port=${port##*/} whose=""
    owns_link "$port" && whose=own
    [[ $whose != "${2:-}" ]] || printf '%s ' "$port"
  done
}

drop_address() {
  ip -o -4 addr show dev "$2" | grep -F " $1 " >/dev/null || return 0
  ip addr del "$1" dev "$2"
}

# restore_forwarding HEIR: turns forwarding off, unless another stack still needs it; then that stack turns it off later.
restore_forwarding() {
  if [[ -n $1 ]]; then
    : >"$1/forwarding-was-off"
  else
    echo 0 >/proc/sys/net/ipv4/ip_forward
  fi
}
