# shellcheck shell=bash
# Reads a droplet: one call for all that Hornet knows there, whatever the number of clones.

# section NAME…: heads a part of the answer.
section() { printf '\035%s\n' "$*"; }

# @call gather_facts(runtime_dir owner quiet vmm_timeout_ms) answers: sections, see host/facts.ts; reads
# quiet: seconds to wait until nobody else changes the droplet (empty: read it as it is). Where somebody still changes it
# after that, the answer is one section, busy, that names them.
gather_facts() {
  local claim name mark home recovery_pid="" recovery_known=""
  local -a mine=()
  local -A claimed=()
  if [[ -n $quiet ]] && ! await_quiet "$quiet"; then
    section busy "$(lock_holder)"
    return 0
  fi
  section stamp "$(lock_stamp)"
  section links
  ip -j -d addr show
  section forwarding
  cat /proc/sys/net/ipv4/ip_forward
  section tables
  list_own_tables
  section namespaces
  # Mount points, not files: see has_netns.
  awk '$5 ~ "^/run/netns/" && !seen[$5]++ { print substr($5, 12) }' /proc/self/mountinfo
  keeper_home
  ! helper_works "$home" || section consoles "$(<"$home/limit")"
  gather_metrics
  gather_names
  gather_recovery
  section owners
  for claim in "$runtime_dir"/.[!.]*/owner; do
    is_roots_folder "${claim%/owner}" && { read -r mark <"$claim" && printf '%s\n' "$mark"; } 2>/dev/null
  done
  for claim in "$runtime_dir"/.bridge-*-"${owner##*:}"/origin; do
    if [[ ! -f $claim ]] || ! is_ours "${claim%/origin}"; then continue; fi
    name=${claim%-*} name=${name##*/.bridge-}
    section bridge "$name" "$(<"$claim")"
  done
  for claim in "$runtime_dir"/*/owner; do
    is_roots_folder "${claim%/owner}" || continue
    name=${claim%/owner} name=${name##*/}
    mark=$(<"$claim")
    if [[ $mark != hornet:* ]] && owns_namespace "$name"; then continue; fi
    claimed[$name]=1
    section claim "$name" "$mark"
    [[ $mark == "$owner" ]] || continue
    mine+=("$name")
    [[ ! -s ${claim%/owner}/begun ]] || section begun "$name"
  done
  # Namespaces of ours whose folder lost its mark. Those of others are not looked into.
  for name in /run/netns/*; do
    name=${name##*/}
    if [[ -n ${claimed[$name]:-} ]] || ! owns_namespace "$name"; then continue; fi
    section unmarked "$name" "$owner"
    mine+=("$name")
  done
  gather_clones "${mine[@]}"
}

