# shellcheck shell=bash
# Shared by the build scripts of this folder: messages, the cache, the Debian packages they build from. Sourced by bash.

say() { printf '%s\n' "$*" >&2; }

fail() {
  say "$*"
  exit 1
}

# fail_with_log WHAT LOG: names the step, shows the end of its output.
fail_with_log() {
  say "$1 failed; the end of its output:"
  tail -n 25 "$2" >&2
  exit 1
}

cache_root() { printf '%s\n' "${HORNET_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/hornet}"; }

# need_packages NAME…: fails with the command to run when Debian packages are not installed.
need_packages() {
  local name installed missing=()
  command -v dpkg-query >/dev/null || fail "dpkg-query is not here: guest images are built from Debian 12 packages: $*"
  installed=$(dpkg-query -W -f '${db:Status-Status} ${Package}\n' "$@" 2>/dev/null) || :
  for name in "$@"; do
    [[ $'\n'$installed$'\n' == *$'\n'"installed $name"$'\n'* ]] || missing+=("$name")
  done
  [ ${#missing[@]} -eq 0 ] || fail "Debian packages are missing; run: apt-get install --no-install-recommends ${missing[*]}"
}

# package_versions NAME…: one line a package, for the hash of a build's inputs.
package_versions() { dpkg-query -W -f '${Package} ${Version} ${Architecture}\n' "$@"; }

# hash_of TEXT…: the first 16 hex digits of the sha256 of all texts.
hash_of() { printf '%s\0' "$@" | sha256sum | cut -c1-16; }

# cache_lock RESULT WHAT: allows one builder of RESULT at a time; this process's end releases the lock.
cache_lock() {
  mkdir -p "$(dirname "$1")"
  exec {lock_fd}>"$1.lock"
  if ! flock -n "$lock_fd"; then
    say "$2: another process is building it, waiting"
    flock "$lock_fd"
  fi
}

# cache_work RESULT: makes a new build folder beside RESULT and removes those of interrupted builds. Under the lock.
cache_work() {
  rm -rf "$1".making.*
  mkdir "$1.making.$$"
  printf '%s\n' "$1.making.$$"
}

# cache_publish WORK RESULT: moves a complete result to its place.
cache_publish() {
  mv -T "$1" "$2"
  rm -f "$2.lock"
}

# progress_of WHAT EXPECTED: reads make's output and prints the progress every few percent. The caller's pipefail reports a
# failed make.
progress_of() {
  awk -v what="$1" -v expected="$2" '
    /^  (CC|AS) / { done++; percent = int(done * 100 / expected); if (percent > 99) percent = 99
      if (percent >= next_at) { printf "%s: %d %%\n", what, percent > "/dev/stderr"; next_at = percent + 5 } }'
}

# The timestamp of everything in an image, in unix seconds, so that the same inputs give the same bytes.
image_time=946684800

# write_image ROOT IMAGE MIB LOG [OWNER]: makes an ext4 file system from the tree ROOT without mounting it. With OWNER root
# everything belongs to root; otherwise the tree's numbers stay. Adds device nodes for kernels that do not mount devtmpfs
# before init.
write_image() {
  local root=$1 image=$2 size=$3 log=$4 owner=${5:-} inode path field script=$2.debugfs
  find "$root" -exec touch -h -d "@$image_time" {} +
  # Fixed identifiers and a fixed clock; features by name, so that this machine's mke2fs.conf does not matter.
  MKE2FS_CONFIG=/dev/null E2FSPROGS_FAKE_TIME=$image_time LC_ALL=C \
    mke2fs -q -F -t ext4 -b 4096 -I 256 -N "$(inode_count "$root")" -m 0 -L hornet -U 484f524e-4554-4755-8553-54524f4f5446 \
    -O none,has_journal,ext_attr,dir_index,filetype,extent,64bit,flex_bg,sparse_super,large_file,huge_file,dir_nlink,extra_isize,metadata_csum \
    -J size=4 -E "hash_seed=484f524e-4554-4755-8553-484153485345,lazy_itable_init=0,lazy_journal_init=0,root_owner=0:0" \
    -d "$root" "$image" "${size}M" >>"$log" 2>&1 || fail_with_log "guest image: mke2fs" "$log"

  # mke2fs -d copies owner and change time from this machine's files.
  {
    printf 'cd /dev\n'
    [ -e "$root/dev/console" ] || printf 'mknod console c 5 1\n'
    [ -e "$root/dev/null" ] || printf 'mknod null c 1 3\n'
    # By number: debugfs's language cannot express every name.
    for inode in $(used_inodes "$image"); do
      [ "$owner" != root ] || for field in uid gid; do printf 'sif <%s> %s 0\n' "$inode" "$field"; done
      for field in atime ctime mtime crtime; do printf 'sif <%s> %s @%s\n' "$inode" "$field" "$image_time"; done
    done
    for path in /dev/console /dev/null; do
      [ "$owner" != root ] || for field in uid gid; do printf 'sif %s %s 0\n' "$path" "$field"; done
      for field in atime ctime mtime crtime; do printf 'sif %s %s @%s\n' "$path" "$field" "$image_time"; done
    done
    printf 'sif /dev/console mode 020600\nsif /dev/null mode 020666\n'
  } >"$script"
  E2FSPROGS_FAKE_TIME=$image_time debugfs -w -f "$script" "$image" >>"$log" 2>"$script.errors" ||
    fail_with_log "guest image: debugfs" "$log"
  # The first line is debugfs's version.
  if [ "$(wc -l <"$script.errors")" -gt 1 ]; then fail_with_log "guest image: debugfs" "$script.errors"; fi
  e2fsck -fn "$image" >>"$log" 2>&1 || fail_with_log "guest image: e2fsck" "$log"
  rm -f "$script" "$script.errors"
  fallocate -d "$image"
}

# used_inodes IMAGE: the inode numbers of its files, the root folder's first, without those that ext4 reserves.
used_inodes() {
  dumpe2fs "$1" 2>/dev/null | awk '
    /^Inode count:/ { count = $3 }
    sub(/^ *Free inodes: */, "") {
      ranges = split($0, range, /, */)
      for (at = 1; at <= ranges; at++) {
        ends = split(range[at], end, "-")
        for (inode = end[1]; inode <= end[ends] && end[1] != ""; inode++) free[inode + 0] = 1
      }
    }
    END { print 2; for (inode = 11; inode <= count; inode++) if (!(inode in free)) print inode }'
}

# inode_count ROOT: twice as many as there are files, at least 4096.
inode_count() {
  local count
  count=$(($(find "$1" | wc -l) * 2))
  printf '%s\n' $((count > 4096 ? count : 4096))
}

# install_binary ROOT FILE: FILE and the libraries that the dynamic linker finds for it.
install_binary() {
  local library
  install -D -m 755 "$2" "$1$2"
  ldd "$2" | sed -n 's/^.*=> \(\/[^ ]*\) .*/\1/p' | while read -r library; do
    install -D -m 644 "$library" "$1/usr/lib/x86_64-linux-gnu/${library##*/}"
  done
}

# dropbear and its libraries, copied from the installed packages.
dropbear_packages=(dropbear-bin libc6 libcrypt1 libgmp10 libtomcrypt1 libtommath1 zlib1g)

# install_dropbear ROOT: the ssh server with its libraries: ROOT may have no glibc.
install_dropbear() {
  install_binary "$1" /usr/sbin/dropbear
  install_binary "$1" /usr/bin/dropbearkey
  install_binary "$1" /usr/lib/dropbear/dropbearconvert
  install -D -m 755 /lib64/ld-linux-x86-64.so.2 "$1/lib64/ld-linux-x86-64.so.2"
}

# The extended attributes that a guest needs: file capabilities.
with_capabilities=(--xattrs '--xattrs-include=security.capability')

# tree_hash DIR…: a hash of every file's path, kind, mode, links, capabilities and content.
tree_hash() {
  local folder
  for folder in "$@"; do
    tar -C "$folder" --sort=name --mtime=@0 --owner=0 --group=0 --numeric-owner "${with_capabilities[@]}" --format=posix \
      --pax-option=exthdr.name=%d/PaxHeaders/%f,delete=atime,delete=ctime -cf - . | sha256sum
  done
}

# lay_over DIR ROOT: copies DIR's files into ROOT, with their modes, owned by root. Existing folders keep their mode and owner.
lay_over() {
  local path
  while IFS= read -r -d '' path; do
    [ ! -L "$2/$path" ] ||
      fail "guest image: $1 has files in ${path#./}, which is a symbolic link to $(readlink "$2/$path") in the guest: put them there"
  done < <(cd "$1" && find . -mindepth 1 -type d -print0)
  tar -C "$1" --owner=0 --group=0 "${with_capabilities[@]}" -cf - . |
    tar -C "$2" "${with_capabilities[@]}" --no-overwrite-dir -xpf -
}
