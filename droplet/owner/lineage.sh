# shellcheck shell=bash
# Which Pulumi state owns the things with an owner label. The label derives from names, and two operators may use the same names;
# the lineage is a random id that one state has from its first `up` on. The folder .claim-ID below the runtime folder contains
# it:
#   owner      the owner label             lineage    LINEAGE, then a line each: since when, user@host, stack, backend
#   artifacts  folders of artifacts that the owner uses, a line each

# lineage_home (variables runtime_dir owner): puts the claim's folder into the caller's variable home. Like keeper_home and its
# likes it starts no process: every call that changes the droplet needs it.
lineage_home() { home=$runtime_dir/.claim-${owner##*:}; }

# @call read_lineage(runtime_dir owner) answers: the file lineage; nothing where nobody has claimed; reads
read_lineage() {
  local home
  lineage_home
  [[ ! -O $home ]] || cat "$home/lineage" 2>/dev/null || :
}

# enter_lineage: variables runtime_dir owner lineage take_over (the lineage that the operator takes over from, or empty)
# claimant (three lines: user@host, stack, backend). Runs before every call that changes the droplet: succeeds if this lineage owns
# the fleet, claims it if nobody does, and fails before any change if another lineage does.
enter_lineage() {
  local home holder=""
  lineage_home
  { [[ -O $home ]] && read -r holder <"$home/lineage"; } 2>/dev/null
  if [[ $holder != "$lineage" ]]; then
    [[ -z $holder || $holder == "${take_over:-}" ]] || { refuse_lineage "$holder"; return 1; }
    effect "droplet/lineage" note_lineage "$home" || return
  fi
  [[ -z ${dir_of_artifacts:-} ]] || grep -qsxF -- "$dir_of_artifacts" "$home/artifacts" ||
    printf '%s\n' "$dir_of_artifacts" >>"$home/artifacts"
}

# keep_lineage: like enter_lineage, for calls that only remove: claims nothing.
keep_lineage() {
  local home holder=""
  lineage_home
  { [[ -O $home ]] && read -r holder <"$home/lineage"; } 2>/dev/null
  [[ -z $holder || $holder == "$lineage" || $holder == "${take_over:-}" ]] || refuse_lineage "$holder"
}

refuse_lineage() { fail "the state of lineage $1 owns what carries this stack's owner label; nothing was changed"; }

# note_lineage HOME: several lanes may run this in parallel, each before its first change, so each has a separate draft.
note_lineage() {
  claim_named "$1" && printf '%s\n%s\n%s\n' "$lineage" "$(date -u +%FT%TZ)" "${claimant:-}" >"$1/lineage.$BASHPID" &&
    mv "$1/lineage.$BASHPID" "$1/lineage"
}

# @call claim_lineage(runtime_dir owner dir_of_artifacts) effects
# enter_lineage runs before it and does the work.
claim_lineage() { :; }

# @call release_lineage(runtime_dir owner) removes
# Ends the claim once the owner has nothing left on the droplet.
release_lineage() {
  local home
  lineage_home
  [[ -d $home ]] || return 0
  owns_anything "$home" || effect "droplet/release" drop_named "$home"
}

# owns_anything HOME: whether the owner has a folder beside HOME, or its label on an artifact.
owns_anything() {
  local thing dir
  for thing in "$runtime_dir"/.[!.]*-"${owner##*:}" "$runtime_dir"/*/owner; do
    [[ $thing != "$1" && -e $thing ]] || continue
    [[ $thing != */owner ]] || is_ours "${thing%/owner}" || continue
    return 0
  done
  while IFS= read -r dir; do
    for thing in "$dir"/*/.hornet-users/"${owner##*:}"; do
      [[ ! -e $thing ]] || return 0
    done
  done < <(cat "$1/artifacts" 2>/dev/null)
  return 1
}