# gather_clones NAME…: looks into clones, as many at once as there are cores: it is small processes, one after another. Each
# share is kept until it is whole: a pipe takes 64 KiB, and whoever is not read yet would wait.
gather_clones() {
  local width at fd
  local -a readers=()
  width=$(nproc)
  for ((at = 0; at < width && at < $#; at++)); do
    exec {fd}< <(printf '%s\n' "$(gather_share "$at" "$width" "$@")")
    readers+=("$fd")
  done
  for fd in "${readers[@]}"; do
    cat <&"$fd"
    exec {fd}<&-
  done
  return 0
}

# gather_share FIRST STEP NAME…: looks into every STEP-th clone from FIRST on, and asks their VMMs.
gather_share() {
  local at first=$(($1 + 1)) step=$2 pid
  local -a ask_later=() rated_later=() listed_later=()
  local -A vmm_of=() netns_there=() file_of=()
  local -a paths=()
  shift 2
  list_netns
  for ((at = first; at <= $#; at += step)); do
    pid=""
    read -r pid _ 2>/dev/null <"$runtime_dir/${!at}/vmm.pid" || :
    paths+=("$runtime_dir/${!at}" "$runtime_dir/${!at}/rootfs.ext4" ${pid:+"/proc/$pid/exe"})
  done
  list_files "${paths[@]}"
  for ((at = first; at <= $#; at += step)); do
    gather_namespace "${!at}"
    gather_vm "${!at}"
  done
  ask_vmms
  look_at_jails
}

# list_files PATH…: fills the array file_of, by one process: inode, size, mode and kind of those that are there.
list_files() {
  local path about
  while read -r path about; do
    file_of[$path]=$about
  done < <(stat -L -c '%n %i %s %a %F' "$@" 2>/dev/null)
}

# list_own_tables: the nft tables named hornet…, as JSON, one line each. The whole ruleset is not listed: beside Docker
# or Kubernetes it has thousands of rules that are not ours.
list_own_tables() {
  local family table
  while read -r _ family table; do
    [[ $family == ip && $table == hornet* ]] || continue
    nft -j -t list table ip "$table"
  done < <(nft list tables)
  return 0
}

# gather_namespace NAME: links, routes, forwarding and tables in it, a line each, by a shell that enters it once, ip and nft.
gather_namespace() {
  has_netns "$1" || return 0
  section inside "$1"
  # shellcheck disable=SC2016
  nsenter --net="/run/netns/$1" sh -c '
    ip -j -d -batch - <<END
addr show
route show
END
    # It reads one byte at a time, and a sysctl gives no second one: the digit is there, though read fails.
    read -r forwarding </proc/sys/net/ipv4/ip_forward || :
    # Interfaces that would take IPv6 from whoever is on them.
    set --
    for link in /proc/sys/net/ipv6/conf/*; do
      read -r off <"$link/disable_ipv6" || :
      if [ "$off" = 0 ]; then set -- "$@" "${link##*/}"; fi
    done 2>/dev/null
    read -r strict </proc/sys/net/ipv4/conf/all/rp_filter || :
    echo "$forwarding$strict $*"
    exec nft -j list table ip hornet 2>/dev/null' || :
}

# gather_vm NAME: what the clone's folder and its process say.
gather_vm() {
  local dir=$runtime_dir/$1 pid="" started="" boot="" recorded=0 found="" program="" disk="" opened="" noted baked="" told="" rated="" listed=""
  read -r pid started boot 2>/dev/null <"$dir/vmm.pid" || :
  if vmm_alive "$dir"; then
    recorded=1
  elif find_vmm "$dir" "$1" found; then
    pid=$found started=$(start_time "$found")
  else
    [[ -e $dir/vmm.pid ]] || return 0
    started=""
  fi
  section vm "$1"
  printf 'pid=%s\nrecorded=%s\n' "${pid:-0}" "$recorded"
  [[ ! -e $dir/disk-used ]] || printf 'used=1\n'
  [[ ! -e $dir/held ]] || printf 'held=1\n'
  [[ ! -s $dir/unsettled ]] || printf 'unsettled=1\n'
  gather_recoveries "$dir"
  [[ ! -e $dir/handover ]] || process_alive "$dir/handover" || printf 'uncleared=1\n'
  if [[ -e $dir/told ]]; then
    read -r told <"$dir/told"
    printf 'told=%s\n' "$told"
  fi
  gather_files "$dir" "/proc/${started:+$pid}/exe"
  while IFS= read -r noted; do
    printf 'record.%s\n' "$noted"
    [[ $noted != rates=* ]] || rated=1
    [[ $noted != jail=listed ]] || listed=1
    [[ $noted == disk_path=?* ]] || continue
    baked_path "$dir" "${noted#disk_path=}" baked
  done 2>/dev/null <"$dir/record"
  if [[ -n $started ]]; then
    gather_process "$1"
  else
    [[ $boot == "$(</proc/sys/kernel/random/boot_id)" ]] || printf 'rebooted=1\n'
    [[ ! -f $dir/vmm.exit ]] || printf 'exit=%s\n' "$(<"$dir/vmm.exit")"
    gather_end "$1"
  fi
}

# gather_files DIR PROGRAM: what the files of a clone are (see list_files), and what they were when its VMM had started. Into
# the variables program, disk and opened go inodes: of the program and the disk as they are, of the disk as it was.
gather_files() {
  local path inode size mode kind started_as=""
  # One that the clone's pid file does not name was not listed yet.
  [[ -n ${file_of[$2]:-} ]] || list_files "$2"
  read -r inode size mode kind <<<"${file_of[$1]:-}"
  [[ -z $mode ]] || printf 'mode=%s\n' "$mode"
  read -r inode size mode kind <<<"${file_of[$1/rootfs.ext4]:-}"
  [[ $kind != regular* ]] || { disk=$inode && printf 'disk=%s\n' "$size"; }
  program=${file_of[$2]:-} program=${program%% *}
  while read -r path inode size; do
    case $path in
      */exe) started_as=$inode ;;
      *) opened=$inode && printf 'disk_was=%s\n' "$size" ;;
    esac
  done 2>/dev/null <"$1/opened"
  [[ -z $started_as || -z $program || $program == "$started_as" ]] || printf 'other_program=1\n'
}

# gather_process NAME (arrays ask_later; rated_later: the clones whose config has rates; listed_later: see look_at_jails): what the VMM's process, variables pid, started and baked (its disk's path), says; see gather_files
# for disk and opened.
gather_process() {
  local dir=$runtime_dir/$1
  printf 'alive=1\nstart=%s\n' "$started"
  [[ "/proc/$pid/root" -ef / ]] || printf 'jailed=1\n'
  gather_limits "$pid" "$1"
  gather_guards "$pid"
  [[ ! /proc/$pid/ns/net -ef /run/netns/$1 ]] || printf 'in_namespace=1\n'
  if [[ -n $baked && "/proc/$pid/root$baked" -ef $dir/rootfs.ext4 ]]; then
    printf 'mounted=1\nown_disk=1\n'
  elif [[ -n $disk && $disk == "$opened" ]]; then
    # It opened the disk when it started, and that is the same file still.
    printf 'own_disk=1\n'
  fi
  [[ -z $rated ]] || rated_later+=("$1")
  [[ -z $listed ]] || listed_later+=("$1 $pid $started $dir")
  ask_later+=("$1")
}

# gather_guards PID: whether the kernel filters the system calls of a VMM (Seccomp of proc(5): 2), and what of its memory goes
# into a core dump.
gather_guards() {
  local text="" start=$'\nSeccomp:\t'
  # Read whole: see runs_as.
  IFS= read -r -d '' text 2>/dev/null <"/proc/$1/status"
  [[ ! $text =~ "$start"([0-9]) ]] || printf 'seccomp=%s\n' "${BASH_REMATCH[1]}"
  { read -r text <"/proc/$1/coredump_filter"; } 2>/dev/null && printf 'dumps=%s\n' "$text"
}

# ask_vmms (arrays ask_later and rated_later, clones): asks all VMMs of a share that live, and those that have declared rates for their
# configuration, each at once and by one process: one that hangs holds up no other. A VMM that does not answer at first is asked for
# its configuration for a second only.
ask_vmms() {
  section api
  ask_each / $((vmm_timeout_ms / 1000 + 1)) 4096 "${ask_later[@]}"
  section configs
  ask_each /vm/config 1 32768 "${rated_later[@]}"
}

# look_at_jails (array listed_later: input lines of look.pl): compares jails with the lists that their VMMs' starts wrote.
look_at_jails() {
  ((${#listed_later[@]} > 0)) || return 0
  section jails
  printf '%s\n' "${listed_later[@]}" | perl -e "$common_program$entries_program$compare_program$look_program"
}

# ask_each PATH SECONDS BYTES NAME…: answers "NAME BODY", see ask.pl.
ask_each() {
  local name
  (($# > 3)) || return 0
  for name in "${@:4}"; do printf '%s %s\n' "$name" "$runtime_dir/$name/firecracker.sock"; done |
    perl -e "$ask_program" "${@:1:3}" 2>/dev/null
}
