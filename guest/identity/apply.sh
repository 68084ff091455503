# shellcheck shell=sh
# shellcheck disable=SC1091
# How a document is applied: one function a part. Sourced by hornet-identity, and sent with over-ssh.sh to guests that
# have no such service; so it is plain POSIX shell. Every part that fails is named, without its value, by `say` and in the
# state file, and the rest goes on. Few processes: clones under emulation pay milliseconds for each.
#
# A document is lines of key=value. In the values of authorized-keys, env, agent, host-key and dropbear-key a backslash
# escapes, as printf's %b has it (`\\`, `\n`, `\0ooo`), which costs no process; the others are words without any.

newline='
'
failures=
DROPBEAR_KEY=/etc/dropbear/dropbear_ed25519_host_key
failed() {
  failures="$failures $1"
  say "failed $*"
}

# forget: no document is there.
forget() {
  new_generation='' new_clock='' new_seed='' new_hostname='' new_machine_id='' new_host_key='' new_dropbear_key=''
  new_keys='' new_user='' new_env='' new_agent='' new_service='' settled=3
  given=' '
}

# take LINE: a line of a document into a variable new_*. Unknown keys are for later versions. What is not $given is left as
# it is. Not split by IFS: `read` would drop a last "=".
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

# given KEY: whether the document has a line for it.
given() {
  case $given in *" $1 "*) ;; *) return 1 ;; esac
}

# apply_seed_and_clock: what the helper has not $settled (its exit code): 1, the random generator, which the kernel alone
# would leave for up to a minute with the key that all clones share; 2, the clock.
apply_seed_and_clock() {
  case $settled in 1 | 3)
    printf '%s' "$new_seed" >/dev/urandom || failed seed
    # RNDRESEEDCRNG, by whatever can say it.
    perl -e 'open(F, ">", "/dev/urandom") && ioctl(F, 0x5207, 0) or exit 1' 2>/dev/null ||
      python3 -c 'import fcntl; fcntl.ioctl(open("/dev/urandom", "w"), 0x5207)' 2>/dev/null ||
      failed seed 'the random generator may go on for a minute as its template did'
    ;;
  esac
  case $settled-$new_clock in
    [23]-) ;;
    [23]-*[!0-9.]* | [23]-.* | [23]-*.*.*) failed clock 'malformed' ;;
    # GNU date takes a fraction; busybox sets full seconds.
    [23]-*) date -s "@$new_clock" >/dev/null 2>&1 || date -s "@${new_clock%%.*}" >/dev/null || failed clock ;;
  esac
}

apply_hostname() {
  hostname=$new_hostname
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
  machine_id=$new_machine_id
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
    printf '%b' "$new_host_key" >"${OPENSSH_KEY:-/etc/ssh/ssh_host_ed25519_key}" || failed host-key
    return
  fi
  # What waits for its key goes on waiting until it is given it.
  if [ -n "${prepared:-}" ] && [ -p "$DROPBEAR_KEY" ]; then exec 6<>"$DROPBEAR_KEY"; fi
  [ -d /etc/dropbear ] || mkdir -p /etc/dropbear
  for file in /etc/dropbear/dropbear_*_host_key; do
    if [ -e "$file" ]; then rm -f "$file"; fi
  done
  printf '%b' "$new_dropbear_key" >"$DROPBEAR_KEY" || failed host-key
}

# write_keys USER KEYS: replaces the block of keys, escaped, that is ours in USER's authorized_keys.
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
  printf '%s# hornet: begin\n%b# hornet: end\n' "$lines" "$2" >"$file" || failed authorized-keys
  if [ "$owner" != 0:0 ]; then chown -R "$owner" "$home/.ssh"; fi
}

apply_keys() {
  former=$login
  login=${new_user:-root}
  if [ -n "$former" ] && [ "$former" != "$login" ]; then write_keys "$former" ''; fi
  write_keys "$login" "$new_keys"
}

# write_private FILE TEXT: TEXT, escaped, in a FILE that only root reads; whoever looks meanwhile sees the old or the new one.
write_private() {
  if [ -e "$1" ]; then
    rm -f "$1.new"
    printf '%b' "$2" >"$1.new" && mv -f "$1.new" "$1"
  else
    printf '%b' "$2" >"$1"
  fi
}

apply_env() { write_private /etc/swarm-env "$new_env" || failed env; }

# apply_agent: how the agent is run; see run-agent.
apply_agent() {
  [ -d /etc/hornet ] || mkdir -p /etc/hornet
  write_private /etc/hornet/agent.conf "$new_agent" || failed agent
}

