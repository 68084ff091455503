# shellcheck shell=sh
# shellcheck disable=SC1091
# How a document is applied: one function a part. Sourced by hornet-identity, and sent with over-ssh.sh to guests that
# have no such service; so it is plain POSIX shell. Every part that fails is named, without its value, by `say` and in the
# state file, and the rest goes on. Few processes: clones under emulation pay milliseconds for each.
#
# A document is lines of key=base64(value), but for `clock`, which is plain unix seconds with a fraction.

# decode TEXT: base64 to stdout. A here-document keeps the value off the command line.
decode() {
  base64 -d <<END
$1
END
}

failures=
failed() {
  failures="$failures $1"
  say "failed $*"
}

# parse: $body into new_* variables, still encoded, but for the generation. Unknown keys are for later versions. What is
# not $given is left as it is.
parse() {
  new_generation='' new_clock='' new_seed='' new_hostname='' new_machine_id='' new_host_key='' new_keys='' new_user=''
  new_env='' new_agent='' new_service=''
  # Not split by IFS: `read` would drop a last "=", which is base64's own.
  given=' '
  while IFS= read -r line; do
    name=${line%%=*} value=${line#*=}
    given="$given$name "
    case $name in
      generation) new_generation=$value ;;
      clock) new_clock=$value ;;
      seed) new_seed=$value ;;
      hostname) new_hostname=$value ;;
      machine-id) new_machine_id=$value ;;
      host-key) new_host_key=$value ;;
      authorized-keys) new_keys=$value ;;
      user) new_user=$value ;;
      env) new_env=$value ;;
      agent) new_agent=$value ;;
      service) new_service=$value ;;
    esac
  done <<END
$body
END
  body=
  new_generation=$(decode "$new_generation")
}

# given KEY: whether the document has a line for it.
given() {
  case $given in *" $1 "*) ;; *) return 1 ;; esac
}

# octal_bytes NUMBER COUNT: appends NUMBER to $format as COUNT little-endian bytes in printf's octal escapes.
octal_bytes() {
  number=$1 count=$2
  while [ "$count" -gt 0 ]; do
    byte=$((number & 255))
    format="$format\\$((byte >> 6))$((byte >> 3 & 7))$((byte & 7))"
    number=$((number >> 8)) count=$((count - 1))
  done
}

