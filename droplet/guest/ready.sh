# shellcheck shell=bash
# Whether a clone is verified: whether it was ready since its last change.

# note_unsettled DIR (variable settles): records the clone as unverified until settle_vm.
note_unsettled() { if [[ -n $settles ]]; then printf 'yes\n' >"$1/unsettled"; else clear_path "$1/unsettled"; fi; }

# @call unsettle_vm(runtime_dir namespace owner) effects
# The clone was changed, and a smoke test of it failed.
unsettle_vm() {
  local settles=1
  is_ours "$runtime_dir/$namespace" || { fail "namespace $namespace is not this stack's"; return 1; }
  effect "$namespace/unsettled" note_unsettled "$runtime_dir/$namespace"
}

# @call settle_vm(runtime_dir namespace owner) effects
# The clone is ready, and its smoke tests succeeded.
settle_vm() {
  is_ours "$runtime_dir/$namespace" || { fail "namespace $namespace is not this stack's"; return 1; }
  effect "$namespace/settled" empty_file "$runtime_dir/$namespace/unsettled"
}

empty_file() { : >"$1"; }
