#!/usr/bin/env bash
# Builds the mini guest kernel from Debian's linux-source-6.1 and guest/kernel.config.
# Prints on stdout only the folder with `vmlinux` (an ELF file, entered by PVH or Firecracker's 64-bit protocol); progress
# goes to stderr. The cache keeps a build under the hash of its inputs. A build takes about three minutes on two idle cores.
# HORNET_JOBS: number of parallel compilers; default: number of cores.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=guest/lib.sh
. "$here/lib.sh"

source_package=linux-source-6.1
tarball=/usr/src/$source_package.tar.xz
need_packages "$source_package" gcc libc6-dev make flex bison bc libelf-dev xz-utils binutils

# -O1 saves a quarter of the build time. One file needs the optimizer to drop calls to functions that are not configured.
targets=(KCFLAGS=-O1 CFLAGS_signal.o=-O2 vmlinux)
wanted=$(grep -E '^CONFIG_' "$here/kernel.config")
key=$(hash_of "$(package_versions "$source_package" gcc-12 binutils)" "$wanted" "${targets[*]}")
result=$(cache_root)/kernel/$key
deliver() {
  printf '%s\n' "$result"
  exit 0
}
[ ! -f "$result/vmlinux" ] || deliver
cache_lock "$result" "guest kernel"
[ ! -f "$result/vmlinux" ] || deliver

work=$(cache_work "$result")
trap 'rm -rf "$work"' EXIT
log=$work/build.log
jobs=${HORNET_JOBS:-$(nproc)}

say "guest kernel: unpacking $source_package"
# Excludes the largest folders that this configuration never compiles, but not their Kconfig files, which make reads. Few
# patterns: tar compares each with every member.
excludes=(--exclude="$source_package/Documentation/*."{rst,yaml,txt})
for folder in sound drivers/gpu drivers/net/ethernet drivers/net/wireless drivers/media drivers/staging \
  drivers/infiniband drivers/scsi drivers/iio arch/arm arch/arm64 arch/powerpc arch/mips tools/testing tools/perf; do
  excludes+=(--exclude="$source_package/$folder/*.[chS]")
done
xz -dc -T0 "$tarball" | tar -C "$work" --no-same-owner "${excludes[@]}" -xf -
cd "$work/$source_package"

# The same inputs give the same bytes: the build contains nothing of this machine or moment.
export KBUILD_BUILD_TIMESTAMP='2000-01-01' KBUILD_BUILD_USER=hornet KBUILD_BUILD_HOST=hornet LC_ALL=C

say "guest kernel: configuring"
make KCONFIG_ALLCONFIG="$here/kernel.config" allnoconfig >"$log" 2>&1 || fail_with_log "guest kernel: make allnoconfig" "$log"
absent=$(grep -vxFf .config <<<"$wanted" || true)
[ -z "$absent" ] || fail "guest kernel: guest/kernel.config asks for what this source does not give: $absent"

# The number of objects of an earlier build, for the progress.
expected=840
# shellcheck disable=SC2094 # both only append
make -j"$jobs" "${targets[@]}" 2>>"$log" | tee -a "$log" | progress_of "guest kernel: compiling" "$expected" ||
  fail_with_log "guest kernel: make vmlinux" "$log"
strip -o "$work/vmlinux" vmlinux
cp .config "$work/kernel.config"
cd /
rm -rf "${work:?}/$source_package"
cache_publish "$work" "$result"
deliver
