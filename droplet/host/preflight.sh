# shellcheck shell=bash
# What a droplet is and has, before anything on it is changed.

# @call preflight_facts(runtime_dir owner dir_of_artifacts paths more_tools state_file firecracker jailer? limits bridge network bridge_address bridge_rules internet packets) answers: key=value; reads
# firecracker: see list_programs. paths: one a line. state_file: that of a snapshot without a manifest, or empty. more_tools:
# names, blank between. limits and bridge: see limit_facts. The last five: see network_facts.
preflight_facts() {
  local path networks
  local -a marks
  # Beside the rest: all of it is small processes, one after the other.
  preflight_programs &
  # Kept until it is whole: two writers would mix their lines.
  exec {networks}< <(printf '%s\n' "$(network_facts)")
  printf 'uid=%s\n' "$EUID"
  printf 'system=%s\n' "$(sed -n 's/^PRETTY_NAME="\{0,1\}\([^"]*\)"\{0,1\}$/\1/p' /etc/os-release 2>/dev/null)"
  printf 'kernel=%s\n' "$(</proc/sys/kernel/osrelease)"
  printf 'machine=%s\n' "$(uname -m)"
  printf 'cpu=%s\n' "$(sed -n '/^model name[[:space:]]*: /{s///p;q}' /proc/cpuinfo)"
  printf 'cpu_features=%s\n' "$(cpu_features)"
  printf 'cores=%s\n' "$(nproc)"
  printf 'memory_kib=%s\n' "$(available_memory)"
  printf 'clock=%s\n' "$EPOCHREALTIME"
  printf 'forwarding=%s\n' "$(</proc/sys/net/ipv4/ip_forward)"
  printf 'cgroup=%s\n' "$(stat -f -c %T /sys/fs/cgroup 2>/dev/null)"
  limit_facts
  list_controllers
  host_facts
  # Only root may ask; what a droplet without sshd allows nobody needs to know.
  sshd -T 2>/dev/null | sed -n 's/^maxsessions /max_sessions=/p; s/^allowtcpforwarding /tcp_forwarding=/p; s/^disableforwarding /no_forwarding=/p'
  printf 'kvm=%s\n' "$(kvm_state)"
  printf 'room.runtime=%s\n' "$(room_at "$runtime_dir")"
  printf 'room.artifacts=%s\n' "$(room_at "$dir_of_artifacts")"
  printf 'room.run=%s\n' "$(room_at /run)"
  printf 'clone_kib=%s\n' "$(memory_of_clones)"
  marks=("$dir_of_artifacts"/*/.hornet-users/"${owner##*:}")
  [[ ! -e ${marks[0]} ]] || printf 'artifacts=%s\n' "${#marks[@]}"
  while IFS= read -r path; do
    [[ -z $path ]] || printf 'file.%s=%s\n' "$path" "$(stat -L -c '%s %b %B %d' -- "$path" 2>/dev/null)"
  done <<<"$paths"
  cat <&"$networks"
  exec {networks}<&-
  wait
}

# preflight_programs: the part of preflight_facts that is about what is installed.
preflight_programs() {
  local tool path
  for tool in ip nft perl nsenter unshare prlimit mount setsid flock realpath stat cp sha256sum fallocate ssh-keyscan grep sed $more_tools; do
    # The shell finds a file that cannot be executed too, where there is no other.
    hash "$tool" 2>/dev/null
    path=${BASH_CMDS[$tool]:-}
    [[ -x $path ]] || path=""
    printf 'tool.%s=%s\n' "$tool" "$path"
  done
  printf 'version.nft=%s\n' "$(nft --version 2>/dev/null)"
  printf 'version.ip=%s\n' "$(ip -V 2>/dev/null)"
  printf 'version.bash=%s\n' "$BASH_VERSION"
  list_programs | awk '{ print "program." NR "=" $0 }'
  if [[ -f $state_file ]]; then
    printf 'head=%s\n' "$(path=$state_file snapshot_head | tr -d '\n')"
    printf 'described=%s\n' "$(describe_snapshot)"
  fi
}

# describe_snapshot: variables firecracker state_file. Its format in the words of the first program that reads it; where none
# does, the last one's words.
describe_snapshot() {
  local version path said=""
  while read -r version _ path; do
    [[ $version == - || $version == jailer ]] || said=$(timeout 10 "$path" --describe-snapshot "$state_file" 2>/dev/null </dev/null | sed q)
    [[ ! $said =~ ^v[0-9] ]] || break
  done < <(list_programs)
  printf '%s' "$said"
}

# cpu_features: the line of /proc/cpuinfo that lists what the CPU can do: "flags : …", on Arm "Features : …".
cpu_features() { sed -n '/^\(flags\|Features\)[[:space:]]*:/{p;q}' /proc/cpuinfo; }

# @call count_cores() answers: how many processes can run at once; reads
count_cores() { nproc; }

# list_controllers: those of cgroups that can limit a VMM (see cgroup.sh), and what shows why others cannot: the version of cgroups,
# the controllers of its second version, and the kernel's own list as NAME:HIERARCHY:ENABLED.
list_controllers() {
  local version root name hierarchy enabled kernel="" text=""
  local -a offered
  cgroup_version
  printf 'cgroups=%s\ncgroup_version=%s\n' "${offered[*]}" "$version"
  for root in "$cgroup_root" "$cgroup_root/unified"; do
    [[ ! -e $root/cgroup.controllers ]] || printf 'cgroup_unified=%s\n' "$(<"$root/cgroup.controllers")"
  done
  # Read whole: see runs_as.
  IFS= read -r -d '' text 2>/dev/null </proc/cgroups
  while read -r name hierarchy _ enabled; do
    [[ $name == "#"* || -z $name ]] || kernel+=" $name:$hierarchy:$enabled"
  done <<<"$text"
  printf 'cgroup_kernel=%s\n' "${kernel# }"
}

# kvm_state: whether this process can open /dev/kvm.
kvm_state() {
  if [[ ! -e /dev/kvm ]]; then
    printf 'missing'
  elif { : <>/dev/kvm; } 2>/dev/null; then
    printf 'usable'
  else
    printf 'refused'
  fi
}

# available_memory: KiB that processes can have: of the machine, or what the memory limit of this session's cgroups leaves,
# the page cache not counted.
available_memory() {
  local path line most used cached least
  read -r _ least _ < <(grep '^MemAvailable:' /proc/meminfo)
  while IFS= read -r line; do [[ $line != 0::* ]] || path=${line#0::}; done </proc/self/cgroup
  while [[ -n ${path:-} && $path != / ]]; do
    if { read -r most <"/sys/fs/cgroup$path/memory.max" && read -r used <"/sys/fs/cgroup$path/memory.current"; } 2>/dev/null &&
      [[ $most != max ]]; then
      read -r _ cached < <(grep '^file ' "/sys/fs/cgroup$path/memory.stat")
      ((least < (most - used + cached) / 1024)) || least=$(((most - used + cached) / 1024))
    fi
    path=${path%/*}
  done
  printf '%s' "$least"
}

# room_at PATH: KiB and inodes free in the file system that PATH is in, or will be (-: it counts no inodes), whether it can be
# written to, its device, its type and its mount's options.
room_at() {
  local path=$1 free inodes all
  while [[ ! -d $path ]]; do path=${path%/*} path=${path:-/}; done
  free=$(df --output=avail,iavail,itotal -k "$path")
  read -r free inodes all <<<"${free##*$'\n'}"
  # btrfs, and a tmpfs with nr_inodes=0, have none and none free.
  [[ $all != 0 ]] || inodes=-
  printf '%s %s ' "$free" "$inodes"
  if [[ -w $path ]]; then printf 'writable '; else printf 'read-only '; fi
  printf '%s %s %s' "$(stat -c %d "$path")" "$(stat -f -c %T "$path")" "$(mount_options "$path")"
}

# mount_options FOLDER: those of the mount that it is on. By its id: of two mounts on one another findmnt names the lower one too.
mount_options() {
  local fd line id=""
  exec {fd}<"$1" || return 0
  while read -r line; do [[ $line != mnt_id:* ]] || id=${line#*:}; done <<<"$(</proc/self/fdinfo/$fd)"
  awk -v id="${id//[[:space:]]/}" '$1 == id { print $6 }' /proc/self/mountinfo
  exec {fd}<&-
}

# memory_of_clones: KiB that the running clones of this machine have for themselves, on average; 0 where none runs.
memory_of_clones() {
  local record pid sum=0 count=0 kib
  for record in "$runtime_dir"/*/vmm.pid; do
    [[ -f $record ]] || continue
    vmm_alive "${record%/vmm.pid}" || continue
    read -r pid _ <"$record"
    kib=$(awk '/^Private_/ { sum += $2 } END { print sum + 0 }' "/proc/$pid/smaps_rollup" 2>/dev/null)
    sum=$((sum + ${kib:-0})) count=$((count + 1))
    ((count < 8)) || break
  done
  printf '%d' $((count == 0 ? 0 : sum / count))
}
