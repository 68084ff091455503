# shellcheck shell=bash
# Copies an agent into the disk of a boot, without mounting it, before the guest sees it.

# @call stage_agent(runtime_dir namespace owner vmm_timeout_ms) stdin: a tar archive; effects
# Starts a scratch VM with it.
stage_agent() {
  local dir=$runtime_dir/$namespace
  effect "scratch/clear" end_scratch || return
  effect "scratch/claim" claim "$dir" || return
  effect "scratch/agent-files" unpack_agent "$dir/agent"
}

# unpack_agent FOLDER: stdin: the archive.
unpack_agent() { mkdir "$1" && tar -xpf - --no-same-owner -C "$1"; }

# put_agent IMAGE FOLDER: copies FOLDER's content to /opt/hornet-agent in IMAGE, an ext4 file system; enlarges it if needed.
put_agent() {
  local image=$1 folder=$2 script errors line kind mode path target
  command -v debugfs >/dev/null || { fail "there is no debugfs: install e2fsprogs on the droplet"; return 1; }
  ! in_image "$image" /opt/hornet-agent || { fail "the image has an agent already, in /opt/hornet-agent"; return 1; }
  make_room "$image" "$folder" || return
  script=$(
    in_image "$image" /opt || image_node 040755 /opt mkdir
    image_node 040755 /opt/hornet-agent mkdir
    cd "$folder" || exit
    find . -mindepth 1 -printf '%y %m %P\0' | LC_ALL=C sort -z -k 3 | while IFS= read -r -d '' line; do
      kind=${line%% *} line=${line#* }
      mode=${line%% *} path=${line#* } target=""
      [[ $kind != l ]] || target=$(readlink -- "$path")
      # debugfs reads lines, and ignores spaces at their end.
      [[ $path$target != *$'\n'* && $path != *[[:space:]] ]] ||
        { fail "the agent has a file whose name debugfs cannot be told: ${path@Q}"; exit 1; }
      case $kind in
        d) printf -v mode '0%o' "$((040000 | 0$mode))" && image_node "$mode" "/opt/hornet-agent/$path" mkdir ;;
        f) printf -v mode '0%o' "$((0100000 | 0$mode))" && image_node "$mode" "/opt/hornet-agent/$path" write "$PWD/$path" ;;
        l) printf 'symlink "/opt/hornet-agent/%s" "%s"\n' "${path//\"/\"\"}" "$target" ;;
      esac
    done
  ) || return
  debugfs -w -f - "$image" <<<"$script" >/dev/null 2>"$image.errors"
  # The first line is debugfs's version.
  errors=$(tail -n +2 "$image.errors")
  rm -f "$image.errors"
  [[ -z $errors ]] || fail "cannot put the agent into the image: ${errors:0:600}"
}

# image_node MODE PATH mkdir|write [SOURCE]: prints debugfs's commands for one node; doubles quotes within quotes.
image_node() {
  local path=${2//\"/\"\"}
  printf '%s %s"%s"\n' "$3" "${4:+\"${4//\"/\"\"}\" }" "$path"
  printf 'sif "%s" mode %s\nsif "%s" uid 0\nsif "%s" gid 0\n' "$path" "$1" "$path" "$path"
}

in_image() { debugfs -R "stat $2" "$1" 2>/dev/null | grep -q '^Inode:'; }

# make_room IMAGE FOLDER
make_room() {
  local need free size
  # A block for each node, and space for ext4's own data.
  need=$(($(du -s --block-size=1024 --apparent-size "$2" | cut -f1) + $(find "$2" | wc -l) * 4 + 4096))
  free=$(dumpe2fs -h "$1" 2>/dev/null | awk -F: '/^Free blocks/ { free = $2 } /^Block size/ { size = $2 } END { print free * size / 1024 }')
  ((${free%.*} < need)) || return 0
  size=$(($(stat -c %s "$1") / 1024 + need))
  if truncate -s "${size}K" "$1" && resize2fs "$1" >/dev/null 2>&1; then return; fi
  fail "the image cannot be made large enough for the agent"
}
