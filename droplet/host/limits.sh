# shellcheck shell=bash
# Limits of the kernel that a large fleet meets. Those that are sysctls are raised for as long as a stack needs it. Its
# folder .limits-ID below the runtime folder remembers in the file raised, as lines "KEY BEFORE TO", what they were before.

# @call limit_facts(runtime_dir owner limits bridge) answers: key=value; reads
# limits: names of sysctls, blank between. bridge may be empty.
limit_facts() {
  local key file value before to mode namespaces
  local -a ports
  for key in $limits; do
    file=$(sysctl_file "$key") value=""
    { read -r value <"$file"; } 2>/dev/null || continue
    mode=r
    [[ ! -w $file ]] || mode=w
    printf 'limit.%s=%s %s\n' "$key" "$value" "$mode"
  done
  if [[ -f $(limits_folder)/raised ]]; then
    while read -r key before to; do printf 'raised.%s=%s %s\n' "$key" "$before" "$to"; done <"$(limits_folder)/raised"
  fi
  read -r _ _ _ value _ </proc/loadavg
  printf 'tasks=%s\n' "${value#*/}"
  read -r value _ </proc/sys/fs/file-nr
  printf 'open_files=%s\n' "$value"
  namespaces=(/run/netns/*)
  printf 'namespaces=%s\n' "${#namespaces[@]}"
  printf 'nofile=%s\n' "$(ulimit -n)"
  printf 'cgroup_pids=%s\n' "$(cgroup_pids)"
  printf 'commit=%s %s\n' "$(</proc/sys/vm/overcommit_memory)" \
    "$(awk '/^CommitLimit:/ { limit = $2 } /^Committed_AS:/ { used = $2 } END { print limit - used }' /proc/meminfo)"
  if [[ -n $bridge && -d /sys/class/net/$bridge/brif ]]; then
    ports=("/sys/class/net/$bridge/brif"/*)
    [[ -e ${ports[0]} ]] || ports=()
    printf 'bridge_ports=%s\n' "${#ports[@]}"
  fi
}

# sysctl_file KEY: interfaces have dots in their names; none of the limits has.
sysctl_file() { printf '/proc/sys/%s' "${1//.//}"; }

limits_folder() { printf '%s/.limits-%s' "$runtime_dir" "${owner##*:}"; }

# cgroup_pids: how many processes the cgroups of this session still take, and the tightest one's path; nothing where none
# has a limit. systemd sets one on the slice of every user and on every session (TasksMax, systemd.resource-control(5)).
cgroup_pids() {
  local line path root most used least="" tightest=""
  while IFS= read -r line; do
    case $line in
      0::*) root=/sys/fs/cgroup path=${line#0::} ;;
      *:pids:*) root=/sys/fs/cgroup/pids path=${line#*:pids:} ;;
      *) continue ;;
    esac
    while [[ -n $path && $path != / ]]; do
      if { read -r most <"$root$path/pids.max" && read -r used <"$root$path/pids.current"; } 2>/dev/null &&
        [[ $most != max ]] && { [[ -z $least ]] || ((most - used < least)); }; then
        least=$((most - used)) tightest=$path
      fi
      path=${path%/*}
    done
  done </proc/self/cgroup
  [[ -z $least ]] || printf '%s %s' "$least" "$tightest"
}

# @call raise_limits(runtime_dir owner known raise) answers: KEY BEFORE TO, a line each; effects
# raise: lines "KEY TO". known: what the state remembers, lines "KEY BEFORE TO". Limits that were raised before and have sunk
# since are raised again. Answers with the note as it is then.
raise_limits() {
  local dir key to before value
  dir=$(limits_folder)
  effect "limits/claim" claim "$dir" || return
  effect "limits/note" note_limits "$dir" || return
  while read -r key before to; do
    { read -r value <"$(sysctl_file "$key")"; } 2>/dev/null || continue
    ((value >= to)) || effect "limits/$key" write_limit "$key" "$to" || return
  done <"$dir/raised"
  cat "$dir/raised"
}

# note_limits DIR: notes what is to be raised before it is. What it was before is noted once, and it never is to be less.
note_limits() {
  local key before to
  local -a order=()
  local -A was=() will=()
  while read -r key before to; do
    [[ -n $key ]] || continue
    [[ -n ${was[$key]:-} ]] || order+=("$key")
    was[$key]=${was[$key]:-$before} will[$key]=$to
  done < <(cat "$1/raised" 2>/dev/null || printf '%s\n' "$known")
  while read -r key to; do
    [[ -n $key ]] || continue
    [[ -n ${was[$key]:-} ]] || order+=("$key")
    was[$key]=${was[$key]:-$(<"$(sysctl_file "$key")")}
    ((${will[$key]:-0} >= to)) || will[$key]=$to
  done <<<"$raise"
  for key in "${order[@]}"; do printf '%s %s %s\n' "$key" "${was[$key]}" "${will[$key]}"; done >"$1/raised.draft" &&
    mv "$1/raised.draft" "$1/raised"
}

# write_limit KEY VALUE
write_limit() {
  printf '%s\n' "$2" >"$(sysctl_file "$1")" || fail "$1 cannot be set to $2 on the droplet; set it with: sysctl -w $1=$2"
}

# @call return_limits(runtime_dir owner known) removes
# Restores what this stack raised, or hands the duty over to a stack that stays. A value that somebody else has raised
# further, or lowered, stays.
return_limits() {
  local dir key before to value heir raise=""
  dir=$(limits_folder)
  if ! is_ours "$dir"; then
    [[ -n $known ]] || return 0
    effect "limits/claim" claim "$dir" && effect "limits/note" note_limits "$dir" || return
  fi
  heir=$(limits_heir)
  while read -r key before to; do
    if [[ -n $heir ]]; then
      effect "limits/hand-over-$key" hand_over_limit "$heir" "$key" "$before" "$to" || return
      continue
    fi
    { read -r value <"$(sysctl_file "$key")"; } 2>/dev/null || continue
    ((value <= before || value > to)) || effect "limits/back-$key" write_limit "$key" "$before" || return
  done <"$dir/raised"
  effect "limits/unclaim" unclaim "$dir"
}

# limits_heir: the owner label of another stack that has something on this droplet; one that raised limits itself comes first.
limits_heir() { other_owner "$runtime_dir"/.limits-*/owner "$runtime_dir"/.bridge-*/owner "$runtime_dir"/*/owner; }

# hand_over_limit HEIR KEY BEFORE TO: from now on it is the heir's to give back, from the higher value to the lower one.
hand_over_limit() {
  local owner=$1 raise="" known="" dir was will
  dir=$(limits_folder)
  claim "$dir" || return
  read -r was will < <(sed -n "s/^${2//./\\.} //p" "$dir/raised" 2>/dev/null)
  ((${was:-$3} < $3)) || was=$3
  ((${will:-$4} > $4)) || will=$4
  { grep -v "^${2//./\\.} " "$dir/raised" 2>/dev/null; printf '%s %s %s\n' "$2" "$was" "$will"; } >"$dir/raised.draft"
  mv "$dir/raised.draft" "$dir/raised"
}
