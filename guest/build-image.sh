#!/usr/bin/env bash
# Builds a guest's root file system, rootfs.ext4, from busybox-static and dropbear-bin of Debian 12, guest/image/ and
# guest/identity/. Nothing is mounted. The same inputs give the same bytes.
#
#   build-image.sh [--add DIR]… [--size MIB] [--out FILE]
#
# --add DIR copies the files of DIR into the image (hooks, an agent, keys for tests), with their modes, owned by root.
# Prints on stdout the folder in the cache with rootfs.ext4, or FILE if --out asks for a copy.
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

need_packages busybox-static e2fsprogs "${dropbear_packages[@]}"
helper=$("$here/build-helper.sh")/helper

key=$(hash_of "$(package_versions busybox-static e2fsprogs "${dropbear_packages[@]}")" \
  "$(tree_hash "$here/image" "$here/identity" "${adds[@]}")" "$(cat "$here/lib.sh" "${BASH_SOURCE[0]}")" "$size" "$(basename "$(dirname "$helper")")")
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

install -m 755 /bin/busybox "$root/bin/busybox"
while read -r applet; do
  [ "$applet" = bin/busybox ] || ln -s /bin/busybox "$root/$applet"
done < <(/bin/busybox --list-full | sed 's|^linuxrc$|sbin/linuxrc|')
install_dropbear "$root"

cp -R "$here/image/." "$root"
"$here/identity/install.sh" --root "$root" --init busybox --helper "$helper" >"$log" 2>&1 || fail_with_log "guest image: install.sh" "$log"
for folder in "${adds[@]}"; do lay_over "$folder" "$root"; done

# A microVM has no power button; a reset ends it.
for name in poweroff halt; do
  rm -f "$root/sbin/$name"
  printf '#!/bin/sh\nexec /sbin/reboot "$@"\n' >"$root/sbin/$name"
  chmod 755 "$root/sbin/$name"
done

image=$work/rootfs.ext4
write_image "$root" "$image" "$size" "$log" root
sha256sum "$image" | cut -d' ' -f1 >"$work/rootfs.sha256"
rm -rf "$root"
cache_publish "$work" "$result"
deliver
