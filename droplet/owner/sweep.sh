# shellcheck shell=bash
# Removal by owner label: things that a stack left on a droplet and that its state does not know.

# @call sweep(runtime_dir owner declared finished all dir_of_artifacts keep_console? known_folder? vmm_timeout_ms) removes
# Removes the namespaces that this owner has claimed, with VM, links, rules and files, except those declared, and those of
# finished whose folder does not record them as pending (both: blank-separated names). With all it also removes the owner's bridges
# and artifacts, and restores the limits that its note records. It touches nothing of other owners.
sweep() {
  local claim namespace host_veth
  for claim in "$runtime_dir"/*/owner; do
    is_ours "${claim%/owner}" || continue
    namespace=${claim%/owner} namespace=${namespace##*/}
    [[ " $declared " != *" $namespace "* ]] || continue
    [[ " $finished " != *" $namespace "* || -s ${claim%/owner}/begun ]] || continue
    host_veth=$(cat "${claim%/owner}/host-veth" 2>/dev/null)
    delete_namespace || return
  done
  # Things without a folder still carry their owner label.
  for namespace in /run/netns/*; do
    namespace=${namespace##*/} host_veth=""
    [[ " $declared $finished " != *" $namespace "* ]] || continue
    own_clone || { (($? == 1)) && continue; return 1; }
    delete_namespace || return
  done
  rm -rf "$runtime_dir"/.hornet-draft.*
  if [[ -n $all ]]; then
    sweep_cgroups && sweep_uids && drop_proofs && release_consoles && release_recovery && release_metrics && release_names &&
      sweep_bridges && sweep_links && sweep_artifacts &&
      known="" return_limits && known="" release_hardening || return
  fi
  drop_folder "$dir_of_artifacts"
  drop_folder "$runtime_dir"
}

# sweep_uids: links of clones in this runtime folder that name them no more: folder and namespace were removed by others.
sweep_uids() {
  local link holder of
  for link in "$uids_folder"/*; do
    [[ -L $link ]] || continue
    holder=$(readlink "$link") of=""
    { read -r of <"$holder/uid"; } 2>/dev/null
    [[ $holder != "$runtime_dir"/* || $of == "${link##*/}" ]] || effect "sweep/uid" drop_link "${link##*/}" "$holder" || return
  done
}

sweep_bridges() {
  local claim bridge address table before=""
  for claim in "$runtime_dir"/.bridge-*-"${owner##*:}"; do
    [[ -d $claim ]] || continue
    bridge=${claim%-*} bridge=${bridge##*/.bridge-}
    read -r _ _ address _ 2>/dev/null <"$claim/origin" || address=""
    table=hornet_${owner##*:}_$bridge
    delete_bridge || return
  done
}

# sweep_links: removes the owner's remaining links, whatever their names, and its tables in the droplet's namespace.
sweep_links() {
  local link ports table
  for link in /sys/class/net/*; do
    link=${link##*/}
    owns_link "$link" 2>/dev/null || continue
    ports=$(bridge_ports "$link")
    [[ -z $ports ]] || { fail "$link still has the ports ${ports% }, which do not belong to this stack; Hornet leaves it in place"; return 1; }
    effect "sweep/link" ip link del "$link" || return
  done
  while read -r _ _ table; do
    [[ $table == hornet_${owner##*:}_* ]] || continue
    effect "sweep/$table" nft delete table ip "$table" || return
  done < <(nft list tables ip)
}

sweep_artifacts() {
  local mark digest namespace=hornet-boot-${owner##*:}
  [[ -d $dir_of_artifacts ]] || return 0
  for mark in "$dir_of_artifacts"/*/.hornet-users/"${owner##*:}"; do
    [[ -f $mark ]] || continue
    digest=${mark%/.hornet-users/*} digest=${digest##*/}
    drop_artifact || return
  done
  digest="" drop_artifact
}
