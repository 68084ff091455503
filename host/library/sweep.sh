# shellcheck shell=bash
# Taking away by ownership mark: what a stack left on a droplet that its state does not know.

# sweep: variables owner runtime_dir dir_of_artifacts keep (names of namespaces, blank between) all vmm_timeout_ms.
# Takes away the namespaces that this owner has claimed, with VM, links, rules and files, but for those in keep; with
# all set also its bridges and artifacts. What is somebody else's is not looked at.
sweep() {
  local claim namespace host_veth
  for claim in "$runtime_dir"/*/owner; do
    [[ -f $claim && $(<"$claim") == "$owner" ]] || continue
    namespace=${claim%/owner} namespace=${namespace##*/}
    [[ " $keep " != *" $namespace "* ]] || continue
    host_veth=$(cat "${claim%/owner}/host-veth" 2>/dev/null)
    shutdown_ms=0 delete_vm || return
    delete_namespace || return
  done
  rm -rf "$runtime_dir"/.hornet-draft.*
  if [[ -n $all ]]; then
    sweep_bridges && sweep_artifacts || return
  fi
  drop_folder "$runtime_dir"
}

sweep_bridges() {
  local claim bridge address table
  for claim in "$runtime_dir"/.bridge-*-"${owner##*:}"; do
    is_ours "$claim" || continue
    bridge=${claim%-*} bridge=${bridge##*/.bridge-}
    read -r _ _ address <"$claim/origin" || address=""
    table=hornet_${owner##*:}
    delete_bridge || return
  done
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
