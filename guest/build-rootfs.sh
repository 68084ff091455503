#!/usr/bin/env bash
# Makes a guest's root file system from an existing tree: a distribution's minimal root file system or a container image.
# Adds what a guest needs (an init's settings, an ssh server) and the identity service. Mounts nothing. The same inputs give
# the same bytes.
#
#   build-rootfs.sh --out FILE --layer TAR… [OPTION…]      or --debootstrap SUITE in place of the layers
#
#   --layer TAR         a tar archive, compressed or not; later ones overlay earlier ones, with OCI's whiteouts
#   --debootstrap SUITE Debian's minimal system of that suite; --packages A,B adds packages, --mirror URL is their source.
#                       The cache keeps it; --refresh installs it again
#   --add DIR           copies the files of DIR into it, with their modes, owned by root
#   --init KIND, --sshd KIND   for install.sh; default: detected
#   --no-service        omits the identity service: the guest gets its identity over ssh
#   --size MIB          default: the size of the content, a third more, and 64 MiB
#
# Prints the image's sha256 on stdout.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=guest/lib.sh
. "$here/lib.sh"

usage() { fail "build-rootfs.sh: $1; see the head of ${BASH_SOURCE[0]}"; }

out='' layers=() suite='' refresh='' packages='' mirror='' adds=() service=yes size='' install=()
while [ $# -gt 0 ]; do
  case $1 in
    --no-service) service=no && shift && continue ;;
    --refresh) refresh=yes && shift && continue ;;
    --*) [ $# -ge 2 ] || usage "$1 needs a value" ;;
  esac
  case $1 in
    --out) out=$2 ;;
    --layer) layers+=("$2") ;;
    --debootstrap) suite=$2 ;;
    --packages) packages=$2 ;;
    --mirror) mirror=$2 ;;
    --add) adds+=("$2") ;;
    --init | --sshd) install+=("$1" "$2") ;;
    --size) size=$2 ;;
    *) usage "unknown option $1" ;;
  esac
  shift 2
done
[ -n "$out" ] || usage "--out is missing"
[ ${#layers[@]} -gt 0 ] || [ -n "$suite" ] || usage "neither --layer nor --debootstrap is given"
case $size in *[!0-9]*) usage "--size is in MiB, for example --size 512, not \"$size\"" ;; esac
[ "$(id -u)" = 0 ] || fail "build-rootfs.sh: the owners of the files in a root file system need root"
need_packages e2fsprogs "${dropbear_packages[@]}"

work=$(mktemp -d "${TMPDIR:-/tmp}/hornet-rootfs.XXXXXX")
trap 'rm -rf "$work"' EXIT
log=$work/log root=$work/root
mkdir -m 755 "$root"
umask 022

# apply_layer TAR: unpacks it over $root; a file .wh.NAME removes NAME, .wh..wh..opq empties its folder (OCI image
# specification, layers).
apply_layer() {
  local path folder outside
  tar --quoting-style=literal -tf "$1" >"$work/list" 2>>"$log" || fail_with_log "guest image: tar -t $1" "$log"
  # A symbolic link of an earlier layer may point to this machine's files.
  outside=$(cd "$root" && sed 's|[^/]*$||; s|^/*|./|' "$work/list" | LC_ALL=C sort -u | xargs -rd '\n' realpath -m -- |
    awk -v root="$(realpath "$root")/" 'index($0 "/", root) != 1 { print; exit }')
  [ -z "$outside" ] || fail "guest image: the layer $1 has files that an earlier one leads out of the guest, to $outside"
  while IFS= read -r path; do
    folder=$root/$(dirname "$path")
    case ${path##*/} in
      .wh..wh..opq) [ ! -d "$folder" ] || find "$folder" -mindepth 1 -delete ;;
      .wh.*) rm -rf "${folder:?}/${path##*/.wh.}" ;;
    esac
  done < <(grep -F '.wh.' "$work/list" || :)
  tar --numeric-owner "${with_capabilities[@]}" --exclude='.wh.*' -xpf "$1" -C "$root" >>"$log" 2>&1 ||
    fail_with_log "guest image: tar -x $1" "$log"
  ! grep -qi setxattr "$log" || fail_with_log "guest image: capabilities of files out of $1" "$log"
}

