# shellcheck shell=bash
# Snapshot artifacts: folders of vm.snapshot, vm.mem, rootfs.ext4, vmlinux and manifest.json.

# @call inspect_files() stdin: paths; answers: SIZE MTIME INODE PATH of those that exist; reads
inspect_files() {
  local file
  while IFS= read -r file; do
    stat -L -c "%s %Y %i %n" -- "$file" 2>/dev/null
  done
  return 0
}

# A manifest takes a few KiB, a signature less than one. A file of gigabytes with that name would stall its reader.
manifest_limit=1048576

# @call read_manifest(path) answers: the manifest, up to one byte more than its limit; nothing where there is none; reads
read_manifest() { read_limited "$path/manifest.json"; }

# @call read_signature(path) answers: as read_manifest; reads
read_signature() { read_limited "$path/manifest.json.sig"; }

read_limited() { [[ ! -f $1 ]] || head -c $((manifest_limit + 1)) -- "$1"; }

# artifact_names (variable dir_of_artifacts): the folders of the artifacts that Hornet made, whose names are digests. A manifest of
# another user, or one that is too large, is not Hornet's.
artifact_names() {
  [[ ! -d $dir_of_artifacts ]] || find "$dir_of_artifacts/" -mindepth 2 -maxdepth 2 -regextype posix-extended \
    -regex '.*/[0-9a-f]{64}/manifest\.json' -type f -user "$EUID" -size "-$((manifest_limit + 1))c" -printf '%P\n' | cut -d/ -f1
}

# @call irregular_files() stdin: paths; answers: those that exist and are no regular files; reads
# Hornet reads no such file: reading a fifo may never end.
irregular_files() {
  local file
  while IFS= read -r file; do
    [[ ! -e $file || -f $file ]] || printf '%s\n' "$file"
  done
}

# @call hash_files() stdin: paths; answers: SHA256 SIZE MTIME INODE PATH, a line each; reads
# Keeps the order, reads all files in parallel, and fails if it cannot read one. Instead of a digest it answers "irregular" for a
# path that is neither a file nor a disk, and "changed" for a file that was written meanwhile.
hash_files() {
  local file line descriptor
  local -a files descriptors=()
  mapfile -t files
  for file in "${files[@]}"; do
    exec {descriptor}< <(hash_marked "$file")
    descriptors+=("$descriptor")
  done
  for file in "${!files[@]}"; do
    IFS= read -r line <&"${descriptors[file]}" || { kill_descendants "$BASHPID"; return 1; }
    printf '%s %s\n' "$line" "${files[file]}"
  done
}

# hash_marked FILE: prints "SHA256 SIZE MTIME INODE". A new link to the file, or another mode, changes its ctime like a write, so it
# reads the file again; the last try detects a continuing write.
hash_marked() {
  local before after="" sum tries=3
  local -a marks
  before=$(stat -L -c '%s %Y %i %d %y %z' -- "$1" 2>/dev/null) || { fail "$1: No such file, or it cannot be read"; return 1; }
  if [[ ! -f $1 && ! -b $1 ]]; then
    sum=irregular
  else
    until [[ $after == "$before" ]]; do
      ((tries-- > 0)) || { sum=changed && break; }
      [[ -z $after ]] || before=$after
      sum=$(hash_file "$1") && after=$(stat -L -c '%s %Y %i %d %y %z' -- "$1") || return
    done
  fi
  read -r -a marks <<<"$before"
  printf '%s %s\n' "${sum%% *}" "${marks[*]:0:3}"
}

# hash_file FILE: prints its sha256, first on a line. OpenSSL, if installed, uses the CPU's SHA instructions, which Debian's
# sha256sum does not: it reads a snapshot six times as fast.
hash_file() { openssl dgst -sha256 -r "$1" 2>/dev/null || sha256sum -- "$1"; }

# @call describe_host() answers: key=value; reads
# The machine's properties that a snapshot depends on.
describe_host() {
  printf 'cpu=%s\n' "$(sed -n 's/^model name[[:space:]]*: //p' /proc/cpuinfo | head -n 1)"
  printf 'features=%s\n' "$(cpu_features)"
  printf 'kernel=%s\n' "$(</proc/sys/kernel/osrelease)"
}

