# shellcheck shell=bash
# The limits of a clone's VMM: its cgroup hornet-STACK/NAMESPACE, in the hierarchy of each controller (version 1) or in the only one
# (version 2), and the limits of its process (setrlimit(2)). A VMM joins its cgroup before it becomes Firecracker. The variable
# vmm_limits has lines "CONTROLLER VERSION limit|free FILE VALUE" and "process files|file_size VALUE"; see plan/vm/limits.ts. A
# controller that limits nothing gets no cgroup. What the droplet does not offer limits nothing, which npm run doctor reports.

cgroup_root=/sys/fs/cgroup
# The controllers that Hornet gave to the children of the root, version 2.
cgroup_note=/run/hornet-cgroups

# cgroup_version: puts 1 or 2 into the variable version, and into the array offered the controllers that Hornet can use.
cgroup_version() {
  local controller found=" " given=" "
  offered=() version=1
  if [[ ! -e $cgroup_root/cgroup.controllers ]]; then
    for controller in cpu memory pids; do [[ ! -w $cgroup_root/$controller/cgroup.procs ]] || offered+=("$controller"); done
    return 0
  fi
  version=2
  [[ -w $cgroup_root/cgroup.subtree_control ]] || return 0
  found=" $(<"$cgroup_root/cgroup.controllers") " given=" $(<"$cgroup_root/cgroup.subtree_control") "
  for controller in cpu memory pids; do
    [[ $found == *" $controller "* ]] || continue
    # A cgroup that has processes gives its children no controllers, but for the machine's root, which alone has no type.
    [[ $given != *" $controller "* && -e $cgroup_root/cgroup.type && -n $(<"$cgroup_root/cgroup.procs") ]] || offered+=("$controller")
  done
}

# cgroup_folder CONTROLLER NAMESPACE VARIABLE (variables version owner): puts into it where the clone's cgroup is.
cgroup_folder() {
  local at=$cgroup_root
  ((version == 2)) || at+=/$1
  printf -v "$3" '%s' "$at/hornet-${owner##*:}/$2"
}

# list_cgroups NAMESPACE: fills the array cgroups with the folders of the clone's cgroup that exist.
list_cgroups() {
  local folder
  cgroups=()
  for folder in "$cgroup_root/hornet-${owner##*:}/$1" "$cgroup_root"/{cpu,memory,pids}/"hornet-${owner##*:}/$1"; do
    [[ ! -d $folder ]] || cgroups+=("$folder")
  done
}

