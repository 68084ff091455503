#!/usr/bin/env bash
# build-pulumi.sh RESULT: builds the Pulumi CLI and its language host from Go modules into RESULT/bin. What it says goes to
# stderr. scripts/setup/pulumi.mjs finds a CLI that is ready, and calls this where there is none.
#
# The versions and checksums of the modules beside this script are pinned by go.sum. Where they come from is Go's own setting (GOPROXY,
# GOFLAGS). One line of the CLI's is put right on the way: what it logs at -v=9 passes the filter for secrets before the values are
# put in, and so shows them.
#
# An interrupted build goes on where it stopped, because Go keeps the packages that it has compiled.
set -euo pipefail

here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
result="$1"
cache="${result%/*}"
sdk=github.com/pulumi/pulumi/sdk/v3

say() { printf 'pulumi: %s\n' "$*" >&2; }

# at_least MAJOR.MINOR VERSION: whether VERSION (like v3.259.0 or go1.26.8) is MAJOR.MINOR or newer.
at_least() {
  [[ "$2" =~ ([0-9]+)\.([0-9]+) ]] || return 1
  local major="${BASH_REMATCH[1]}" minor="${BASH_REMATCH[2]}"
  ((major > ${1%.*} || (major == ${1%.*} && minor >= ${1#*.})))
}

# follow WHAT [TOTAL]: turns the lines of a Go command (one a module fetched or a package compiled) into a line of
# progress every ten seconds, and shows any other line, which is an error, as it is.
follow() {
  local what="$1" total="${2:-}" count=0 next=$((SECONDS + 10)) line
  while IFS= read -r line; do
    if [[ "$line" =~ ^(go:\ downloading\ .*|[A-Za-z0-9_./~-]+)$ ]]; then
      count=$((count + 1))
    else
      printf '%s\n' "$line" >&2
    fi
    if ((SECONDS >= next)); then
      say "$what: $count${total:+ of at most $total} ($SECONDS s)"
      next=$((SECONDS + 10))
    fi
  done
  say "$what: $count, done ($SECONDS s)"
}

# module_folder FOLDER MODULE: where Go keeps a module that FOLDER's go.mod names. It is fetched where it is not there yet:
# `go list -m` alone knows no folder for it then.
module_folder() {
  local found
  (cd "$here/$1" && go mod download "$2") >&2 || return
  found="$(cd "$here/$1" && go list -mod=readonly -m -f '{{.Dir}}' "$2")"
  [[ -d "$found" ]] || { say "Go fetched $2, but names no folder for it"; return 1; }
  printf '%s\n' "$found"
}

# put_right FOLDER WORK: copies the SDK's module into WORK with the line put right, and prints the path of a go.mod, FOLDER's
# own, that uses the copy.
put_right() {
  local module wrong='msg = fmt.Sprintf(r.Message, fmtArgs...)' log=sdk/go/common/util/logging/log.go
  module="$(module_folder "$1" "$sdk")"
  cp -R "$module" "$2/sdk" && chmod -R u+w "$2/sdk"
  grep -qF "$wrong" "$2/$log" || { say "the line of $log that logs secrets is not there"; return 1; }
  sed 's/msg = \(fmt\.Sprintf(r\.Message, fmtArgs\.\.\.)\)/msg = FilterString(\1)/' "$2/$log" >"$2/log.go"
  mv "$2/log.go" "$2/$log"
  cp "$here/$1/go.sum" "$2/go.sum"
  { cat "$here/$1/go.mod"; printf '\nreplace %s => %s/sdk\n' "$sdk" "$2"; } >"$2/go.mod"
  printf '%s/go.mod\n' "$2"
}

# build FOLDER PACKAGE OUTPUT LINKER-FLAGS [GO-BUILD-FLAG…]
build() {
  local dir="$here/$1" package="$2" output="$3" flags="$4" total
  shift 4
  say "$(basename "$output"): fetching modules"
  total="$(cd "$dir" && go list -mod=readonly -deps "$package" 2> >(follow "$(basename "$output"), modules fetched") | wc -l)"
  (cd "$dir" && nice go build -v -mod=readonly -trimpath -tags osusergo,grpcnotrace -ldflags "$flags" "$@" -o "$output" "$package" 2>&1) |
    follow "$(basename "$output"), packages compiled" "$((total))"
}

# Left by builds that were killed: named by the process that made them.
sweep() {
  local dir
  for dir in "$cache"/.tmp.*; do
    [[ -d "$dir" ]] && ! kill -0 "${dir##*.}" 2>/dev/null && rm -rf "$dir"
  done
  return 0
}

if ! command -v go >/dev/null || ! at_least 1.25 "$(go env GOVERSION)"; then
  say "neither a pulumi of at least 3.230 with pulumi-language-nodejs nor Go of at least 1.25 is on PATH."
  say "Install one of the two (pulumi.com/docs/install or go.dev/doc/install), then run this again."
  exit 1
fi
mkdir -p "$cache"
sweep
work="$cache/.tmp.$$"
trap 'rm -rf "$work"' EXIT
mkdir -p "$work/bin"
build pulumi-language-nodejs "$sdk/nodejs/cmd/pulumi-language-nodejs" "$work/bin/pulumi-language-nodejs" "-s -w -X $sdk/go/common/version.Version=v3.68.0"
fixed="$(put_right pulumi-cli "$work")"
build pulumi-cli github.com/pulumi/pulumi/pkg/v3/cmd/pulumi "$work/bin/pulumi" "-s -w -X $sdk/go/common/version.Version=v3.259.0" "-modfile=$fixed"
# What starts dynamic providers; beside the CLI, as in Pulumi's own packages, it is used without a warning.
install -m 755 "$(module_folder pulumi-cli "$sdk")/nodejs/dist/pulumi-resource-pulumi-nodejs" "$work/bin/"
rm -rf "$work"/{sdk,go.mod,go.sum}
# Another build may have made the same result meanwhile.
mv -T "$work" "$result" 2>/dev/null || [[ -x "$result/bin/pulumi" ]] || mv "$work" "$result"