# become COMMAND: turns a subshell into COMMAND, with the variables of /etc/swarm-env in its environment.
become() {
  exec 3<&- 6<&- 7<&- 8<&- 9<&- </dev/null
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

# await_end PID TRIES: waits until a process has ended, a tenth of a second a try. One that nobody has waited for yet keeps
# its pid, but not its program.
await_end() {
  tries=0
  while [ -e "/proc/$1/exe" ] && [ "$tries" -lt "$2" ]; do
    tries=$((tries + 1))
    sleep 0.1
  done
}

# stop_agent: ends the agent that this service started, with all that it started in its process group.
stop_agent() {
  if [ -n "$agent" ] && kill -TERM "-$agent" 2>/dev/null; then
    await_end "$agent" 50
    kill -KILL "-$agent" 2>/dev/null && await_end "$agent" 10
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
  # A background process is no group leader, so setsid stays in it: its pid is the agent's and its group's. The subshell
  # leaves it to init, which waits for its end: this service is in `read` all the time.
  (
    become setsid "$@" >>"$RUN/start.log" 2>&1 &
    printf '%s\n' "$!" >"$RUN/agent.pid"
  )
  find_agent
}

# find_agent: the agent that an earlier process of ours has started; $RUN does not outlive a boot.
find_agent() {
  agent=
  if [ -r "$RUN/agent.pid" ]; then read -r agent <"$RUN/agent.pid"; fi
}

# prepare_sshd: a dropbear that is all there but for its key, which it waits to read: to start it takes a guest that wakes
# up longer than all that is applied. It listens on nothing before. (For every connection it runs itself again, and then
# reads a file.)
prepare_sshd() {
  prepared=
  if [ "$SSHD_KIND" != dropbear ] || [ -z "$SSHD_START" ]; then return; fi
  [ -d /etc/dropbear ] || mkdir -p /etc/dropbear
  rm -f "$DROPBEAR_KEY"
  mkfifo "$DROPBEAR_KEY" || return
  $SSHD_START -r "$DROPBEAR_KEY" 7<&- 8<&- </dev/null >"$RUN/sshd.log" 2>&1 &
  prepared=$!
  # Asleep, it has come to its key.
  tries=0
  while [ "$tries" -lt 40 ] && read -r line <"/proc/$prepared/stat"; do
    case $line in *') S '*) return ;; esac
    tries=$((tries + 1))
    sleep 0.05
  done
}

# start_sshd: with the host key of this guest; the server takes connections when this returns.
start_sshd() {
  umask 022
  code=0
  if [ -n "${prepared:-}" ] && [ -e "/proc/$prepared/exe" ]; then
    printf '%b' "$new_dropbear_key" >&6
    exec 6<&-
    wait "$prepared" || code=$?
  elif [ -n "$SSHD_START" ]; then
    set --
    if [ "$SSHD_KIND" = dropbear ]; then set -- -r "$DROPBEAR_KEY"; fi
    $SSHD_START "$@" 7<&- 8<&- 9<&- </dev/null >"$RUN/sshd.log" 2>&1 || code=$?
  fi
  prepared=
  if [ "$code" != 0 ]; then failed sshd "exit code $code"; fi
  umask 077
}

# start_sshd_with_own_key: for a guest that nobody gives a host key; dropbear makes one up.
start_sshd_with_own_key() {
  if [ -n "${prepared:-}" ]; then
    kill "$prepared" 2>/dev/null
    prepared=
    rm -f "$DROPBEAR_KEY"
  fi
  if [ "$SSHD_KIND" = dropbear ]; then SSHD_START="$SSHD_START -R"; fi
  start_sshd
}

# remember: what was applied, so that the next document changes only what is new in it.
remember() {
  if given hostname; then old_hostname=$new_hostname; fi
  if given machine-id; then old_machine_id=$new_machine_id; fi
  if given host-key; then old_host_key=$new_host_key; fi
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
  if [ -n "$new_host_key" ]; then start_sshd; else start_sshd_with_own_key; fi
  remember
}

# apply_again: another identity for a guest that has one. Its clock is right, its ssh server and sessions stay.
apply_again() {
  generation=$new_generation action=restart failures=''
  if given seed; then printf '%s' "$new_seed" >/dev/urandom || failed seed; fi
  if given hostname && [ "$new_hostname" != "$old_hostname" ]; then apply_hostname; fi
  if given machine-id && [ "$new_machine_id" != "$old_machine_id" ]; then apply_machine_id; fi
  if given host-key && [ "$new_host_key" != "$old_host_key" ]; then
    apply_host_key
    if [ -n "$SSHD_RELOAD" ]; then $SSHD_RELOAD 7<&- 8<&- 9<&- </dev/null >>"$RUN/sshd.log" 2>&1 || failed sshd "exit code $?"; fi
  fi
  if given authorized-keys && [ "$new_keys$new_user" != "$old_keys$old_user" ]; then apply_keys; fi
  if given env && [ "$new_env" != "$old_env" ]; then apply_env; fi
  if given agent && [ "$new_agent" != "$old_agent" ]; then apply_agent; fi
  run_hooks
  start_agent
  remember
}
