# shellcheck shell=sh
# shellcheck disable=SC1091
# Applies a document, with one function for each part; keys.sh and agent.sh have the larger ones. hornet-identity sources
# them, and Hornet sends them with over-ssh.sh to guests without that service, so they are plain POSIX shell. `say` and the
# state file name every part that fails, without its value; the others are applied. They start few processes: each costs
# milliseconds in a clone under emulation.
#
# A document has lines of key=value. In the values of authorized-keys, env, agent, host-key and dropbear-key a backslash
# escapes as in printf's %b (`\\`, `\n`, `\0ooo`), which costs no process; the other values contain none.

newline='
'
failures=
DROPBEAR_KEY=/etc/dropbear/dropbear_ed25519_host_key
failed() {
  failures="$failures $1"
  say "failed $*"
}

# forget: clears the document.
forget() {
  new_generation='' new_clock='' new_seed='' new_hostname='' new_machine_id='' new_host_key='' new_dropbear_key=''
  new_keys='' new_user='' new_env='' new_agent='' new_service='' settled=3
  given=' '
}

# take LINE: stores a line of a document in a variable new_* and its key in $given. Unknown keys are for later versions. Not
# split by IFS: `read` would drop a last "=".
take() {
  name=${1%%=*} value=${1#*=}
  given="$given$name "
  case $name in
    generation) new_generation=$value ;;
    clock) new_clock=$value ;;
    seed) new_seed=$value ;;
    hostname) new_hostname=$value ;;
    machine-id) new_machine_id=$value ;;
    host-key) new_host_key=$value ;;
    dropbear-key) new_dropbear_key=$value ;;
    authorized-keys) new_keys=$value ;;
    user) new_user=$value ;;
    env) new_env=$value ;;
    agent) new_agent=$value ;;
    service) new_service=$value ;;
  esac
}

# find_user NAME: sets $home and $owner of a user of this guest.
find_user() {
  home=
  while IFS=: read -r name password uid gid comment folder shell; do
    if [ "$name" = "$1" ]; then home=${folder:-/} owner=$uid:$gid; fi
  done </etc/passwd
  [ -n "$home" ]
}

# given KEY: whether the document has a line for it.
given() {
  case $given in *" $1 "*) ;; *) return 1 ;; esac
}

# has_vmgenid: whether the kernel has VMGenID for this VM (Linux 5.18, with ACPI): then it drew a new key when it was restored,
# before any process ran.
has_vmgenid() {
  for device in "${SYSFS:-/sys}"/bus/*/drivers/vmgenid/*; do
    case ${device##*/} in bind | unbind | uevent | module | '*') ;; *) return 0 ;; esac
  done
  return 1
}

# seed_weakness: the consequence if this guest cannot credit a seed; empty if its kernel needs no credit.
seed_weakness() {
  # Not by `read`, which reads single bytes: the kernel answers only the first of these reads with the number.
  bits=$(cat /proc/sys/kernel/random/entropy_avail 2>/dev/null)
  if [ "${bits:-256}" -lt 256 ]; then
    printf '%s' "the random generator is not ready ($bits of 256 bits): no entropy device, no trusted RDRAND, and no helper, perl or python3"
  elif ! has_vmgenid; then
    printf '%s' 'the random generator may go on for a minute as its template did'
  fi
}

# apply_seed_and_clock: the parts that the helper left, by its exit code $settled: 1, the random generator, whose key the
# kernel would otherwise share with all clones for up to a minute; 2, the clock; 3, both.
apply_seed_and_clock() {
  case $settled in 1 | 3)
    # RNDADDENTROPY and RNDRESEEDCRNG, as in the helper.
    printf '%s' "$new_seed" | perl -e 'local $/; my $seed = <STDIN>; open(F, ">", "/dev/urandom") or exit 1;
      ioctl(F, 0x40085203, pack("ii", 4 * length $seed, length $seed) . $seed); ioctl(F, 0x5207, 0) or exit 1' 2>/dev/null ||
      printf '%s' "$new_seed" | python3 -c 'import fcntl, struct, sys; seed = sys.stdin.buffer.read(); f = open("/dev/urandom", "w")
fcntl.ioctl(f, 0x40085203, struct.pack("ii", 4 * len(seed), len(seed)) + seed); fcntl.ioctl(f, 0x5207)' 2>/dev/null ||
      {
        printf '%s' "$new_seed" >/dev/urandom
        weakness=$(seed_weakness)
        if [ -n "$weakness" ]; then failed seed "$weakness"; fi
      }
    ;;
  esac
  case $settled-$new_clock in
    [23]-) ;;
    [23]-*[!0-9.]* | [23]-.* | [23]-*.*.*) failed clock 'malformed' ;;
    # GNU date accepts a fraction; busybox sets full seconds.
    [23]-*) date -s "@$new_clock" >/dev/null 2>&1 || date -s "@${new_clock%%.*}" >/dev/null || failed clock ;;
  esac
}

