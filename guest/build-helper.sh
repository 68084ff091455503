#!/usr/bin/env bash
# Compiles the identity service's helper (guest/identity/helper). Prints on stdout the folder in the cache that holds
# `helper`, a static program for x86_64 Linux. A second call for the same sources finds the first one's result.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=guest/lib.sh
. "$here/lib.sh"

need_packages gcc binutils
# The same key as in providers/vm/guestHelper.ts, which finds the program without a compiler or a package manager.
key=$(LC_ALL=C && cat "$here"/identity/helper/* | sha256sum | cut -c1-16)
result=$(cache_root)/helper/$key
if [ ! -f "$result/helper" ]; then
  cache_lock "$result" "guest helper"
  if [ ! -f "$result/helper" ]; then
    work=$(cache_work "$result")
    trap 'rm -rf "$work"' EXIT
    "$here/identity/helper/build.sh" "$work/helper" >"$work/build.log" 2>&1 || fail_with_log "guest helper: gcc" "$work/build.log"
    cache_publish "$work" "$result"
  fi
fi
printf '%s\n' "$result"
