# shellcheck shell=bash
# Reads a droplet: one call for all that Hornet knows there, whatever the number of clones.

# section NAME…: heads a part of the answer.
section() { printf '\035%s\n' "$*"; }

# gather_facts: variables owner runtime_dir vmm_timeout_ms.
gather_facts() {
  local claim name mark ask_later=""
  section boot
  cat /proc/sys/kernel/random/boot_id
  section links
  ip -j -d addr show
  section forwarding
  cat /proc/sys/net/ipv4/ip_forward
  section tables
  list_own_tables
  section namespaces
  [[ ! -d /run/netns ]] || ls -1 /run/netns
  for claim in "$runtime_dir"/.bridge-*-"${owner##*:}"/origin; do
    [[ -f $claim ]] || continue
    name=${claim%-*} name=${name##*/.bridge-}
    section bridge "$name" "$(<"$claim")"
  done
  for claim in "$runtime_dir"/*/owner; do
    [[ -f $claim ]] || continue
    name=${claim%/owner} name=${name##*/}
    mark=$(<"$claim")
    section claim "$name" "$mark"
    [[ $mark == "$owner" ]] || continue
    gather_namespace "$name"
    gather_vm "$name"
  done
  ask_vmms
  return 0
}

# list_own_tables: the nft tables named hornet…, as JSON, one line each. The whole ruleset is not listed: beside Docker
# or Kubernetes it has thousands of rules that are not ours.
list_own_tables() {
  local family table
  while read -r _ family table; do
    [[ $family == ip && $table == hornet* ]] || continue
    nft -j list table ip "$table"
  done < <(nft list tables)
  return 0
}

# gather_namespace NAME: links, routes, tables and forwarding in it, by one process that enters it once.
gather_namespace() {
  [[ -e /run/netns/$1 ]] || return 0
  section inside "$1"
  # shellcheck disable=SC2016
  nsenter --net="/run/netns/$1" bash -c '
    ip -j -d addr show
    ip -j route show
    cat /proc/sys/net/ipv4/ip_forward
    nft -j list table ip hornet 2>/dev/null || :' || :
}

# gather_vm NAME: what the clone's folder and its process say.
gather_vm() {
  local dir=$runtime_dir/$1 pid=0 recorded="" alive=0 same=0 mounted=0
  [[ -f $dir/vmm.pid ]] || return 0
  read -r pid recorded _ <"$dir/vmm.pid" || :
  if vmm_alive "$dir"; then
    alive=1
    [[ /proc/$pid/ns/net -ef /run/netns/$1 ]] && same=1
  fi
  section vm "$1"
  printf 'pid=%s\nstart=%s\nalive=%s\nin_namespace=%s\n' "${pid:-0}" "$recorded" "$alive" "$same"
  [[ ! -e $dir/disk-used ]] || printf 'used=1\n'
  [[ ! -e $dir/held ]] || printf 'held=1\n'
  printf 'disk=%s\n' "$(stat -c %s "$dir/rootfs.ext4" 2>/dev/null || printf -- -1)"
  if [[ -f $dir/record ]]; then sed 's/^/record./' "$dir/record"; fi
  if ((alive)); then
    local baked
    baked=$(sed -n 's/^disk_path=//p' "$dir/record" 2>/dev/null)
    [[ -n $baked && "/proc/$pid/root$baked" -ef $dir/rootfs.ext4 ]] && mounted=1
    printf 'mounted=%s\n' "$mounted"
    ask_later+="url = \"http://localhost/\"
unix-socket = \"$dir/firecracker.sock\"
max-time = $((vmm_timeout_ms / 1000 + 1))
silent
write-out = \"\\n\"
next
"
  fi
}

# ask_vmms: asks all VMMs that live, at once and by one process: one that hangs holds up no other. They answer with
# their id, so the order does not matter.
ask_vmms() {
  section api
  [[ -z $ask_later ]] || printf '%s' "${ask_later%next?}" | curl --parallel --config - 2>/dev/null
}
