# shellcheck shell=bash
# A clone's disk while it moves to another snapshot: the old one waits beside the new one until that has proved itself.

# @call set_aside(runtime_dir namespace owner shutdown_ms vmm_timeout_ms) effects
# Ends the VM and puts its disk aside. Where a disk lies aside already, an earlier move was cut off, and the disk in its
# place is the new snapshot's.
set_aside() {
  local dir=$runtime_dir/$namespace
  require_ours || return
  ((shutdown_ms == 0)) || effect "$namespace/shut-down" shut_down_vmm "$dir" "$shutdown_ms" || return
  effect "$namespace/end-old" end_vmm "$dir" || return
  [[ -e $dir/rootfs.aside || ! -e $dir/rootfs.ext4 ]] || effect "$namespace/aside" mv "$dir/rootfs.ext4" "$dir/rootfs.aside"
}

# @call put_back(runtime_dir namespace owner vmm_timeout_ms) effects
# Ends the VM and puts the disk back that lies aside; does nothing where none does.
put_back() {
  local dir=$runtime_dir/$namespace
  is_ours "$dir" || return 0
  [[ -e $dir/rootfs.aside ]] || return 0
  effect "$namespace/end-new" end_vmm "$dir" || return
  # Marked first: from here on only a boot may be done with it.
  effect "$namespace/disk-used" put_line "$dir/disk-used" "" || return
  effect "$namespace/put-back" mv "$dir/rootfs.aside" "$dir/rootfs.ext4"
}

# @call drop_aside(runtime_dir namespace owner) effects
drop_aside() {
  local dir=$runtime_dir/$namespace
  is_ours "$dir" || return 0
  [[ ! -e $dir/rootfs.aside ]] || effect "$namespace/drop-aside" rm -f "$dir/rootfs.aside"
}

# @call smoke_test(namespace name address command) answers: what the command printed; reads
# Runs a user's command on the droplet.
smoke_test() {
  export CLONE="$name" ADDRESS="$address" NAMESPACE="$namespace"
  bash -c "$command"
}

# @call read_proofs(runtime_dir digest) answers: who has proved a snapshot, a line each; reads
read_proofs() { cat "$runtime_dir"/.proof-*/"$digest" 2>/dev/null || :; }

# @call list_others(runtime_dir owner clones digest) answers: names, a line each; reads
# Lists those of these clones (names, blank between) that this stack started from another snapshot. A clone that is about to
# go is not among them: its snapshot no longer matters.
list_others() {
  local record name
  while IFS= read -r record; do
    is_ours "${record%/record}" || continue
    name=$(sed -n 's/^name=//p' "$record")
    [[ " $clones " != *" $name "* ]] || printf '%s\n' "$name"
  done < <(grep -Lxs "digest=sha256:$digest" "$runtime_dir"/*/record)
}

# @call write_proof(runtime_dir owner keep digest clones) answers: those that list_others lists; effects
# keep: digests whose proofs stay, blank between. Notes nothing where clones run another snapshot.
write_proof() {
  local dir=$runtime_dir/.proof-${owner##*:} file others
  effect "proof/claim" claim_named "$dir" || return
  for file in "$dir"/*; do
    file=${file##*/}
    [[ $file == owner || " $keep $digest " == *" $file "* ]] || effect "proof/drop" rm -f "$dir/$file" || return
  done
  others=$(list_others) || return
  if [[ -n $others ]]; then printf '%s' "$others"; else effect "proof/write" put_file "$dir/$digest" "$owner $(date -u +%FT%TZ) $(</proc/sys/kernel/osrelease)"; fi
}

# put_file PATH TEXT
put_file() { printf '%s\n' "$2" >"$1.draft" && mv "$1.draft" "$1"; }

# @call drop_proofs(runtime_dir owner) removes
drop_proofs() {
  local dir=$runtime_dir/.proof-${owner##*:}
  [[ ! -d $dir ]] || effect "proof/end" drop_named "$dir"
}
