# shellcheck shell=bash
# The droplet's bridge. Its claim folder remembers what the droplet was like before.

# @call converge_bridge(runtime_dir owner bridge before mac host forward rules table address) answers: FORWARDING-WAS-OFF ORIGIN HAD ADDRESS MAC, then the kernel's listing; effects
# The claim folder remembers what the droplet was like before Hornet, so that delete_bridge restores it; before is the
# state's copy of the answer's first line, for a claim folder that was lost.
converge_bridge() {
  local dir=$runtime_dir/.bridge-$bridge-${owner##*:} origin=ours
  if [[ -e /sys/class/net/$bridge ]] && ! owns_link "$bridge"; then
    origin=adopted
    [[ -d /sys/class/net/$bridge/bridge ]] || { fail "$bridge is there already and is not a bridge"; return 1; }
  fi
  effect "bridge/claim" claim_named "$dir" || return
  if [[ ! -e $dir/origin && -n $before ]]; then
    effect "bridge/origin" recall_bridge "$dir" || return
  elif [[ ! -e $dir/origin ]]; then
    effect "bridge/origin" remember_bridge "$dir" "$origin" || return
  fi
  # Somebody put a bridge of theirs in the place of ours.
  if [[ $origin == adopted && $(<"$dir/origin") == ours* ]] && ! made_bridge "$mac"; then
    effect "bridge/origin" remember_bridge "$dir" adopted || return
  fi
  leave_address "$dir" || return
  [[ -z $host ]] || effect "bridge/links" ip_batch "$host" || return
  # Only one that we made: on others somebody may want it.
  [[ $(<"$dir/origin") != ours* || -z $host ]] || effect "bridge/ipv6" refuse_ipv6 "$bridge" || return
  [[ -z $forward ]] || effect "bridge/forward" enable_forwarding "$dir" || return
  effect "bridge/rules" nft -f - <<<"$rules" || return
  printf '%s %s\n' "$([[ ! -e $dir/forwarding-was-off ]] || printf 1)" "$(<"$dir/origin")"
  nft -j list table ip "$table"
}

# leave_address DIR: an address that we gave the bridge before this one goes, unless it was there before us or another stack of
# ours is on this bridge. An operation that was cut off may have given it one that no state knows; it is noted before it is.
leave_address() {
  local kind had old
  read -r kind had old _ <"$1/origin"
  [[ $old != "$address" ]] || return 0
  if [[ $had == 0 && -e /sys/class/net/$bridge && $(bridge_heir "$1") != "$runtime_dir/.bridge-$bridge-"* ]]; then
    effect "bridge/del-old-address" drop_address "$old" "$bridge" || return
  fi
  effect "bridge/new-address" remember_bridge "$1" "$kind"
}

# remember_bridge DIR ORIGIN: what was before: the origin of the bridge, whether it had our address, that, our MAC address.
remember_bridge() {
  local had=0
  [[ $2 == ours ]] || ! ip -o -4 addr show dev "$bridge" | grep -F " $address " >/dev/null || had=1
  printf '%s %s %s %s\n' "$2" "$had" "$address" "$mac" >"$1/origin.draft" && mv "$1/origin.draft" "$1/origin"
}

# recall_bridge DIR: notes again what the state remembers.
recall_bridge() {
  [[ $before != 1* ]] || : >"$1/forwarding-was-off" || return
  printf '%s\n' "${before#* }" >"$1/origin.draft" && mv "$1/origin.draft" "$1/origin"
}

# enable_forwarding DIR: remembers that it was off before it is turned on.
enable_forwarding() {
  [[ $(</proc/sys/net/ipv4/ip_forward) == 0 ]] || return 0
  : >"$1/forwarding-was-off" && echo 1 >/proc/sys/net/ipv4/ip_forward
}

# @call delete_bridge(runtime_dir owner bridge before table address) removes
# An adopted bridge stays, without what Hornet added to it. A bridge that another stack uses goes to that stack, which then
# removes it. A bridge with ports of this stack waits for their end: they are clones that no state knows, and the sweep of
# those removes the bridge too.
delete_bridge() {
  local dir=$runtime_dir/.bridge-$bridge-${owner##*:} origin=ours had=0 mac="" heir same="" ports="" made="" own=""
  if ! is_ours "$dir"; then
    [[ -d $dir ]] || bridge_marked || return 0
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
    fail "$bridge still has the ports ${ports% }, which are not this stack's; it is left as it is"
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

# bridge_marked: variables bridge owner table. Without the folder too, a bridge or a table says that it is ours.
bridge_marked() {
  if [[ -e /sys/class/net/$bridge ]] && owns_link "$bridge"; then return 0; fi
  nft list table ip "$table" >/dev/null 2>&1
}

# made_bridge MAC: the bridge is the one that we made: by its mark, or by the MAC address that we gave it.
made_bridge() {
  owns_link "$bridge" || [[ -n $1 && $(<"/sys/class/net/$bridge/address") == "$1" ]]
}

# bridge_heir DIR: the claim folder of another stack on this droplet that uses a bridge, the same one if there is one.
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

# bridge_ports BRIDGE [own]: the ports that do not carry our mark; with own the ones that do.
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

# restore_forwarding HEIR: off again, unless another stack of ours still needs it; then that one inherits the duty.
restore_forwarding() {
  if [[ -n $1 ]]; then
    : >"$1/forwarding-was-off"
  else
    echo 0 >/proc/sys/net/ipv4/ip_forward
  fi
}
