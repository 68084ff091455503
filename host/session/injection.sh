# shellcheck shell=bash
# Fault injection for tests (see effects.ts). It replaces the library's `effect`, so that it covers every new effect.
# Variables:
#   hornet_key                  marks the lines on stderr that the operator's process obeys
#   hornet_trace                not empty: print the name of every effect before it begins
#   hornet_fault=fail:NAME      the command does not run, and fails
#   hornet_fault=before:NAME    the operator's process and the lane are killed before the command
#   hornet_fault=after:NAME     they are killed right after it

effect() {
  local name=$1
  shift
  [[ -z $hornet_trace ]] || printf '\036%s E %s\n' "$hornet_key" "$name" >&2
  [[ $hornet_fault != "fail:$name" ]] || { fail "injected failure at $name"; return 1; }
  [[ $hornet_fault != "before:$name" ]] || crash "$name"
  "$@" || return
  [[ $hornet_fault != "after:$name" ]] || crash "$name"
}

# crash NAME: asks the operator's process to kill itself, and kills the lane.
crash() {
  printf '\036%s K %s\n' "$hornet_key" "$1" >&2
  kill -9 $$ "$BASHPID"
}
