# shellcheck shell=sh
# Applies the identity in a guest without the identity service. Hornet sends it after apply.sh, keys.sh and agent.sh to a `sh`
# that runs as root, with the document as $body, and calls `identify` and `start` last. The shell has read all of it before
# `identify` runs, so later input consists of answers. Lines for Hornet on stdout:
#
#   hornet: begins    the login shell printed all text before it, perhaps on the same line
#   hornet: clock     asks for the time: unix seconds with a fraction
#   hornet: applied   the guest has its identity, its agent is stopped; continues after any answer
#   hornet: done      with the parts that failed

# Unattended, it prints on the console what the identity service would.
unattended=
say() {
  if [ -z "$unattended" ]; then
    printf '%s\n' "$*"
  else
    printf 'hornet-identity: %s\n' "$*" >/dev/console
  fi
}

# find_sshd: sets $SSHD_KIND and $sshd, the process that accepts connections: its parent is no ssh server, and it is no session,
# which an inetd or a systemd socket starts.
find_sshd() {
  sshd='' SSHD_KIND=''
  for stat in /proc/[0-9]*/stat; do
    read -r line <"$stat" || continue
    case $line in *'(sshd)'*) kind=openssh ;; *'(dropbear)'*) kind=dropbear ;; *) continue ;; esac
    pid=${stat#/proc/} pid=${pid%/stat}
    case " $others " in *" $pid "*) continue ;; esac
    if [ "$kind" = openssh ]; then
      # A session's title names its user: `sshd: root@notty`, `sshd: root [priv]`.
      read -r title <"/proc/$pid/cmdline"
      case $title in *'[listener]'*) ;; 'sshd: '*) continue ;; esac
    fi
    # Behind the name: state, parent.
    line=${line##*) } line=${line#* }
    read -r line <"/proc/${line%% *}/stat" || continue
    case $line in *'(sshd)'* | *'(dropbear)'*) continue ;; esac
    sshd=$pid SSHD_KIND=$kind
  done 2>/dev/null
  if [ -z "$sshd" ]; then
    if [ -d /etc/ssh ]; then SSHD_KIND=openssh; else SSHD_KIND=dropbear; fi
  fi
}

# ancestors: sets $others to this shell's ancestors up to the ssh server's process for this session, which OpenSSH 9.8 and later
# call sshd-session.
ancestors() {
  others=$$ next=$$
  while [ "$next" -gt 1 ] && read -r line <"/proc/$next/stat"; do
    others="$others $next"
    case $line in *'(sshd'* | *'(dropbear)'*) return ;; esac
    line=${line##*) } line=${line#* }
    next=${line%% *}
  done
}

# find_host_key: the path of the ssh server's host key: OpenSSH's configuration or dropbear's command line may name one.
find_host_key() {
  if [ "$SSHD_KIND" = openssh ]; then
    named=$(sed -n 's/^[[:space:]]*[Hh]ost[Kk]ey[[:space:]]\{1,\}//p' /etc/ssh/sshd_config 2>/dev/null)
    case $named in
      '' | *ed25519*) ;;
      *) OPENSSH_KEY=${named%%"$newline"*} ;;
    esac
    return
  fi
  option=
  dropbear=$(tr '\000' '\n' <"/proc/$sshd/cmdline" 2>/dev/null)
  while IFS= read -r word; do
    case $option$word in -r?*) DROPBEAR_KEY=${word#-r} ;; esac
    option=
    if [ "$word" = -r ]; then option=-r; fi
  done <<END
$dropbear
END
}

# reload_sshd: makes the server use its new host key; sessions, this one too, are separate processes and continue.
reload_sshd() {
  if [ -z "$sshd" ]; then return; fi
  if [ "$SSHD_KIND" = openssh ]; then
    kill -HUP "$sshd" || failed sshd
    return
  fi
  others="$others $(pidof dropbear)"
  kill "$sshd"
  tries=0
  while [ "$tries" -lt 5 ]; do
    # A supervising init starts it again.
    sleep 0.2
    find_sshd
    if [ -n "$sshd" ]; then return; fi
    tries=$((tries + 1))
  done
  set --
  while IFS= read -r word; do set -- "$@" "$word"; done <<END
$dropbear
END
  umask 022
  setsid "$@" </dev/null >/dev/null 2>&1 3<&- &
  umask 077
}

