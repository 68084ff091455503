# shellcheck shell=bash
# A clone's disk while it moves to another snapshot: the old one waits beside the new one until that has proved itself.

# set_aside: variables runtime_dir namespace owner shutdown_ms vmm_timeout_ms. Ends the VM and puts its disk aside. Where
# one lies aside already, an earlier move was cut off, and what is in its place is of the new snapshot.
set_aside() {
  local dir=$runtime_dir/$namespace
  is_ours "$dir" || { fail "namespace $namespace is not this stack's"; return 1; }
  ((shutdown_ms == 0)) || effect "$namespace/shut-down" shut_down_vmm "$dir" "$shutdown_ms" || return
  effect "$namespace/end-old" end_vmm "$dir" || return
  [[ -e $dir/rootfs.aside || ! -e $dir/rootfs.ext4 ]] || effect "$namespace/aside" mv "$dir/rootfs.ext4" "$dir/rootfs.aside"
}

# put_back: the same variables. Ends the VM and puts the disk back that lies aside; where none does, nothing happens.
put_back() {
  local dir=$runtime_dir/$namespace
  is_ours "$dir" || return 0
  [[ -e $dir/rootfs.aside ]] || return 0
  effect "$namespace/end-new" end_vmm "$dir" || return
  # Marked first: from here on only a boot may be done with it.
  effect "$namespace/disk-used" put_line "$dir/disk-used" "" || return
  effect "$namespace/put-back" mv "$dir/rootfs.aside" "$dir/rootfs.ext4"
}

# drop_aside: the same variables.
drop_aside() {
  local dir=$runtime_dir/$namespace
  is_ours "$dir" || return 0
  [[ ! -e $dir/rootfs.aside ]] || effect "$namespace/drop-aside" rm -f "$dir/rootfs.aside"
}

# smoke_test: variables namespace name address command. Runs a user's command on the droplet.
smoke_test() {
  export CLONE="$name" ADDRESS="$address" NAMESPACE="$namespace"
  bash -c "$command"
}

# read_proofs: variables runtime_dir digest. Who has proved a snapshot, one a line.
read_proofs() { cat "$runtime_dir"/.proof-*/"$digest" 2>/dev/null || :; }

# list_others: variables runtime_dir owner digest clones (names, blank between). Of these clones of this stack those whose VMs
# were started from another snapshot, a name a line. A clone that is about to go is not among them, and its snapshot no matter.
list_others() {
  local record name
  while IFS= read -r record; do
    is_ours "${record%/record}" || continue
    name=$(sed -n 's/^name=//p' "$record")
    [[ " $clones " != *" $name "* ]] || printf '%s\n' "$name"
  done < <(grep -Lxs "digest=sha256:$digest" "$runtime_dir"/*/record)
}

# write_proof: those of list_others, and keep (digests whose proofs stay, blank between). Where clones run another
# snapshot it answers with them, as list_others does, and notes nothing.
write_proof() {
  local dir=$runtime_dir/.proof-${owner##*:} file others
  effect "proof/claim" claim_named "$dir" || return
  for file in "$dir"/*; do
    file=${file##*/}
    [[ $file == owner || " $keep $digest " == *" $file "* ]] || effect "proof/drop" rm -f "$dir/$file" || return
  done
  others=$(list_others) || return
  if [[ -n $others ]]; then printf '%s' "$others"; else effect "proof/write" put_file "$dir/$digest" "$owner $(date -u +%FT%TZ) $(uname -r)"; fi
}

# put_file PATH TEXT
put_file() { printf '%s\n' "$2" >"$1.draft" && mv "$1.draft" "$1"; }

# drop_proofs: variables runtime_dir owner.
drop_proofs() {
  local dir=$runtime_dir/.proof-${owner##*:}
  [[ ! -d $dir ]] || effect "proof/end" drop_named "$dir"
}
