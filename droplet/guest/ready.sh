# shellcheck shell=bash
# Whether a clone is verified: whether it has been ready since its last change.

# note_unsettled DIR (variable settles): records the clone as unverified until settle_vm, if somebody waits for it: an
# operation (yes), or the recovery keeper (recovery).
note_unsettled() { if [[ -n $settles ]]; then printf '%s\n' "$settles" >"$1/unsettled"; else clear_path "$1/unsettled"; fi; }

# @call unsettle_vm(runtime_dir namespace owner) effects
# The clone changed, and its smoke test failed.
unsettle_vm() {
  local settles=yes
  require_ours || return
  effect "$namespace/unsettled" note_unsettled "$runtime_dir/$namespace"
}

# @call settle_vm(runtime_dir namespace owner) effects
# The clone is ready, and its smoke tests succeeded.
settle_vm() {
  require_ours || return
  effect "$namespace/settled" empty_file "$runtime_dir/$namespace/unsettled"
}

empty_file() { : >"$1"; }
