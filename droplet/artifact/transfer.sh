# shellcheck shell=bash
# Transfers of artifacts from droplet to droplet (see pack.pl and unpack.pl). The sending droplet may be hostile: the receiver
# knows every name, size and digest before the first byte, and publishes nothing that differs.

# @call send_files(life files) answers: the stream, on stdout; reads
# files: lines "OFFSET NAME PATH". life: seconds of silence, at most.
send_files() {
  perl -e "$pack_program" "$life" 3<<<"$files" || return 1
}

# @call list_manifests(dir_of_artifacts) answers: DIGEST and the manifest in base64, a line each; reads
list_manifests() {
  local name
  while IFS= read -r name; do
    printf '%s %s\n' "$name" "$(base64 -w0 "$dir_of_artifacts/$name/manifest.json")"
  done < <(artifact_names)
}

# @call allocated(folder) stdin: names; answers: NAME SIZE ALLOCATED in bytes, a line each; reads
allocated() {
  local name
  while IFS= read -r name; do
    stat -L -c "$name %s %b" -- "$folder/$name" || return
  done | while read -r name size blocks; do printf '%s %s %s\n' "$name" "$size" $((blocks * 512)); done
}

# @call begin_receive(namespace dir_of_artifacts digest) stdin: lines SHA256 NAME PATH; answers: have NAME, NAME OFFSET, received BYTES; effects
# Makes the draft, or continues the draft of a transfer that was cut off. stdin names files of this droplet that should have that
# content. Answers "have NAME" for each complete file, "NAME OFFSET" for the unfinished one, and "received BYTES" for the
# bytes of both.
begin_receive() {
  local draft=$dir_of_artifacts/.hornet-draft-$namespace notes name path sum at=0
  local -a sums=() names=() paths=()
  notes=$draft/.transfer
  effect "artifact/folder" make_own_folder "$dir_of_artifacts" || return
  if [[ -L $draft || ! -O $draft || $(cat "$notes/digest" 2>/dev/null) != "$digest" ]]; then
    effect "artifact/draft" new_draft "$draft" || return
  fi
  while IFS=' ' read -r sum name path; do
    [[ ! -e $notes/$name.whole && -f $path ]] || continue
    sums+=("$sum") names+=("$name") paths+=("$path")
  done
  # A digest in a manifest proves nothing about the file.
  while IFS=' ' read -r sum _; do
    if [[ $sum == "${sums[at]}" ]]; then
      effect "artifact/have" take_over "${paths[at]}" "$draft/${names[at]}" "$notes/${names[at]}" || return
    fi
    ((at += 1))
  done < <(((${#paths[@]} == 0)) || printf '%s\n' "${paths[@]}" | hash_files)
  for path in "$notes"/*.whole; do
    name=${path##*/}
    [[ ! -e $path ]] || printf 'have %s\n' "${name%.whole}"
  done
  cat "$notes/position" 2>/dev/null
  [[ ! -e $notes/received ]] || printf 'received %s\n' "$(<"$notes/received")"
}

# new_draft FOLDER: its folder .transfer contains the receiver's notes; no name in a manifest begins with a dot.
new_draft() {
  remake_folder "$1" && mkdir "$1/.transfer" && put_line "$1/.transfer/digest" "$digest"
}

# take_over PATH TARGET NOTES: links a file that only root can write, so that artifacts share it; copies any other file.
take_over() {
  { is_roots "$1" && ln -- "$1" "$2.link" 2>/dev/null; } || cp --reflink=auto --sparse=always -- "$1" "$2.link" || return
  mv -T "$2.link" "$2" && : >"$3.whole"
}

# is_roots FILE: whether it is a regular file of this user that no other user can write.
is_roots() {
  local mode
  [[ -f $1 && ! -L $1 && -O $1 ]] && mode=$(stat -c %a -- "$1") && (((8#$mode & 8#022) == 0))
}

# @call receive_files(namespace dir_of_artifacts stall grace rate files) stdin: the stream; answers: how far it came, line by line; effects
# files: lines "OFFSET SIZE NAME". stall, grace and rate: the limits of unpack.pl.
receive_files() {
  effect "artifact/receive" unpack_stream "$dir_of_artifacts/.hornet-draft-$namespace"
}

unpack_stream() { perl -e "$unpack_program" "$1" "$stall" "$grace" "$rate" 3<<<"$stream_begins"$'\n'"$files"; }

# @call verify_receive(namespace dir_of_artifacts) stdin: lines SHA256 NAME; answers: as hash_files; effects
# stdin: all files of the manifest. Reads every file from disk. If one differs, fails with its name and removes the draft;
# otherwise removes all other files from the draft.
verify_receive() {
  local draft=$dir_of_artifacts/.hornet-draft-$namespace sum name at=0 fault="" answer=""
  local -a sums=() names=() paths=()
  while IFS=' ' read -r sum name; do
    sums+=("$sum") names+=("$name") paths+=("$draft/$name")
    [[ -n $fault || -f $draft/$name && ! -L $draft/$name ]] || fault="$name did not arrive as a regular file"
  done
  if [[ -z $fault ]]; then
    answer=$(printf '%s\n' "${paths[@]}" | hash_files) || return
    while IFS=' ' read -r sum _; do
      [[ $sum == "${sums[at]}" ]] || fault="${names[at]} arrived with the digest $sum, and the manifest says ${sums[at]}: it was changed where it came from"
      [[ -z $fault ]] || break
      ((at += 1))
    done <<<"$answer"
  fi
  if [[ -n $fault ]]; then
    abort_receive
    fail "$fault"
    return 1
  fi
  effect "artifact/tidy" keep_only "$draft" "${names[@]}" || return
  printf '%s\n' "$answer"
}

# keep_only FOLDER NAME…: removes everything else from the folder.
keep_only() {
  local folder=$1 entry
  local -A kept=()
  shift
  for entry in "$@"; do kept[$entry]=1; done
  for entry in "$folder"/* "$folder"/.[!.]* "$folder"/..?*; do
    if [[ -n ${kept[${entry##*/}]:-} ]] || [[ ! -e $entry && ! -L $entry ]]; then continue; fi
    rm -rf -- "$entry" || return
  done
}

# @call abort_receive(namespace dir_of_artifacts) effects
# Removes the remains of a failed transfer.
abort_receive() {
  effect "artifact/del-draft" rm -rf "$dir_of_artifacts/.hornet-draft-$namespace" || return
  effect "artifact/del-folder" drop_folder "$dir_of_artifacts"
}
