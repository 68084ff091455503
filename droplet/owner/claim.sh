# shellcheck shell=bash
# Who owns what: a folder below the runtime folder, with the owner's mark in it, is made before anything else that
# belongs to it and goes last. It is what is found again after a crash.

# claim DIR [NOTE]: makes the folder DIR ours (variable owner), or fails and names its holder. The mark is in it from its
# first moment on, and so is a file NOTE that says yes. Succeeds where it is ours already.
claim() {
  local dir=$1 draft holder tries=5
  # Another lane may take the folder above away, as empty, while this one makes something in it.
  while [[ ! -e $dir ]] && ((tries-- > 0)); do
    make_folder "${dir%/*}" || continue
    draft=${dir%/*}/.hornet-draft.$BASHPID
    clear_path "$draft" && mkdir "$draft" && printf '%s\n' "$owner" >"$draft/owner" &&
      { [[ -z ${2-} ]] || printf 'yes\n' >"$draft/$2"; } && mv -nT "$draft" "$dir" 2>/dev/null
    clear_path "$draft"
  done
  [[ -e $dir ]] || { fail "cannot make the folder $dir"; return 1; }
  [[ -r $dir/owner ]] || { fail "$dir is there, but not Hornet's"; return 1; }
  read -r holder <"$dir/owner"
  [[ $holder == "$owner" ]] || fail "$dir belongs to ${holder:-nobody known}"
}

# claim_named DIR: claims a folder whose name carries the owner's id. It is ours by its name, so its mark is written again
# where it was lost.
claim_named() {
  if is_ours "$1"; then return; fi
  if [[ -d $1 ]]; then mark_again "$1"; else claim "$1"; fi
}

# drop_named DIR: takes such a folder away, and the folders above it that we made and that are empty now.
drop_named() { clear_path "$1" && drop_folder "${1%/*}"; }

# mark_again DIR: writes our mark into a folder that lost it, or makes that anew.
mark_again() {
  local tries=5
  while ((tries-- > 0)); do
    # Not its parents too, which would be nobody's.
    if make_folder "${1%/*}" && { [[ -d $1 ]] || mkdir "$1"; } && put_file "$1/owner" "$owner"; then return; fi
  done
  fail "cannot mark $1 as this stack's"
}

# unclaim DIR: takes the folder away, and the folders above it that we made and that are empty now.
unclaim() {
  local dir=$1 grave
  if [[ -e $dir/owner ]]; then
    # Renamed first: a crash in the middle of rm must not leave a folder without the mark that says whose it is.
    grave=${dir%/*}/.hornet-draft.$BASHPID
    clear_path "$grave" && mv -T "$dir" "$grave" && rm -rf "$grave" || return
  fi
  drop_folder "${dir%/*}"
}

# is_ours DIR: the folder is there and ours.
is_ours() {
  local holder
  { read -r holder <"$1/owner"; } 2>/dev/null && [[ $holder == "$owner" ]]
}
