# shellcheck shell=bash
# Whether a clone is verified: whether it has been ready since its last change.

# note_unsettled DIR (variable settles): records the clone as unverified until settle_vm, if the caller waits for it.
note_unsettled() { if [[ -n $settles ]]; then printf 'yes\n' >"$1/unsettled"; else clear_path "$1/unsettled"; fi; }

# @call unsettle_vm(runtime_dir namespace owner) effects
# The clone changed, and its smoke test failed.
unsettle_vm() {
  local settles=1
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
