# shellcheck shell=sh
# Gives a guest that has no identity service its identity: sent behind apply.sh, keys.sh and agent.sh to a `sh` that runs as root, with the
# document as $body and the calls of `identify` and `start` last. The shell has read all of it before `identify` runs, so
# what comes on stdin later are answers. Lines for Hornet on stdout:
#
#   hornet: begins    whatever was said before was the login shell's, of which it may be the end of a line
#   hornet: clock     asks for the time: unix seconds with a fraction
#   hornet: applied   the guest is itself, its agent stands still; goes on at any answer
#   hornet: done      what failed, if anything

# Where nobody reads its stdout, it says on the console what the identity service would.
unattended=
say() {
  if [ -z "$unattended" ]; then
    printf '%s\n' "$*"
  else
    printf 'hornet-identity: %s\n' "$*" >/dev/console
  fi
}

# find_sshd: $SSHD_KIND and $sshd, the process that takes connections: the one whose parent is no ssh server, and that is no
# session, as one that an inetd or a socket of systemd's has started is.
find_sshd() {
  sshd='' SSHD_KIND=''
  for stat in /proc/[0-9]*/stat; do
    read -r line <"$stat" || continue
    case $line in *'(sshd)'*) kind=openssh ;; *'(dropbear)'*) kind=dropbear ;; *) continue ;; esac
    pid=${stat#/proc/} pid=${pid%/stat}
    case " $others " in *" $pid "*) continue ;; esac
    if [ "$kind" = openssh ]; then
      # Of a session it says whose that is: `sshd: root@notty`, `sshd: root [priv]`.
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

# ancestors: the processes that this shell is in, up to the ssh server's for this session, in $others. Servers from OpenSSH 9.8 on
# call that sshd-session.
ancestors() {
  others=$$ next=$$
  while [ "$next" -gt 1 ] && read -r line <"/proc/$next/stat"; do
    others="$others $next"
    case $line in *'(sshd'* | *'(dropbear)'*) return ;; esac
    line=${line##*) } line=${line#* }
    next=${line%% *}
  done
}

# find_host_key: where the ssh server wants its host key: OpenSSH's configuration may name files of its own, dropbear's
# command line one.
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

# reload_sshd: the server takes its new host key; sessions, this one too, are processes of their own and go on.
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
    # An init that looks after it starts it again.
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

# manage COMMAND…: asks the service manager; what it says of a failure is told. Not by a substitution: what is started keeps
# its output open.
manage() {
  "$@" >"$RUN/manage.log" 2>&1 && return
  failed agent "$*: exit code $?: $(tail -n 3 "$RUN/manage.log" | tr '\n' ' ')"
}

# agent_service stop|start: the service of the guest's own that is its agent. It is told of the environment where its
# service manager looks for it: these hand on none of their own.
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

# ask WORD VARIABLE: a line for Hornet, and its answer.
ask() {
  say "hornet: $1"
  IFS= read -r "$2" <&3
}

# run_helper: seed and clock, where the guest can run it; $settled says how it went. Not in /run, where many systems execute
# nothing.
run_helper() {
  if [ -z "$helper" ]; then return; fi
  program=$(mktemp) && base64 -d >"$program" <<END && chmod 700 "$program" && "$program" 2>/dev/null
$helper
END
  # 64: it runs, and does not understand.
  if [ $? = 64 ]; then
    printf '%s' "$new_seed" | "$program" set "$new_clock"
    settled=$?
  fi
  rm -f "$program"
}

# identify first|again [unattended]: all but the agent, which stands still afterwards. first: the guest was just resumed or
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
  # All of it is read: the droplet blanks the drive that it was on.
  if [ -n "$unattended" ]; then say "taken $generation closed"; fi
  stop_agent
  agent_service stop
  if [ "$1" = first ]; then
    action=start
    if [ -z "$unattended" ]; then ask clock new_clock; fi
    run_helper
    apply_seed_and_clock
  fi
  if given hostname; then apply_hostname; fi
  if given machine-id; then apply_machine_id; fi
  if [ -n "$unattended" ]; then
    told=$(printf '%b' "$new_keys" && printf x)
    told=${told%x}
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

# start: the hooks and the agent.
start() {
  run_hooks
  start_agent
  agent_service start
  remember
  if [ -z "$unattended" ]; then say "hornet: done$failures"; fi
}