# @call take_snapshot(runtime_dir namespace owner dir_of_artifacts kernel vmm_timeout_ms) stdin: the requests; answers: as hash_files; effects
# The requests pause the VM and write vm.snapshot and vm.mem into its folder (the VMM may see other folders than this shell,
# see expose_path). Leaves a draft that lacks only its manifest, and ends the VM.
take_snapshot() {
  local dir=$runtime_dir/$namespace draft=$dir_of_artifacts/.hornet-draft-$namespace file
  effect "artifact/snapshot" api "$dir" "$(</dev/stdin)" || return
  effect "artifact/end" end_vmm "$dir" || return
  for file in vm.snapshot vm.mem; do effect "artifact/out-$file" bring_out "$dir" "$file" || return; done
  # Firecracker writes every page; the zero ones become holes.
  effect "artifact/holes" fallocate --dig-holes "$dir/vm.mem" || return
  effect "artifact/folder" make_own_folder "$dir_of_artifacts" || return
  effect "artifact/draft" remake_folder "$draft" || return
  for file in vm.snapshot vm.mem rootfs.ext4; do
    effect "artifact/$file" mv "$dir/$file" "$draft/$file" || return
  done
  effect "artifact/vmlinux" cp --reflink=auto --sparse=always -- "$kernel" "$draft/vmlinux" || return
  effect "artifact/clear" end_scratch || return
  for file in vm.snapshot vm.mem rootfs.ext4 vmlinux; do printf '%s\n' "$draft/$file"; done | hash_files
}

# @call abort_boot(runtime_dir namespace owner dir_of_artifacts vmm_timeout_ms) removes
# Removes the remains of a failed boot.
abort_boot() {
  effect "scratch/end" end_scratch || return
  effect "artifact/del-draft" rm -rf "$dir_of_artifacts/.hornet-draft-$namespace" || return
  effect "artifact/del-folder" drop_folder "$dir_of_artifacts"
}

remake_folder() { rm -rf "$1" && mkdir "$1"; }

# @call publish_artifact(namespace owner dir_of_artifacts digest signature name) stdin: the manifest; effects
# Gives the draft its name, read-only, and the stable name (if any) beside it. If an artifact of that digest exists, uses that one.
# A folder with this name and other content is replaced, and its users become users of the new one.
publish_artifact() {
  local draft=$dir_of_artifacts/.hornet-draft-$namespace target=$dir_of_artifacts/$digest
  # In a sticky folder another user may have put one there.
  if [[ ! -O $target || -L $target ]] || ! has_manifest "$target" "$digest"; then
    effect "artifact/manifest" write_manifest "$draft" || return
    # It contains the owner label from the start, so that the stack can remove it if this is cut off.
    effect "artifact/user" add_user "$draft" || return
    [[ ! -e $target ]] || give_way "$target" "$draft" || return
    effect "artifact/name" mv -T "$draft" "$target" || return
  else
    effect "artifact/user" add_user "$target" || return
  fi
  [[ -z $signature ]] || effect "artifact/signature" write_signature "$target" || return
  # A folder of that name that is not Hornet's link stays: clones mount their disk over it. An artifact whose disk is a link
  # through that name would lead to itself.
  if [[ -n $name && $(readlink "$target/rootfs.ext4") != "$dir_of_artifacts/$name/"* ]] &&
    [[ -L $dir_of_artifacts/$name || ! -e $dir_of_artifacts/$name ]]; then
    effect "artifact/link" ln -sfnT "$digest" "$dir_of_artifacts/$name" || return
  fi
}

# @call link_artifact(namespace dir_of_artifacts) stdin: lines NAME PATH; effects
# Makes a draft of links to files elsewhere.
link_artifact() {
  local draft=$dir_of_artifacts/.hornet-draft-$namespace name path
  effect "artifact/folder" make_own_folder "$dir_of_artifacts" || return
  effect "artifact/draft" remake_folder "$draft" || return
  while IFS=" " read -r name path; do
    effect "artifact/$name" ln -s -- "$path" "$draft/$name" || return
  done
}

# has_manifest FOLDER DIGEST: whether the folder's manifest is the one of that digest.
has_manifest() {
  local sum
  [[ -f $1/manifest.json ]] && sum=$(head -c $((manifest_limit + 1)) -- "$1/manifest.json" 2>/dev/null | sha256sum) &&
    [[ ${sum%% *} == "$2" ]]
}

