#!/usr/bin/env bash
# Builds the Firecracker stand-in and its stub with Debian's own Rust, without the network, and prints the folder
# that holds the two programs: `firecracker` and `firecracker-stub`. The result is cached by the sources' content.
set -euo pipefail

here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
cache="${HORNET_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/hornet}/vmm"
registry=/usr/share/cargo/registry

say() { printf 'vmm: %s\n' "$*" >&2; }

key="$(cd "$here" && find build.sh Cargo.toml core inside cli -type f \( -name '*.rs' -o -name '*.toml' -o -name '*.sh' \) -print0 |
  LC_ALL=C sort -z | xargs -0 sha256sum | sha256sum | cut -d' ' -f1)"
result="$cache/$key"
is_built() { [[ -x "$result/firecracker" && -x "$result/firecracker-stub" && -x "$result/jailer" ]]; }
if is_built; then
  printf '%s\n' "$result"
  exit 0
fi

missing=()
[[ -x /usr/bin/cargo ]] || missing+=(cargo)
[[ -x /usr/bin/rustc ]] || missing+=(rustc)
command -v cc >/dev/null || missing+=(gcc libc6-dev)
compgen -G "$registry/libc-0.2*" >/dev/null || missing+=(librust-libc-dev)
compgen -G "$registry/serde_json-1*" >/dev/null || missing+=(librust-serde-json-dev)
compgen -G "$registry/serde_derive-1*" >/dev/null || missing+=(librust-serde-derive-dev librust-serde-dev)
if ((${#missing[@]})); then
  say "missing: ${missing[*]}"
  say "install them: apt-get install --no-install-recommends ${missing[*]}"
  exit 1
fi

mkdir -p "$cache"
work="$(mktemp -d "$cache/.build.XXXXXX")"
trap 'rm -rf "$work"' EXIT
cp -r "$here/Cargo.toml" "$here/core" "$here/inside" "$here/cli" "$work/"
mkdir "$work/home"
cat >"$work/home/config.toml" <<EOF
[source.crates-io]
replace-with = "debian"
[source.debian]
directory = "$registry"
EOF

# Intermediate results are kept next to the cache entries, so that a change compiles only what it touches.
build() {
  (cd "$work" && env -u RUSTFLAGS -u RUSTC_WRAPPER -u CARGO_BUILD_TARGET CARGO_HOME="$work/home" RUSTC=/usr/bin/rustc \
    CARGO_TARGET_DIR="$cache/target" STANDIN_INSIDE="$work/inside.so" \
    /usr/bin/cargo build --release --offline --quiet "$@") >&2
}

exec 9>"$cache/lock"
flock 9
if is_built; then
  say "built by another run meanwhile"
  printf '%s\n' "$result"
  exit 0
fi
say "building with $(/usr/bin/rustc --version) (about a minute the first time)"
say "1/2: the library that runs inside QEMU"
build --package standin-inside
cp "$cache/target/release/libstandin_inside.so" "$work/inside.so"
say "2/2: firecracker, firecracker-stub and jailer"
build --package standin-cli --features emulate

mkdir "$work/result"
cp "$cache/target/release/"{firecracker,firecracker-stub,jailer} "$work/result/"
rm -rf "$result"
mv "$work/result" "$result"
say "done"
printf '%s\n' "$result"