has_cgroup() {
  local -a cgroups
  list_cgroups "$1"
  ((${#cgroups[@]} > 0))
}

# make_cgroup NAMESPACE (variables owner vmm_limits): an empty cgroup with the limits, so that it counts nothing of an earlier VMM.
make_cgroup() { drop_cgroup "$1" && set_limits "$1"; }

# set_limits NAMESPACE (variables owner vmm_limits)
set_limits() {
  local version controller kind file value folder of known=""
  local -a offered lines
  cgroup_version
  mapfile -t lines <<<"${vmm_limits:-}"
  for line in "${lines[@]}"; do
    read -r controller of kind file value <<<"$line"
    [[ $of == "$version" && " ${offered[*]} " == *" $controller "* ]] || continue
    cgroup_folder "$controller" "$1" folder
    if [[ $kind == limit && $known != *" $controller "* ]]; then
      join_cgroup "$controller" "$folder" || by_turns open_cgroup "$controller" "$folder" || return
      known+=" $controller "
    fi
    # A cgroup that was never made limits nothing, and a kernel may have no file for swap.
    [[ -e $folder/$file ]] || continue
    [[ $value != above ]] || value=$(<"${folder%/*}/$file")
    write_cgroup "$folder" "$file" "$value" || return
  done
}

# write_cgroup FOLDER FILE VALUE: version 1 takes no limit of memory above the one of memory and swap together, which comes after it.
write_cgroup() {
  [[ $2 != memory.limit_in_bytes || ! -e $1/memory.memsw.limit_in_bytes ]] || echo -1 >"$1/memory.memsw.limit_in_bytes" || return
  { printf '%s\n' "$3" >"$1/$2"; } 2>/dev/null || fail "the kernel does not take $3 for $1/$2"
}

# join_cgroup CONTROLLER FOLDER (variable version): makes it where the cgroup above exists and has the controller. The turn that
# open_cgroup takes costs a process. The second look finds a cgroup above that another lane has removed and made again.
join_cgroup() {
  local parent=${2%/*} look
  for look in before after; do
    ((version == 1)) || [[ " $(<"$parent/cgroup.subtree_control") " == *" $1 "* ]] || return
    [[ $look == after || -d $2 ]] || { [[ -d $parent ]] && step folder "$2"; } || return
  done
} 2>/dev/null

# open_cgroup CONTROLLER FOLDER (variable version): makes it; in version 2 the cgroups above give it the controller.
open_cgroup() {
  local parent=${2%/*}
  [[ -d $parent ]] || mkdir -p "$parent" || return
  if ((version == 2)); then
    if [[ " $(<"$cgroup_root/cgroup.subtree_control") " != *" $1 "* ]]; then
      printf '%s\n' "$1" >>"$cgroup_note" && echo "+$1" >"$cgroup_root/cgroup.subtree_control" || return
    fi
    [[ " $(<"$parent/cgroup.subtree_control") " == *" $1 "* ]] || echo "+$1" >"$parent/cgroup.subtree_control" || return
  fi
  mkdir -p "$2"
}

# drop_cgroup NAMESPACE (variable owner): ends what runs in the clone's cgroup and removes it.
drop_cgroup() {
  local -a cgroups
  list_cgroups "$1"
  ((${#cgroups[@]} > 0)) || return 0
  end_cgroup "$1" && by_turns remove_cgroups "${cgroups[@]}"
}

# end_cgroup NAMESPACE (variable owner): ends all processes in it. A hostile VMM may have started others, which its end leaves.
end_cgroup() {
  local folder pid tries=200 left=1
  local -a cgroups pids
  list_cgroups "$1"
  # It starts no more meanwhile.
  for folder in "${cgroups[@]}"; do [[ ! -e $folder/pids.max ]] || echo 0 >"$folder/pids.max" || return; done
  while ((left)); do
    left=0
    for folder in "${cgroups[@]}"; do
      mapfile -t pids <"$folder/cgroup.procs"
      for pid in "${pids[@]}"; do
        left=1
        # Another pid namespace's are shown as 0.
        ((pid == 0)) || kill -9 "$pid" 2>/dev/null
      done
    done
    ((!left)) && break
    ((tries-- > 0)) || { fail "processes in the cgroup of $1 do not end: ${pids[*]}"; return 1; }
    pause 0.005
  done
}

# remove_cgroups FOLDER…: the folder above goes with the last one, and with that the controllers that Hornet gave to it.
remove_cgroups() {
  local folder tries
  for folder; do
    tries=200
    # A process that has ended counts for a moment longer.
    until rmdir "$folder" 2>/dev/null || [[ ! -d $folder ]]; do
      ((tries-- > 0)) || { fail "the cgroup $folder cannot be removed"; return 1; }
      pause 0.005
    done
    has_folders "${folder%/*}" || rmdir "${folder%/*}" 2>/dev/null || :
  done
  take_controllers_back
}

# has_folders FOLDER: whether a folder is in it; starts no process. A cgroup's files do not keep it.
has_folders() {
  local entry
  for entry in "$1"/*/; do [[ ! -d $entry ]] || return 0; done
  return 1
}

take_controllers_back() {
  local controller
  [[ -e $cgroup_note ]] && ! compgen -G "$cgroup_root/hornet-*" >/dev/null || return 0
  while read -r controller; do
    # It fails where somebody else below the root uses the controller by now.
    { echo "-$controller" >"$cgroup_root/cgroup.subtree_control"; } 2>/dev/null || :
  done <"$cgroup_note"
  rm -f "$cgroup_note"
}

# sweep_cgroups: the cgroups of clones that nothing else names any more. Variable owner.
sweep_cgroups() {
  local folder name
  for folder in "$cgroup_root/hornet-${owner##*:}" "$cgroup_root"/{cpu,memory,pids}/"hornet-${owner##*:}"; do
    [[ -d $folder ]] || continue
    for name in "$folder"/*/; do
      name=${name%/} name=${name##*/}
      [[ $name == '*' ]] || effect "sweep/cgroup-$name" drop_cgroup "$name" || return
    done
    # One that was cut off before a clone's was made.
    [[ ! -d $folder ]] || effect "sweep/cgroup" by_turns remove_cgroups "$folder" || return
  done
  [[ ! -e $cgroup_note ]] || effect "sweep/controllers" by_turns take_controllers_back
}

# process_limit KEY VARIABLE (variable vmm_limits): puts "VALUE" of the line "process KEY VALUE" into it.
process_limit() {
  local line
  local -a lines
  mapfile -t lines <<<"${vmm_limits:-}"
  for line in "${lines[@]}"; do
    [[ $line != "process $1 "* ]] || printf -v "$2" '%s' "${line#process "$1" }"
  done
}

# file_size_limit DIR VARIABLE (variable vmm_limits): puts the bytes into it, also for the disk whose size only the droplet knows.
file_size_limit() {
  local limit="" disk=0
  process_limit file_size limit
  # The operator knows the disk's size.
  [[ $limit != "auto "* ]] || { printf -v "$2" '%s' "${limit##* }"; return; }
  [[ -z $limit || ! -f $1/rootfs.ext4 ]] || disk=$(stat -L -c %s "$1/rootfs.ext4")
  if [[ $limit == "at least "* ]]; then
    limit=${limit##* }
    ((disk + 64 * 1024 * 1024 <= limit)) || limit=$((disk + 64 * 1024 * 1024))
  elif [[ -n $limit ]] && ((limit < disk)); then
    fail "hornet:vmm.limits.fileSize is $limit bytes and the clone's disk has $disk: its VMM would end at a write behind the limit"
    return 1
  fi
  printf -v "$2" '%s' "$limit"
}

# limit_again PID DIR NAMESPACE (variables owner vmm_limits): sets the limits of a VMM that runs, and brings it into its cgroup.
limit_again() {
  local folder files="" size=""
  local -a cgroups
  process_limit files files
  file_size_limit "$2" size && set_limits "$3" || return
  list_cgroups "$3"
  for folder in "${cgroups[@]}"; do echo "$1" >"$folder/cgroup.procs" || return; done
  # See common.sh; an earlier Hornet started VMMs without it.
  { printf 0 >"/proc/$1/coredump_filter"; } 2>/dev/null || :
  ! sets_process_limits || prlimit --pid "$1" --nofile="$files" --fsize="$size"
}

# sets_process_limits: whether Hornet can change the limits of a process that runs, which takes CAP_SYS_RESOURCE; root in some
# containers has none.
sets_process_limits() {
  local status=""
  IFS= read -r -d '' status 2>/dev/null </proc/self/status
  [[ $status =~ CapEff:$'\t'([0-9a-f]+) ]] && ((16#${BASH_REMATCH[1]} >> 24 & 1))
}

# gather_limits PID NAMESPACE: the limits of a VMM that runs; see parseLimits in host/facts.ts.
gather_limits() {
  local version line names controller folder file value text="" inside=""
  local -a offered lines=() cgroups=()
  cgroup_version
  printf 'cgroup=%s %s\n' "$version" "${offered[*]}"
  mapfile -t lines 2>/dev/null <"/proc/$1/cgroup"
  for line in "${lines[@]}"; do
    # A simulated droplet's root is not the machine's.
    [[ $line == */hornet-"${owner##*:}/$2" ]] || continue
    names=${line#*:} names=${names%%:*}
    for controller in cpu memory pids; do
      [[ ($version == 2 && -z $names) || ",$names," == *",$controller,"* ]] || continue
      cgroup_folder "$controller" "$2" folder
      # In version 2 a cgroup has the files of the controllers that were given to it.
      [[ $version == 1 ]] || compgen -G "$folder/$controller.*max" >/dev/null || continue
      inside+=" $controller"
    done
  done
  printf 'inside=%s\n' "${inside# }"
  list_cgroups "$2"
  for folder in "${cgroups[@]}"; do
    { read -r value <"${folder%/*}/memory.swappiness"; } 2>/dev/null && printf 'cgroup.above.memory.swappiness=%s\n' "$value"
    for file in "$folder"/{cpu.cfs_period_us,cpu.cfs_quota_us,cpu.max,memory.limit_in_bytes,memory.memsw.limit_in_bytes,memory.swappiness,memory.max,memory.swap.max,pids.max}; do
      { read -r value <"$file"; } 2>/dev/null && printf 'cgroup.%s=%s\n' "${file##*/}" "$value"
    done
  done
  sets_process_limits || return 0
  # Read whole: see runs_as.
  IFS= read -r -d '' text 2>/dev/null <"/proc/$1/limits"
  [[ ! $text =~ "Max open files "\ *([a-z0-9]+) ]] || printf 'rlimit.files=%s\n' "${BASH_REMATCH[1]}"
  [[ ! $text =~ "Max file size "\ *([a-z0-9]+) ]] || printf 'rlimit.file_size=%s\n' "${BASH_REMATCH[1]}"
}

# gather_end NAMESPACE: the limits that a VMM met before it ended, with their values.
gather_end() {
  local folder key count limit
  local -a cgroups
  list_cgroups "$1"
  for folder in "${cgroups[@]}"; do
    while read -r key count; do
      [[ $key == oom_kill && $count != 0 ]] || continue
      { read -r limit <"$folder/memory.max" || read -r limit <"$folder/memory.limit_in_bytes"; } 2>/dev/null
      printf 'met.memory=%s\n' "$limit"
    done 2>/dev/null < <(cat "$folder/memory.events" "$folder/memory.oom_control" 2>/dev/null)
    { read -r key count <"$folder/pids.events"; } 2>/dev/null || continue
    [[ $count != 0 ]] && read -r limit <"$folder/pids.max" && printf 'met.pids=%s\n' "$limit"
  done
  return 0
}