# clock_now: $seconds and $milliseconds of the clock in the document, moved on by what passed since the try that read it
# began (/proc/uptime, a hundredth of a second) and by the half interval that a resume falls into a pause on average.
clock_now() {
  read -r now idle </proc/uptime
  fraction=${new_clock#*.}000
  if [ "$fraction" = "${new_clock}000" ]; then fraction=000; fi
  while [ ${#fraction} -gt 3 ]; do fraction=${fraction%?}; done
  # 1 in front of the digits: a leading zero would make them octal; it goes away in the difference.
  milliseconds=$((1$fraction - 1000 + half_interval_ms + (${now%.*} - ${uptime%.*}) * 1000 +
    (1${now#*.} - 1${uptime#*.}) * 10))
  seconds=$((${new_clock%%.*} + milliseconds / 1000))
  milliseconds=$((milliseconds % 1000))
  fraction=$((milliseconds + 1000))
  fraction=${fraction#1}
}

# find_gateway: $gateway, the default route's as the kernel prints it: hexadecimal, its first byte last; empty without one.
find_gateway() {
  gateway=
  while read -r device destination via rest; do
    if [ "$destination" = 00000000 ]; then gateway=$via; fi
  done </proc/net/route
}

# apply_seed_and_clock: the random generator is stirred and, by the helper `settle`, made to use it at once: the kernel
# alone would go on for up to a minute with the key that all clones share. `settle` also sets the clock, to the millisecond,
# and asks the gateway for it where that answers.
apply_seed_and_clock() {
  case $new_clock in '') ;; *[!0-9.]* | .* | *.*.*) failed clock 'malformed' && new_clock= ;; esac
  seconds=0 milliseconds=0 format=
  if [ -n "$new_clock" ]; then clock_now; fi
  octal_bytes "$seconds" 8
  octal_bytes "$((milliseconds * 1000000))" 8
  find_gateway
  octal_bytes "$((0x${gateway:-0}))" 4
  wrong=3
  if [ -x "${SETTLE:-$LIBRARY/settle}" ]; then
    {
      # shellcheck disable=SC2059 # made by octal_bytes
      printf "$format"
      decode "$new_seed"
    } | "${SETTLE:-$LIBRARY/settle}"
    wrong=$?
  fi
  case $wrong in
    0 | 2) ;;
    *)
      decode "$new_seed" >/dev/urandom || failed seed
      # RNDRESEEDCRNG, by whatever can say it.
      perl -e 'open(F, ">", "/dev/urandom") && ioctl(F, 0x5207, 0) or exit 1' 2>/dev/null ||
        python3 -c 'import fcntl; fcntl.ioctl(open("/dev/urandom", "w"), 0x5207)' 2>/dev/null ||
        failed seed 'the random generator may go on for a minute as its template did'
      ;;
  esac
  if [ "$wrong" -lt 2 ] || [ -z "$new_clock" ]; then return; fi
  # GNU date takes a fraction; busybox sets full seconds, up to half a second wrong.
  date -s "@$seconds.$fraction" >/dev/null 2>&1 ||
    date -s "@$((seconds + (milliseconds + 500) / 1000))" >/dev/null || failed clock
}

apply_hostname() {
  hostname=$(decode "$new_hostname")
  case $hostname in '' | *[!A-Za-z0-9.-]*) failed hostname 'malformed' && return ;; esac
  printf '%s\n' "$hostname" >/proc/sys/kernel/hostname || failed hostname
  lines=''
  while IFS= read -r line; do
    case $line in 127.0.1.1[!0-9]*) ;; *) lines=$lines$line$newline ;; esac
  done </etc/hosts
  umask 022
  printf '%s\n' "$hostname" >/etc/hostname || failed hostname '/etc/hostname'
  printf '%s127.0.1.1\t%s\n' "$lines" "$hostname" >/etc/hosts || failed hostname '/etc/hosts'
  umask 077
}

apply_machine_id() {
  machine_id=$(decode "$new_machine_id")
  case $machine_id in '' | *[!0-9a-f]*) failed machine-id 'malformed' && return ;; esac
  umask 022
  printf '%s\n' "$machine_id" >/etc/machine-id || failed machine-id
  if [ -f /var/lib/dbus/machine-id ] && [ ! -h /var/lib/dbus/machine-id ]; then
    printf '%s\n' "$machine_id" >/var/lib/dbus/machine-id
  fi
  umask 077
}

# apply_host_key: the only host key of this guest, in the format of its ssh server.
apply_host_key() {
  if [ "$SSHD_KIND" = openssh ]; then
    rm -f /etc/ssh/ssh_host_*
    decode "$new_host_key" >"${OPENSSH_KEY:-/etc/ssh/ssh_host_ed25519_key}" || failed host-key
    return
  fi
  pem=$(decode "$new_host_key")
  text=
  for word in $pem; do
    case $word in [-]* | BEGIN | OPENSSH | PRIVATE | KEY*) ;; *) text=$text$word ;; esac
  done
  mkdir -p /etc/dropbear
  rm -f /etc/dropbear/dropbear_*_host_key
  key=${DROPBEAR_KEY:-/etc/dropbear/dropbear_ed25519_host_key}
  case $text in
    # An unencrypted ed25519 key: of its bytes 157 to 224 (length, private key, public key) dropbear's own format is
    # made by the type's name in front. Base64 can be cut at byte 156.
    b3BlbnNzaC1rZXktdjEAAAAABG5vbmUAAAAEbm9uZQAAAAAAAAABAAAAMwAAAAtzc2gtZWQyNTUxOQAAAC*)
      {
        printf '\000\000\000\013ssh-ed25519'
        decode "$(printf '%s' "$text" | cut -c209-300)" | tail -c +2
      } >"$key" || failed host-key
      ;;
    *)
      decode "$new_host_key" >"$RUN/host-key.pem"
      PATH=$PATH:/usr/lib/dropbear dropbearconvert openssh dropbear "$RUN/host-key.pem" "$key" >/dev/null 2>&1 ||
        failed host-key 'no format that dropbear knows'
      rm -f "$RUN/host-key.pem"
      ;;
  esac
  pem='' text=''
}

