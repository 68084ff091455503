# shellcheck shell=sh
# shellcheck disable=SC1091
# Runs the user's hooks and the agent once this guest has its identity. Sourced after apply.sh, and sent with it.

# become COMMAND: turns a subshell into COMMAND, with the variables of /etc/swarm-env in its environment.
become() {
  exec 3<&- 6<&- 7<&- 8<&- 9<&- </dev/null
  umask 022
  # As positional parameters, because the environment may overwrite any variable, PATH too.
  case $1 in
    */*) set -- "$generation" "$action" "$@" ;;
    *)
      program=$(command -v "$1")
      shift
      set -- "$generation" "$action" "$program" "$@"
      ;;
  esac
  set -a
  if [ -r /etc/swarm-env ]; then . /etc/swarm-env; fi
  HORNET_GENERATION=$1 HORNET_ACTION=$2
  shift 2
  exec "$@"
}

# find_hooks: sets $hooks to `some` or `none`.
find_hooks() {
  hooks=none
  for hook in /etc/hornet/on-identity.d/*; do
    if [ -f "$hook" ]; then hooks=some; fi
  done
}

# run_hooks: each may take HOOK_SECONDS. A failed hook is named, and the others run. Their output may contain secrets, so it
# goes to a file in memory and not to the console; only its end is kept.
run_hooks() {
  log=$RUN/hooks.log
  : >"$log"
  if [ "${hooks:-}" = none ]; then hooks='' && return; fi
  for hook in /etc/hornet/on-identity.d/*; do
    if [ ! -f "$hook" ]; then continue; fi
    if [ ! -x "$hook" ]; then
      say "passed over hook ${hook##*/}, which is not executable"
      continue
    fi
    # A shell reports a killed process on its stderr.
    run_hook "$hook" 2>/dev/null
    end=$(tail -c 16384 "$log")
    printf '%s\n' "$end" >"$log"
  done
}

# run_hook HOOK: kills a hook that takes too long with its descendants; a hook that ends in time may leave processes behind.
run_hook() {
  seconds=${HOOK_SECONDS:-30} code=0
  timer=$(command -v timeout)
  read -r begun idle </proc/uptime
  become setsid "$timer" -s KILL "$seconds" "$1" >>"$log" 2>&1 &
  wait "$!" || code=$?
  if [ "$code" = 0 ]; then return; fi
  read -r ended idle </proc/uptime
  if [ "$((${ended%.*} - ${begun%.*}))" -ge "$seconds" ]; then
    # busybox's timeout ends the hook alone.
    kill -KILL "-$!" 2>/dev/null
    failed hook "${1##*/}, ended as it was not done within $seconds s"
  else
    failed hook "${1##*/}, exit code $code"
  fi
}

# stop_agent: ends the process group of the agent that this service started, within 5 s.
stop_agent() {
  tries=0
  if [ -n "$agent" ] && kill -TERM "-$agent" 2>/dev/null; then
    while [ "$tries" -lt 50 ] && kill -0 "-$agent" 2>/dev/null; do
      tries=$((tries + 1))
      sleep 0.1
    done
    kill -KILL "-$agent" 2>/dev/null
  fi
  agent=
}

# start_agent: by the guest's service manager if install.sh has registered the agent there, else by this service. An
# executable /etc/hornet/start has priority: it is the agent, or passes it to a service manager and ends.
start_agent() {
  stop_agent
  output=$RUN/start.log
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
    # Not in /run: an agent's output of weeks would fill memory.
    output=/var/log/hornet-agent.log
    [ -d /var/log ] || mkdir -p /var/log
  fi
  # A background process is no group leader, so setsid does not fork: its pid is the agent's and its group's. The subshell
  # ends, so that init waits for the agent: this service is always in `read`.
  (
    become setsid "$@" >>"$output" 2>&1 &
    printf '%s\n' "$!" >"$RUN/agent.pid"
  )
  find_agent
}

# find_agent: sets $agent to the agent that an earlier process of this service started; $RUN is empty after a boot.
find_agent() {
  agent=
  if [ -r "$RUN/agent.pid" ]; then read -r agent <"$RUN/agent.pid"; fi
}

