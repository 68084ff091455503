# shellcheck shell=bash
# What hornet:droplet.harden changes of a droplet (see plan/preflight/hardening.ts), for as long as a stack wants it. Its folder
# .hardening-ID below the runtime folder remembers in the file changed, as lines "KEY BEFORE TO", what the values were before.

hardening_folder() { printf '%s/.hardening-%s' "$runtime_dir" "${owner##*:}"; }

# hardening_file KEY VARIABLE: puts into it the kernel's file, or the device whose mode it is.
hardening_file() {
  case $1 in
    ksm) printf -v "$2" /sys/kernel/mm/ksm/run ;;
    smt) printf -v "$2" /sys/devices/system/cpu/smt/control ;;
    nx_huge_pages) printf -v "$2" /sys/module/kvm/parameters/nx_huge_pages ;;
    kvm) printf -v "$2" /dev/kvm ;;
    *) return 1 ;;
  esac
}

# hardening_value KEY VARIABLE: puts the present value into it; fails if there is none.
hardening_value() {
  local file line=""
  hardening_file "$1" file && [[ -e $file ]] || return
  if [[ $1 == kvm ]]; then line=$(stat -L -c %a "$file"); else read -r line <"$file"; fi
  printf -v "$2" '%s' "$line"
}

# hardening_notes: key=value: what Hornet can change here, and what it has changed.
hardening_notes() {
  local key file before to
  for key in ksm smt nx_huge_pages kvm; do
    hardening_file "$key" file
    [[ -w $file ]] || continue
    # On a mount that is read-only, a device can be written to, and its mode cannot be changed.
    [[ $key != kvm || ,$(mount_options "$file" /dev), != *,ro,* ]] || continue
    printf 'hardenable.%s=yes\n' "$key"
  done
  [[ -f $(hardening_folder)/changed ]] || return 0
  while read -r key before to; do printf 'hardened.%s=%s %s\n' "$key" "$before" "$to"; done <"$(hardening_folder)/changed"
}

# mount_options PATH FOLDER: the options of the topmost mount at PATH, or else at FOLDER, which it is in.
mount_options() {
  awk -v at="$1" -v above="$2" '$5 == at { own = $6 } $5 == above { other = $6 } END { print own == "" ? other : own }' /proc/self/mountinfo
}

# @call hardening_facts(runtime_dir owner) answers: key=value; reads
hardening_facts() {
  host_facts
}

# @call harden_droplet(runtime_dir owner known points harden) answers: KEY BEFORE TO, a line each; effects
# harden: lines "KEY TO". known: what the state remembers, lines "KEY BEFORE TO". What was changed before, and is another value
# now, is changed again; what is not among the points (blank between) any more is given back.
harden_droplet() {
  local dir key to before value
  dir=$(hardening_folder)
  effect "hardening/claim" claim "$dir" || return
  effect "hardening/note" note_hardening "$dir" || return
  while read -r key before to; do
    [[ -n $key ]] || continue
    if [[ " $points " != *" $key "* ]]; then
      give_back "$key" "$before" "$to" && effect "hardening/forget-$key" forget_hardening "$dir" "$key" || return
    elif hardening_value "$key" value && [[ $value != "$to" ]]; then
      effect "hardening/$key" set_hardening "$key" "$to" || return
    fi
  done <<<"$(<"$dir/changed")"
  cat "$dir/changed"
}

forget_hardening() { sed "/^$2 /d" "$1/changed" >"$1/changed.draft" && mv "$1/changed.draft" "$1/changed"; }

# give_back KEY BEFORE TO: unless somebody else has changed it since, or another stack wants it.
give_back() {
  local value heir
  heir=$(hardening_heir)
  if [[ -n $heir ]]; then
    effect "hardening/hand-over-$1" hand_over_hardening "$heir" "$1" "$2" "$3"
  elif hardening_value "$1" value && [[ $value == "$3" ]]; then
    effect "hardening/back-$1" set_hardening "$1" "$2"
  fi
}

# note_hardening DIR (variables known harden): notes values before it changes them; the first value before counts.
note_hardening() {
  local key before to value
  local -a order=()
  local -A was=() will=()
  while read -r key before to; do
    [[ -n $key && -z ${was[$key]:-} ]] || continue
    order+=("$key") was[$key]=$before will[$key]=$to
  done < <(cat "$1/changed" 2>/dev/null || printf '%s\n' "$known")
  while read -r key to; do
    [[ -n $key ]] || continue
    if [[ -z ${was[$key]:-} ]]; then
      hardening_value "$key" value || continue
      order+=("$key") was[$key]=$value
    fi
    will[$key]=$to
  done <<<"$harden"
  for key in "${order[@]}"; do printf '%s %s %s\n' "$key" "${was[$key]}" "${will[$key]}"; done >"$1/changed.draft" &&
    mv "$1/changed.draft" "$1/changed"
}

# set_hardening KEY VALUE
set_hardening() {
  local file
  hardening_file "$1" file
  if [[ $1 == kvm ]]; then chmod "$2" "$file"; else { printf '%s\n' "$2" >"$file"; } 2>/dev/null; fi ||
    fail "$file cannot be set to $2 on the droplet (hornet:droplet.harden)"
}

# @call release_hardening(runtime_dir owner known) removes
# Gives back what this stack changed, or leaves that to a stack of the droplet that hardens it too. A value that somebody else has
# changed since stays.
release_hardening() {
  local dir key before to
  dir=$(hardening_folder)
  if ! is_ours "$dir"; then
    [[ -n $known ]] || return 0
    effect "hardening/claim" claim "$dir" && harden="" effect "hardening/note" note_hardening "$dir" || return
  fi
  if [[ -f $dir/changed ]]; then
    while read -r key before to; do [[ -z $key ]] || give_back "$key" "$before" "$to" || return; done <<<"$(<"$dir/changed")"
  fi
  effect "hardening/unclaim" unclaim "$dir"
}

# hardening_heir: the owner label of another stack that hardens this droplet.
hardening_heir() { other_owner "$runtime_dir"/.hardening-*/owner; }

# hand_over_hardening HEIR KEY BEFORE TO: from now on the heir gives it back.
hand_over_hardening() {
  local owner=$1 dir
  dir=$(hardening_folder)
  grep -qs "^$2 " "$dir/changed" || printf '%s %s %s\n' "$2" "$3" "$4" >>"$dir/changed"
}
