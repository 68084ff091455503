# shellcheck shell=bash
# Ownership: Hornet creates a folder with the owner label, below the runtime folder, before anything else of that owner, and removes it last,
# so that Hornet finds it after a crash.

# claim DIR [NOTE]: makes the folder DIR this owner's (variable owner), or fails and names its holder. It contains the label, and a
# file NOTE with "yes", from the start. Succeeds if the owner has it already.
claim() {
  local dir=$1 draft holder tries=5
  # Another lane may remove the empty parent while this one makes something in it.
  while [[ ! -e $dir ]] && ((tries-- > 0)); do
    make_own_folder "${dir%/*}" || { (($? == 3)) && return 1; continue; }
    draft=${dir%/*}/.hornet-draft.$BASHPID
    clear_path "$draft" && mkdir "$draft" && printf '%s\n' "$owner" >"$draft/owner" &&
      { [[ -z ${2-} ]] || printf 'yes\n' >"$draft/$2"; } && mv -nT "$draft" "$dir" 2>/dev/null
    clear_path "$draft"
  done
  [[ -e $dir ]] || { fail "cannot make the folder $dir"; return 1; }
  is_roots_folder "$dir" || { fail "$dir exists and does not belong to Hornet"; return 1; }
  read -r holder <"$dir/owner"
  [[ $holder == "$owner" ]] || fail "$dir belongs to ${holder:-an unknown owner}"
}

# claim_named DIR: claims a folder whose name contains the owner's id. The name proves the owner, so this restores a lost label.
claim_named() {
  if is_ours "$1"; then return; fi
  [[ -O $1 && ! -L $1 || ! -e $1 ]] || { fail "$1 exists and does not belong to Hornet"; return 1; }
  if [[ -d $1 ]]; then mark_again "$1"; else claim "$1"; fi
}

# drop_named DIR: removes such a folder, and the parents that Hornet made and that are empty now.
drop_named() { clear_path "$1" && drop_folder "${1%/*}"; }

# mark_again DIR: restores the label of a folder that lost it, or makes the folder again.
mark_again() {
  local tries=5
  while ((tries-- > 0)); do
    # Not its parents, which would have no owner.
    make_own_folder "${1%/*}" || { (($? == 3)) && return 1; continue; }
    if { [[ -d $1 ]] || mkdir "$1"; } && put_file "$1/owner" "$owner"; then return; fi
  done
  fail "cannot write this stack's owner label into $1"
}

# unclaim DIR: removes the folder, and the parents that Hornet made and that are empty now.
unclaim() {
  local dir=$1 grave
  if [[ -e $dir/owner ]]; then
    grave=${dir%/*}/.hornet-draft.$BASHPID
    clear_path "$grave" && make_grave "$dir" "$grave" owner && rm -rf "$grave" || return
  fi
  drop_folder "${dir%/*}"
}

# is_roots_folder DIR: another user may have put a folder, or a link, beside Hornet's in a sticky folder.
is_roots_folder() { [[ -O $1 && ! -L $1 && -O $1/owner ]]; }

# is_ours DIR: whether the folder exists and has this owner's label.
is_ours() {
  local holder
  is_roots_folder "$1" && { read -r holder <"$1/owner"; } 2>/dev/null && [[ $holder == "$owner" ]]
}

# other_owner FILE…: the first owner label in these files that is not this stack's (variable owner).
other_owner() {
  local label file
  for file; do
    { read -r label <"$file"; } 2>/dev/null || continue
    [[ $label == hornet:* && $label != "$owner" ]] || continue
    printf '%s' "$label"
    return
  done
}

# require_ours (variables runtime_dir namespace owner): fails where the clone's folder does not belong to this stack.
require_ours() { is_ours "$runtime_dir/$namespace" || fail "namespace $namespace does not belong to this stack"; }