# install_suite: sets $suite_tar to the tar archive of a Debian suite in the cache.
install_suite() {
  local result draft
  need_packages mmdebstrap
  result=$(cache_root)/debian/$(hash_of "$suite" "$packages" "$mirror" "$(package_versions mmdebstrap)")
  suite_tar=$result/suite.tar
  if [ -f "$suite_tar" ] && [ -z "$refresh" ]; then return; fi
  cache_lock "$result" "Debian $suite"
  if [ -f "$suite_tar" ] && [ -z "$refresh" ]; then return; fi
  say "guest image: installing Debian $suite"
  draft=$(cache_work "$result")
  # In a mount namespace, because mmdebstrap mounts.
  SOURCE_DATE_EPOCH=$image_time unshare --mount --propagation private mmdebstrap --quiet --mode=root --variant=minbase ${packages:+"--include=$packages"} \
    "$suite" "$draft/suite.tar" ${mirror:+"$mirror"} >>"$log" 2>&1 || fail_with_log "guest image: mmdebstrap" "$log"
  rm -rf "$result"
  cache_publish "$draft" "$result"
}
if [ -n "$suite" ]; then
  install_suite
  layers=("$suite_tar")
fi
for layer in "${layers[@]}"; do apply_layer "$layer"; done
for folder in bin dev etc proc root run sys tmp var; do [ -e "$root/$folder" ] || mkdir "$root/$folder"; done
chmod 1777 "$root/tmp"
[ -x "$root/bin/sh" ] || [ -L "$root/bin/sh" ] || fail "guest image: there is no /bin/sh in it: it is no root file system"

# Files that would make every clone its template.
rm -f "$root"/etc/ssh/ssh_host_* "$root"/etc/dropbear/dropbear_*_host_key "$root"/var/lib/systemd/random-seed
if [ -e "$root/etc/machine-id" ]; then : >"$root/etc/machine-id"; fi
# Files that differ from one unpacking to the next.
rm -f "$root"/var/cache/ldconfig/aux-cache "$root"/var/log/{alternatives,bootstrap,dpkg}.log "$root"/var/log/apt/*.log

grep -q '^[^#]' "$root/etc/fstab" 2>/dev/null || printf '/dev/vda / ext4 rw,noatime 0 0\n' >"$root/etc/fstab"
[ -s "$root/etc/hostname" ] || printf 'template\n' >"$root/etc/hostname"
[ -s "$root/etc/hosts" ] || cp "$here/image/etc/hosts" "$root/etc/hosts"
for file in passwd group shells; do [ -s "$root/etc/$file" ] || cp "$here/image/etc/$file" "$root/etc/$file"; done
[ -s "$root/etc/profile" ] || cp "$here/image/etc/profile" "$root/etc/profile"
# A microVM has no terminals, and its console carries messages only.
if [ -e "$root/etc/inittab" ]; then sed -i '/getty/s/^[^#]/#&/' "$root/etc/inittab"; fi

if [ -x "$root/lib/systemd/systemd" ] && [ ! -e "$root/sbin/init" ]; then
  ln -s /lib/systemd/systemd "$root/sbin/init"
elif [ ! -x "$root/lib/systemd/systemd" ] && [ ! -x "$root/sbin/openrc" ]; then
  # No init system, only busybox: Alpine's minirootfs, most containers.
  if [ ! -x "$root/bin/busybox" ]; then
    need_packages busybox-static
    install -D -m 755 /bin/busybox "$root/bin/busybox"
  fi
  mkdir -p "$root/sbin" "$root/etc/hornet"
  [ -e "$root/sbin/init" ] || [ -L "$root/sbin/init" ] || ln -s /bin/busybox "$root/sbin/init"
  cp "$here/image/etc/inittab" "$root/etc/inittab"
  cp "$here/image/etc/hornet/boot" "$root/etc/hornet/boot"
fi
if [ ! -x "$root/usr/sbin/sshd" ] && [ ! -x "$root/usr/sbin/dropbear" ]; then install_dropbear "$root"; fi
if [ $service = yes ]; then
  helper=$("$here/build-helper.sh")/helper
  "$here/identity/install.sh" --root "$root" --helper "$helper" "${install[@]}" >>"$log" 2>&1 || fail_with_log "guest image: install.sh" "$log"
fi
for folder in "${adds[@]}"; do lay_over "$folder" "$root"; done

if [ -z "$size" ]; then size=$(($(du -s --block-size=1M --apparent-size "$root" | cut -f1) * 4 / 3 + 64)); fi
say "guest image: writing $size MiB"
write_image "$root" "$work/rootfs.ext4" "$size" "$log"
cp --sparse=always "$work/rootfs.ext4" "$out"
sha256sum "$out" | cut -d' ' -f1
