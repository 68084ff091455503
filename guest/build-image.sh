#!/usr/bin/env bash
# Builds a guest's root file system, rootfs.ext4, from busybox-static and dropbear-bin of Debian 12, guest/image/ and
# guest/identity/. Nothing is mounted. The same inputs give the same bytes.
#
#   build-image.sh [--add DIR]… [--size MIB] [--out FILE]
#
# --add DIR lays the files of DIR over the image (hooks, an agent, keys for tests), with their modes, owned by root.
# Prints on stdout the folder in the cache that holds rootfs.ext4, or FILE when --out asks for a copy.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=guest/lib.sh
. "$here/lib.sh"

size=64 out='' adds=()
while [ $# -gt 0 ]; do
  [ $# -ge 2 ] || fail "build-image.sh: $1 needs a value, or is not an option; there are --add, --size and --out"
  case $1 in
    --add) adds+=("$(cd "$2" && pwd)") ;;
    --size) size=$2 ;;
    --out) out=$2 ;;
    *) fail "build-image.sh: unknown option $1; there are --add, --size and --out" ;;
  esac
  shift 2
done
case $size in '' | *[!0-9]*) fail "build-image.sh: --size is in MiB, for example --size 64, not \"$size\"" ;; esac

# What dropbear is linked with; taken from the installed packages.
libraries=(libc6 libcrypt1 libgmp10 libtomcrypt1 libtommath1 zlib1g)
need_packages busybox-static dropbear-bin e2fsprogs "${libraries[@]}"

# tree_hash DIR…: every file's path, mode and content.
tree_hash() {
  local folder
  for folder in "$@"; do
    (cd "$folder" && find . -printf '%p %m %l\n' | LC_ALL=C sort &&
      find . -type f -print0 | LC_ALL=C sort -z | xargs -0r sha256sum)
  done
}
key=$(hash_of "$(package_versions busybox-static dropbear-bin e2fsprogs "${libraries[@]}")" \
  "$(tree_hash "$here/image" "$here/identity" "${adds[@]}")" "$(cat "$here/lib.sh" "${BASH_SOURCE[0]}")" "$size")
result=$(cache_root)/image/$key

deliver() {
  if [ -n "$out" ]; then
    cp --sparse=always "$result/rootfs.ext4" "$out"
    printf '%s\n' "$out"
  else
    printf '%s\n' "$result"
  fi
  exit 0
}
[ ! -f "$result/rootfs.ext4" ] || deliver
cache_lock "$result" "guest image"
[ ! -f "$result/rootfs.ext4" ] || deliver

say "guest image: building"
work=$(cache_work "$result")
trap 'rm -rf "$work"' EXIT
log=$work/build.log
root=$work/root
umask 022
mkdir -p "$root"/{bin,dev,etc/profile.d,etc/hornet/on-identity.d,lib64,mnt,proc,root,run,sbin,sys,tmp,usr/bin,usr/sbin,usr/lib/x86_64-linux-gnu,var/log}
ln -s usr/lib "$root/lib"
chmod 1777 "$root/tmp"
chmod 700 "$root/root"

# install_binary FILE: FILE and the libraries that the dynamic linker finds for it.
install_binary() {
  local library
  install -D -m 755 "$1" "$root$1"
  ldd "$1" | sed -n 's/^.*=> \(\/[^ ]*\) .*/\1/p' | while read -r library; do
    install -m 644 "$library" "$root/usr/lib/x86_64-linux-gnu/${library##*/}"
  done
}
install -m 755 /bin/busybox "$root/bin/busybox"
while read -r applet; do
  [ "$applet" = bin/busybox ] || ln -s /bin/busybox "$root/$applet"
done < <(/bin/busybox --list-full | sed 's|^linuxrc$|sbin/linuxrc|')
install_binary /usr/sbin/dropbear
install_binary /usr/bin/dropbearkey
install_binary /usr/lib/dropbear/dropbearconvert
install -m 755 /lib64/ld-linux-x86-64.so.2 "$root/lib64/ld-linux-x86-64.so.2"

cp -R "$here/image/." "$root"
"$here/identity/install.sh" --root "$root" --init busybox >"$log" 2>&1 || fail_with_log "guest image: install.sh" "$log"
for folder in "${adds[@]}"; do cp -R "$folder/." "$root"; done

# A microVM has no power button: a reset is what ends it.
for name in poweroff halt; do
  rm -f "$root/sbin/$name"
  printf '#!/bin/sh\nexec /sbin/reboot "$@"\n' >"$root/sbin/$name"
  chmod 755 "$root/sbin/$name"
done

# Fixed identifiers and a fixed clock; features by name, so that this machine's mke2fs.conf has no say.
export MKE2FS_CONFIG=/dev/null E2FSPROGS_FAKE_TIME=946684800 LC_ALL=C
image=$work/rootfs.ext4
find "$root" -exec touch -h -d @$E2FSPROGS_FAKE_TIME {} +
mke2fs -q -F -t ext4 -b 4096 -I 256 -N 4096 -m 0 -L hornet -U 484f524e-4554-4755-8553-54524f4f5446 \
  -O none,has_journal,ext_attr,dir_index,filetype,extent,64bit,flex_bg,sparse_super,large_file,huge_file,dir_nlink,extra_isize,metadata_csum \
  -J size=4 -E "hash_seed=484f524e-4554-4755-8553-484153485345,lazy_itable_init=0,lazy_journal_init=0,root_owner=0:0" \
  -d "$root" "$image" "${size}M" >>"$log" 2>&1 || fail_with_log "guest image: mke2fs" "$log"

# mke2fs -d takes owner and change time over from this machine's files; the device nodes are for kernels that do not
# mount devtmpfs before init.
{
  printf 'cd /dev\nmknod console c 5 1\nmknod null c 1 3\ncd /\n'
  (cd "$root" && find . -mindepth 1 | sed 's|^\.||'; printf '%s\n' / /dev/console /dev/null) | LC_ALL=C sort |
    while read -r path; do
      for field in uid gid; do printf 'sif "%s" %s 0\n' "$path" "$field"; done
      for field in atime ctime mtime crtime; do printf 'sif "%s" %s @%s\n' "$path" "$field" "$E2FSPROGS_FAKE_TIME"; done
    done
  printf 'sif /dev/console mode 020600\nsif /dev/null mode 020666\n'
} >"$work/debugfs"
debugfs -w -f "$work/debugfs" "$image" >>"$log" 2>"$work/debugfs.errors" || fail_with_log "guest image: debugfs" "$log"
e2fsck -fn "$image" >>"$log" 2>&1 || fail_with_log "guest image: e2fsck" "$log"

fallocate -d "$image"
sha256sum "$image" | cut -d' ' -f1 >"$work/rootfs.sha256"
rm -rf "$root" "$work/debugfs" "$work/debugfs.errors"
cache_publish "$work" "$result"
deliver
