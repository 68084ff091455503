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
  local name missing=()
  command -v dpkg-query >/dev/null || fail "dpkg-query is not here: guest images are built from Debian 12 packages: $*"
  for name in "$@"; do
    case $(dpkg-query -W -f '${Status}' "$name" 2>/dev/null) in
      *' installed') ;;
      *) missing+=("$name") ;;
    esac
  done
  [ ${#missing[@]} -eq 0 ] || fail "Debian packages are missing; run: apt-get install --no-install-recommends ${missing[*]}"
}

# package_versions NAME…: one line a package, for the hash of a build's inputs.
package_versions() { dpkg-query -W -f '${Package} ${Version} ${Architecture}\n' "$@"; }

# hash_of TEXT…: the first 16 hex digits of the sha256 of all texts.
hash_of() { printf '%s\0' "$@" | sha256sum | cut -c1-16; }

# cache_lock RESULT WHAT: one builder of RESULT at a time; the lock goes with this process.
cache_lock() {
  mkdir -p "$(dirname "$1")"
  exec {lock_fd}>"$1.lock"
  if ! flock -n "$lock_fd"; then
    say "$2: another process is building it, waiting"
    flock "$lock_fd"
  fi
}

# cache_work RESULT: a new empty folder beside RESULT to build in; what an interrupted build left goes away. Under the lock.
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

# progress_of WHAT EXPECTED: reads make's output, says every few percent how far it is; passes a failed make on by
# the caller's pipefail.
progress_of() {
  awk -v what="$1" -v expected="$2" '
    /^  (CC|AS) / { done++; percent = int(done * 100 / expected); if (percent > 99) percent = 99
      if (percent >= next_at) { printf "%s: %d %%\n", what, percent > "/dev/stderr"; next_at = percent + 5 } }'
}