# write_keys USER KEYS: replaces the block of keys that is ours in USER's authorized_keys.
write_keys() {
  home=
  while IFS=: read -r name password uid gid comment folder shell; do
    if [ "$name" = "$1" ]; then home=$folder owner=$uid:$gid; fi
  done </etc/passwd
  if [ -z "$home" ]; then
    failed authorized-keys "no such user: $1"
    return
  fi
  file=$home/.ssh/authorized_keys
  [ -d "$home/.ssh" ] || mkdir -p "$home/.ssh"
  lines='' ours=''
  if [ -f "$file" ]; then
    while IFS= read -r line || [ -n "$line" ]; do
      case $line in
        '# hornet: begin') ours=yes ;;
        '# hornet: end') ours= ;;
        *) if [ -z "$ours" ]; then lines=$lines$line$newline; fi ;;
      esac
    done <"$file"
  fi
  printf '%s# hornet: begin\n%s\n# hornet: end\n' "$lines" "$2" >"$file" || failed authorized-keys
  if [ "$owner" != 0:0 ]; then chown -R "$owner" "$home/.ssh"; fi
}

apply_keys() {
  former=$login
  login=root
  if [ -n "$new_user" ]; then login=$(decode "$new_user"); fi
  if [ -n "$former" ] && [ "$former" != "$login" ]; then write_keys "$former" ''; fi
  write_keys "$login" "$(decode "$new_keys")"
}

# write_private FILE TEXT: TEXT, decoded, in a FILE that only root reads; whoever looks meanwhile sees the old or the new one.
write_private() {
  rm -f "$1.new"
  decode "$2" >"$1.new" && mv -f "$1.new" "$1"
}

apply_env() { write_private /etc/swarm-env "$new_env" || failed env; }

# apply_agent: how the agent is run; see run-agent.
apply_agent() {
  mkdir -p /etc/hornet
  write_private /etc/hornet/agent.conf "$new_agent" || failed agent
}

# become COMMAND: turns a subshell into COMMAND, with the variables of /etc/swarm-env in its environment.
become() {
  exec 3<&- 8>&- 9>&- </dev/null
  umask 022
  set -a
  if [ -r /etc/swarm-env ]; then . /etc/swarm-env; fi
  HORNET_GENERATION=$generation HORNET_ACTION=$action
  exec "$@"
}

run_hooks() {
  for hook in /etc/hornet/on-identity.d/*; do
    if [ -x "$hook" ]; then (become "$hook") >>"$RUN/hooks.log" 2>&1 || failed hook "${hook##*/}, exit code $?"; fi
  done
}

# stop_agent: ends the agent that this service started, with all that it started in its process group.
stop_agent() {
  if [ -n "$agent" ] && kill -TERM "-$agent" 2>/dev/null; then
    tries=0
    # A child that has ended keeps its pid until it is waited for, but not its program.
    while [ -e "/proc/$agent/exe" ] && [ "$tries" -lt 50 ]; do
      tries=$((tries + 1))
      sleep 0.1
    done
    kill -KILL "-$agent" 2>/dev/null
    wait "$agent"
  fi
  agent=
}