# clear_hosts: removes this guest's name from /etc/hosts and leaves a complete last line.
clear_hosts() {
  others='' ours='' line=''
  while IFS= read -r line; do
    case $line in 127.0.1.1[!0-9]*) ours=yes ;; *) others=$others$line$newline ;; esac
  done </etc/hosts
  # A last line without a newline.
  case $line in '') ;; 127.0.1.1[!0-9]*) ours=yes ;; *) others=$others$line$newline ours=yes ;; esac
  if [ -n "$ours" ]; then printf '%s' "$others" >/etc/hosts; fi
}

apply_hostname() {
  hostname=$new_hostname
  case $hostname in '' | *[!A-Za-z0-9.-]*) failed hostname 'malformed' && return ;; esac
  printf '%s\n' "$hostname" >/proc/sys/kernel/hostname || failed hostname
  umask 022
  printf '%s\n' "$hostname" >/etc/hostname || failed hostname '/etc/hostname'
  if [ -n "${names_gone:-}" ] || clear_hosts; then
    printf '127.0.1.1\t%s\n' "$hostname" >>/etc/hosts || failed hostname '/etc/hosts'
  else
    failed hostname '/etc/hosts'
  fi
  umask 077
  names_gone=''
}

apply_machine_id() {
  machine_id=$new_machine_id
  case $machine_id in '' | *[!0-9a-f]*) failed machine-id 'malformed' && return ;; esac
  umask 022
  # Overwrites an id of the same length: that is faster than to truncate the file first.
  known=''
  if [ -f /etc/machine-id ]; then read -r known </etc/machine-id; fi
  if [ "${#known}" = "${#machine_id}" ]; then
    printf '%s\n' "$machine_id" 1<>/etc/machine-id || failed machine-id
  else
    printf '%s\n' "$machine_id" >/etc/machine-id || failed machine-id
  fi
  if [ -f /var/lib/dbus/machine-id ] && [ ! -h /var/lib/dbus/machine-id ]; then
    printf '%s\n' "$machine_id" >/var/lib/dbus/machine-id
  fi
  umask 077
}

clear_dropbear_keys() {
  [ -d /etc/dropbear ] || mkdir -p /etc/dropbear
  for file in /etc/dropbear/dropbear_*_host_key; do
    if [ -e "$file" ]; then rm -f "$file"; fi
  done
}

# apply_host_key: the only host key of this guest, in the format of its ssh server.
apply_host_key() {
  if [ "$SSHD_KIND" = openssh ]; then
    rm -f /etc/ssh/ssh_host_*
    printf '%b' "$new_host_key" >"${OPENSSH_KEY:-/etc/ssh/ssh_host_ed25519_key}" || failed host-key
    return
  fi
  if [ -z "${keys_gone:-}" ]; then clear_dropbear_keys; fi
  keys_gone=''
  printf '%b' "$new_dropbear_key" >"$DROPBEAR_KEY" || failed host-key
}

# write_private FILE TEXT: writes the escaped TEXT atomically to a FILE that only root can read.
write_private() {
  if [ -e "$1" ]; then
    rm -f "$1.new"
    printf '%b' "$2" >"$1.new" && mv -f "$1.new" "$1"
  else
    printf '%b' "$2" >"$1"
  fi
}

apply_env() { write_private /etc/swarm-env "$new_env" || failed env; }

# apply_agent: the agent's settings; see run-agent.
apply_agent() {
  [ -d /etc/hornet ] || mkdir -p /etc/hornet
  write_private /etc/hornet/agent.conf "$new_agent" || failed agent
  # The user's name needs no escapes.
  whose=${new_agent##*AGENT_USER=\"} whose=${whose%%\"*}
  find_user "$whose" || failed agent "there is no user $whose in this guest"
}

# remember: records the applied document, so that the next one changes only what differs.
remember() {
  if given hostname; then old_hostname=$new_hostname; fi
  if given machine-id; then old_machine_id=$new_machine_id; fi
  if [ -n "$new_host_key" ]; then old_host_key=$new_host_key; fi
  if given authorized-keys; then old_keys=$new_keys old_user=$new_user; fi
  if given env; then old_env=$new_env; fi
  if given agent; then old_agent=$new_agent; fi
  new_seed='' new_env='' new_host_key='' new_dropbear_key=''
  read -r applied idle </proc/uptime
  umask 022
  printf 'generation=%s\nuptime=%s\nfailed=%s\n' "$generation" "$applied" "${failures# }" >"$RUN/identity.state"
  umask 077
  say "ready $generation"
}