# give_way FOLDER DRAFT: removes a folder for a draft, which takes over its users' labels.
give_way() {
  local mark grave=$2-old
  for mark in "$1"/.hornet-users/*; do
    [[ ! -f $mark ]] || effect "artifact/users" cp -n -- "$mark" "$2/.hornet-users/" || return
  done
  effect "artifact/del-draft" rm -rf "$grave" || return
  effect "artifact/del-name" mv -T "$1" "$grave" || return
  effect "artifact/del-files" rm -rf "$grave"
}

# write_manifest FOLDER: stdin: its text. Links in the folder lead to files that are not Hornet's.
write_manifest() {
  cat >"$1/manifest.json" && close_artifact "$1" && sync -f "$1/manifest.json"
}

# close_artifact FOLDER: lets only root read a snapshot, which contains a guest's memory. The folder protects the files, which are
# readable because jails have links to them, inside folders of root.
close_artifact() { find "$1" -maxdepth 1 -type f -exec chmod 0444 {} + && chmod 0700 "$1"; }

# @call list_open(dir_of_artifacts) stdin: digests; answers: those whose artifact another user of the droplet can read; reads
# An older Hornet left them so.
list_open() {
  local one
  while IFS= read -r one; do
    [[ -z $(find "$dir_of_artifacts/$one" -maxdepth 1 \( -type f -perm /0022 -o -path "$dir_of_artifacts/$one" -perm /077 \) -print -quit 2>/dev/null) ]] || printf '%s\n' "$one"
  done
}

# @call close_artifacts(dir_of_artifacts) stdin: digests; effects
close_artifacts() {
  local one
  while IFS= read -r one; do
    [[ ! -d $dir_of_artifacts/$one ]] || effect "artifact/close" close_artifact "$dir_of_artifacts/$one" || return
  done
}

write_signature() {
  printf '%s\n' "$signature" >"$1/.hornet-draft.sig" && chmod 0400 "$1/.hornet-draft.sig" &&
    mv "$1/.hornet-draft.sig" "$1/manifest.json.sig"
}

# @call sign_artifact(path signature) effects
# Puts a manifest's signature beside it.
sign_artifact() {
  [[ -f $path/manifest.json ]] || { fail "there is no $path/manifest.json"; return 1; }
  effect "artifact/signature" write_signature "$path"
}

# add_user FOLDER: records that this stack uses the artifact. An older Hornet left it readable to all.
add_user() {
  close_artifact "$1" && mkdir -p "$1/.hornet-users" && printf '%s\n' "$owner" >"$1/.hornet-users/${owner##*:}"
}

# @call prune_artifact(runtime_dir namespace owner digest dir_of_artifacts) answers: used, or nothing; removes
# Like drop_artifact, but answers "used" and keeps an artifact from which a VM of this stack was started.
prune_artifact() {
  if runs_on "$digest"; then printf used; else drop_artifact; fi
}

# runs_on DIGEST: whether a VM of this stack was started from that artifact.
runs_on() {
  local record
  for record in "$runtime_dir"/*/record; do
    if [[ -f $record ]] && is_ours "${record%/record}" && grep -qx "digest=sha256:$1" "$record"; then return 0; fi
  done
  return 1
}

# @call list_unused(runtime_dir owner) stdin: digests; answers: those from which no VM of this stack was started; reads
list_unused() {
  local one
  while IFS= read -r one; do runs_on "$one" || printf '%s\n' "$one"; done
}

# @call is_shared(owner path) answers: shared, or nothing; reads
# Whether another stack uses the artifact that the path leads to.
is_shared() {
  local mark
  for mark in "$path"/.hornet-users/*; do
    [[ ! -f $mark || ${mark##*/} == "${owner##*:}" ]] || { printf shared; return 0; }
  done
}

# @call drop_artifact(namespace owner dir_of_artifacts digest) removes
# Ends this stack's use. The last user removes the artifact and the stable name that leads to it. This stack's label goes last,
# with the folder or alone, so that after a crash this stack still finds what it has to finish.
drop_artifact() {
  local target=$dir_of_artifacts/$digest grave=$dir_of_artifacts/.hornet-draft-$namespace users link
  [[ -d $dir_of_artifacts ]] || return 0
  effect "artifact/del-draft" rm -rf "$grave" "$grave-old" || return
  users=$(ls "$target/.hornet-users" 2>/dev/null)
  # If no user's label is left, only the state that names the digest knows of it.
  if [[ -n $digest && -d $target ]] && [[ -z $users || -e $target/.hornet-users/${owner##*:} ]]; then
    if [[ -z $users || $users == "${owner##*:}" ]]; then
      for link in "$dir_of_artifacts"/*; do
        [[ -L $link && $(readlink "$link") == "$digest" ]] || continue
        effect "artifact/del-link" rm -f "$link" || return
      done
      effect "artifact/del-name" make_grave "$target" "$grave" ".hornet-users/${owner##*:}" || return
      effect "artifact/del-files" rm -rf "$grave" || return
    else
      effect "artifact/del-user" rm -f "$target/.hornet-users/${owner##*:}" || return
    fi
  fi
  effect "artifact/del-folder" drop_folder "$dir_of_artifacts"
}

# @call condemn_artifact(dir_of_artifacts digest) effects
# Removes a damaged artifact's manifest; the folder stays until another artifact replaces it.
condemn_artifact() { effect "artifact/condemn" rm -f "$dir_of_artifacts/$digest/manifest.json"; }

# @call retire_artifact(namespace dir_of_artifacts digest) effects
# Removes a damaged artifact, even if others use it.
retire_artifact() {
  local grave=$dir_of_artifacts/.hornet-draft-$namespace
  effect "artifact/del-draft" rm -rf "$grave" || return
  effect "artifact/retire" mv -T "$dir_of_artifacts/$digest" "$grave" || return
  effect "artifact/del-files" rm -rf "$grave"
}