# start_agent: by the guest's service manager where install.sh has told it of the agent, else by this service. An
# executable /etc/hornet/start goes before all: it is the agent itself, or hands it to a service manager and ends.
start_agent() {
  stop_agent
  if [ -x /etc/hornet/start ]; then
    set -- /etc/hornet/start
  elif [ ! -r /etc/hornet/agent.conf ]; then
    return
  elif [ -d /run/systemd/system ] && [ -e /etc/systemd/system/hornet-agent.service ]; then
    (become systemctl --no-block restart hornet-agent.service) >>"$RUN/start.log" 2>&1 || failed agent "exit code $?"
    return
  elif [ -d /run/openrc ] && [ -x /etc/init.d/hornet-agent ]; then
    (become rc-service --quiet hornet-agent restart) >>"$RUN/start.log" 2>&1 || failed agent "exit code $?"
    return
  else
    set -- "$LIBRARY/run-agent"
  fi
  # A background process is no group leader, so setsid stays in it: its pid is the agent's and its group's.
  become setsid "$@" >>"$RUN/start.log" 2>&1 &
  agent=$!
  printf '%s\n' "$agent" >"$RUN/agent.pid"
}

# find_agent: the agent that an earlier process of ours has started; $RUN does not outlive a boot.
find_agent() {
  agent=
  if [ -r "$RUN/agent.pid" ]; then read -r agent <"$RUN/agent.pid"; fi
}

# start_sshd [ARGUMENT…]: added to the command of the settings.
start_sshd() {
  umask 022
  if [ -n "$SSHD_START" ]; then $SSHD_START "$@" 8>&- 9>&- </dev/null >"$RUN/sshd.log" 2>&1 || failed sshd "exit code $?"; fi
  umask 077
}

# start_sshd_with_own_key: for a guest that nobody gives a host key; it makes one up.
start_sshd_with_own_key() {
  if [ "$SSHD_KIND" = dropbear ]; then start_sshd -R; else start_sshd; fi
}

# remember: what was applied, so that the next document changes only what is new in it.
remember() {
  if given hostname; then old_hostname=$new_hostname; fi
  if given machine-id; then old_machine_id=$new_machine_id; fi
  if given host-key; then old_host_key=$new_host_key; fi
  if given authorized-keys; then old_keys=$new_keys old_user=$new_user; fi
  if given env; then old_env=$new_env; fi
  if given agent; then old_agent=$new_agent; fi
  new_seed='' new_env='' new_host_key=''
  read -r applied idle </proc/uptime
  umask 022
  printf 'generation=%s\nuptime=%s\nfailed=%s\n' "$generation" "$applied" "${failures# }" >"$RUN/identity.state"
  umask 077
  say "ready $generation"
}

apply_first() {
  generation=$new_generation action=start
  apply_seed_and_clock
  if given hostname; then apply_hostname; fi
  if given machine-id; then apply_machine_id; fi
  if given host-key; then apply_host_key; fi
  if given authorized-keys; then apply_keys; fi
  if given env; then apply_env; fi
  if given agent; then apply_agent; fi
  run_hooks
  start_agent
  if given host-key; then start_sshd; else start_sshd_with_own_key; fi
  remember
}

# apply_again: another identity for a guest that has one. Its clock is right, its ssh server and sessions stay.
apply_again() {
  generation=$new_generation action=restart failures=''
  if given seed; then decode "$new_seed" >/dev/urandom || failed seed; fi
  if given hostname && [ "$new_hostname" != "$old_hostname" ]; then apply_hostname; fi
  if given machine-id && [ "$new_machine_id" != "$old_machine_id" ]; then apply_machine_id; fi
  if given host-key && [ "$new_host_key" != "$old_host_key" ]; then
    apply_host_key
    if [ -n "$SSHD_RELOAD" ]; then $SSHD_RELOAD 8>&- 9>&- </dev/null >>"$RUN/sshd.log" 2>&1 || failed sshd "exit code $?"; fi
  fi
  if given authorized-keys && [ "$new_keys$new_user" != "$old_keys$old_user" ]; then apply_keys; fi
  if given env && [ "$new_env" != "$old_env" ]; then apply_env; fi
  if given agent && [ "$new_agent" != "$old_agent" ]; then apply_agent; fi
  run_hooks
  start_agent
  remember
}
