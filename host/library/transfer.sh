# shellcheck shell=bash
# Artifacts on their way from one droplet to another: what is not zero of each file, as zstd of frames "NAME OFFSET
# LENGTH" and LENGTH bytes; "NAME SIZE 0" closes a file, "end 0 0" the stream. perl reads and writes them, because it
# finds holes (lseek(2), SEEK_DATA) and is part of every Debian and Ubuntu.

# send_files: variables files (lines "OFFSET NAME PATH"). stdout: the stream.
send_files() {
  perl -e "$pack_script" 3<<<"$files" | zstd -q -c -1 - || return 1
}

# list_manifests: variables dir_of_artifacts. Every artifact's digest and manifest, the latter in base64.
list_manifests() {
  local manifest
  for manifest in "$dir_of_artifacts"/*/manifest.json; do
    [[ -f $manifest && ! -L ${manifest%/*} ]] || continue
    manifest=${manifest%/*}
    printf '%s %s\n' "${manifest##*/}" "$(base64 -w0 "$manifest/manifest.json")"
  done
}

# allocated: variables folder; stdin: names. Answers "NAME SIZE ALLOCATED", both in bytes.
allocated() {
  local name
  while IFS= read -r name; do
    stat -L -c "$name %s %b" -- "$folder/$name" || return
  done | while read -r name size blocks; do printf '%s %s %s\n' "$name" "$size" $((blocks * 512)); done
}

# begin_receive: variables namespace owner dir_of_artifacts digest; stdin: lines "NAME PATH", a file of that content that
# lies here already. Makes the draft, or goes on with the one of a transfer that was cut off. Answers "have NAME" for
# each file that is all there, "NAME OFFSET" for the one that was under way, "received BYTES" for what that took.
begin_receive() {
  local draft=$dir_of_artifacts/.hornet-draft-$namespace name path
  effect "artifact/folder" make_folder "$dir_of_artifacts" || return
  if [[ $(cat "$draft/.digest" 2>/dev/null) != "$digest" ]]; then
    effect "artifact/draft" remake_folder "$draft" || return
    printf '%s\n' "$digest" >"$draft/.digest" || return
  fi
  while read -r name path; do
    [[ -e $draft/$name.whole ]] || effect "artifact/have" take_over "$path" "$draft/$name" || return
  done
  for path in "$draft"/*.whole; do
    name=${path##*/}
    [[ ! -e $path ]] || printf 'have %s\n' "${name%.whole}"
  done
  cat "$draft/.position" 2>/dev/null
  [[ ! -e $draft/.received ]] || printf 'received %s\n' "$(<"$draft/.received")"
}

# take_over PATH TARGET: the same file under another name; artifacts are read-only, so they can share it. What an artifact
# only leads to is somebody's own, and copied.
take_over() {
  { [[ ! -L $1 ]] && ln -- "$1" "$2.link" 2>/dev/null; } || cp --reflink=auto --sparse=always -- "$1" "$2.link" || return
  mv "$2.link" "$2" && : >"$2.whole"
}

# receive_files: variables namespace owner dir_of_artifacts. stdin: the stream. Says how far it came, line by line.
receive_files() {
  effect "artifact/receive" unpack_stream "$dir_of_artifacts/.hornet-draft-$namespace"
}

unpack_stream() {
  local line=""
  # 75: it was cut off, as perl says it too.
  until [[ $line == *"$stream_begins" ]]; do IFS= read -r line || return 75; done
  perl -e "$unpack_script" "$1"
  local rc=$?
  # Of perl's exit codes 255 is a die(); ssh's own means that the connection is lost.
  ((rc != 255)) || return 1
  return "$rc"
}

# verify_receive: variables namespace dir_of_artifacts; stdin: lines "SHA256 NAME". Fails with the name of the first file that is
# not what it should be, and takes the draft away then.
verify_receive() {
  local draft=$dir_of_artifacts/.hornet-draft-$namespace sum name found
  while read -r sum name; do
    found=$(cat "$draft/$name.sum" 2>/dev/null || hash_file "$draft/$name") || return
    if [[ ${found%% *} != "$sum" ]]; then
      effect "artifact/del-draft" rm -rf "$draft"
      effect "artifact/del-folder" drop_folder "$dir_of_artifacts"
      fail "$name arrived with the digest ${found%% *}, and the manifest says $sum: it was changed where it came from"
      return 1
    fi
  done
  # The drafts first: a digest of a connection that broke may still be under way, and finds nothing to name any more.
  rm -f "$draft"/*.draft
  rm -f "$draft"/*.sum "$draft"/*.whole "$draft"/.position* "$draft"/.received* "$draft/.digest"
}