# manage COMMAND…: runs a command of the service manager and reports its output if it fails. Not in a substitution: the started
# service keeps its output open.
manage() {
  "$@" >"$RUN/manage.log" 2>&1 && return
  failed agent "$*: exit code $?: $(tail -n 3 "$RUN/manage.log" | tr '\n' ' ')"
}

# agent_service stop|start: controls the guest's service that is its agent. The environment goes into the service manager's
# configuration, because service managers do not pass on their own.
agent_service() {
  if [ -z "$service" ]; then return; fi
  if [ -d /run/systemd/system ]; then
    if [ "$1" = start ]; then
      umask 022
      mkdir -p "/etc/systemd/system/$service.service.d"
      printf '[Service]\nEnvironmentFile=/etc/swarm-env\n' >"/etc/systemd/system/$service.service.d/hornet.conf"
      umask 077
      manage systemctl daemon-reload
    fi
    manage systemctl "$1" "$service.service"
  elif [ -d /run/openrc ] && [ -x "/etc/init.d/$service" ]; then
    if [ "$1" = start ] && ! grep -q '^# hornet$' "/etc/conf.d/$service" 2>/dev/null; then
      mkdir -p /etc/conf.d
      printf '# hornet\n. /etc/swarm-env\n' >>"/etc/conf.d/$service"
    fi
    manage rc-service "$service" "$1"
  elif [ -x "/etc/init.d/$service" ]; then
    (become "/etc/init.d/$service" "$1") >"$RUN/manage.log" 2>&1 || failed agent "/etc/init.d/$service $1: exit code $?"
  elif [ "$1" = start ]; then
    failed agent "there is no service $service"
  fi
}

# ask WORD VARIABLE: prints a line for Hornet and reads its answer.
ask() {
  say "hornet: $1"
  IFS= read -r "$2" <&3
}

# make_helper: $program is the helper if the guest can run it, and empty otherwise. Not in /run, which many systems mount noexec.
make_helper() {
  program=''
  if [ -z "$helper" ]; then return; fi
  program=$(mktemp) && base64 -d >"$program" <<END && chmod 700 "$program" && "$program" 2>/dev/null
$helper
END
  # 64: it runs, and reports wrong arguments.
  if [ $? != 64 ]; then
    rm -f "$program"
    program=''
  fi
}

# run_helper: applies seed and clock; $settled is its exit code.
run_helper() {
  if [ -z "$program" ]; then return; fi
  printf '%s' "$new_seed" | "$program" set "$new_clock"
  settled=$?
  rm -f "$program"
}

# identify first|again [unattended]: applies everything but the agent, which it stops. first: the guest was just resumed or
# booted. unattended: nobody answers.
identify() {
  unattended=${2:-}
  if [ -z "$unattended" ]; then say 'hornet: begins'; fi
  exec 3<&0 </dev/null
  umask 077
  PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
  export PATH
  LIBRARY=/usr/lib/hornet RUN=/run/hornet
  # shellcheck disable=SC2034 # read by agent.sh
  action=restart
  mkdir -p "$RUN" && chmod 755 "$RUN"
  find_agent
  ancestors
  find_sshd
  forget
  while IFS= read -r line; do take "$line"; done <<END
$body
END
  generation=$new_generation service=$new_service
  # The document is read, so the droplet may blank its drive.
  if [ -n "$unattended" ]; then say "taken $generation closed"; fi
  stop_agent
  agent_service stop
  if [ "$1" = first ]; then
    action=start
    make_helper
    # As late as possible: a slow guest takes seconds to write the helper, and its clock was late by them.
    if [ -z "$unattended" ]; then ask clock new_clock; fi
    run_helper
    apply_seed_and_clock
  fi
  if given hostname; then apply_hostname; fi
  if given machine-id; then apply_machine_id; fi
  if [ -n "$unattended" ]; then
    cloud_init_keys=$(printf '%b' "$new_keys" && printf x)
    cloud_init_keys=${cloud_init_keys%x}
  fi
  if given authorized-keys; then apply_keys; fi
  if given env; then apply_env; fi
  if given agent; then apply_agent; fi
  if given host-key; then
    find_host_key
    apply_host_key
    reload_sshd
  fi
  if [ -z "$unattended" ]; then ask applied answer || exit 1; fi
}

# start: runs the hooks and the agent.
start() {
  run_hooks
  start_agent
  agent_service start
  remember
  if [ -z "$unattended" ]; then say "hornet: done$failures"; fi
}
