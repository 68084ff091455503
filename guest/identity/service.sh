# shellcheck shell=sh
# What the service alone does: what is prepared, an ssh server that starts when the guest is itself, and the two kinds of
# turns. Sourced behind apply.sh.

# prepare_sshd: a dropbear that is all there but for its key, which it waits to read: to start it takes a guest that wakes
# up longer than all that is applied. It listens on nothing before. (For every connection it runs itself again, and then
# reads a file.) Once it has the pipe open that its key will come through, the pipe's name is taken away, so that a guest
# that wakes up needs no process for that.
prepare_sshd() {
  prepared=
  if [ "$SSHD_KIND" != dropbear ] || [ -z "$SSHD_START" ]; then return; fi
  clear_dropbear_keys
  mkfifo "$DROPBEAR_KEY" || return
  $SSHD_START -r "$DROPBEAR_KEY" 7<&- 8<&- </dev/null >"$RUN/sshd.log" 2>&1 &
  prepared=$!
  exec 6<>"$DROPBEAR_KEY"
  tries=0
  while [ "$tries" -lt 400 ] && [ -e "/proc/$prepared/exe" ]; do
    for file in "/proc/$prepared/fd"/*; do
      # shellcheck disable=SC3013 # as dash, busybox and bash have it
      if [ "$file" -ef "$DROPBEAR_KEY" ]; then rm -f "$DROPBEAR_KEY" && keys_gone=yes && return; fi
    done
    tries=$((tries + 1))
    # Nobody writes there. To wait so costs no process; dash does not know the option, and says 2.
    # shellcheck disable=SC3045
    IFS= read -r -t 0.05 line <&8 2>/dev/null
    if [ $? -eq 2 ]; then sleep 0.05; fi
  done
}

# prepare_names: the template's own name goes. ext4 writes a file out when it is closed that was cut to nothing before
# (auto_da_alloc); one that is new, or only grows, it does not.
prepare_names() {
  if [ -f /etc/hostname ] && [ ! -h /etc/hostname ]; then rm -f /etc/hostname; fi
  if clear_hosts; then names_gone=yes; fi
}

# prepare: what can be done before this guest knows who it is, and would cost it time later.
prepare() {
  prepare_sshd
  prepare_names
  find_hooks
  if find_user root && [ -d "$home" ] && [ ! -e "$home/.ssh" ] && [ ! -h "$home/.ssh" ]; then mkdir "$home/.ssh"; fi
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
    exec 6<&-
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
    exec 6<&-
    prepared=
    rm -f "$DROPBEAR_KEY"
  fi
  if [ "$SSHD_KIND" = dropbear ]; then SSHD_START="$SSHD_START -R"; fi
  start_sshd
}

# apply_first: all but what others would run. A document that comes before finish_first begins anew.
apply_first() {
  generation=$new_generation action=start failures=''
  apply_seed_and_clock
  if given hostname; then apply_hostname; fi
  if given machine-id; then apply_machine_id; fi
  if [ -n "$new_host_key" ]; then apply_host_key; fi
  if given authorized-keys; then apply_keys; fi
  if given env; then apply_env; fi
  if given agent; then apply_agent; fi
}

# finish_first: the metadata is cleared.
finish_first() {
  run_hooks
  start_agent
  if [ -n "$new_host_key" ]; then start_sshd; else start_sshd_with_own_key; fi
  remember
}

# apply_again: another identity for a guest that has one. Its clock is right, its ssh server, sessions and agent stay.
apply_again() {
  generation=$new_generation action=restart failures=''
  if given seed; then printf '%s' "$new_seed" >/dev/urandom || failed seed; fi
  if given hostname && [ "$new_hostname" != "$old_hostname" ]; then apply_hostname; fi
  if given machine-id && [ "$new_machine_id" != "$old_machine_id" ]; then apply_machine_id; fi
  if [ -n "$new_host_key" ] && [ "$new_host_key" != "$old_host_key" ]; then
    apply_host_key
    if [ -n "$SSHD_RELOAD" ]; then $SSHD_RELOAD 7<&- 8<&- 9<&- </dev/null >>"$RUN/sshd.log" 2>&1 || failed sshd "exit code $?"; fi
  fi
  if given authorized-keys && [ "$new_keys$new_user" != "$old_keys$old_user" ]; then apply_keys; fi
  if given env && [ "$new_env" != "$old_env" ]; then apply_env; fi
  if given agent && [ "$new_agent" != "$old_agent" ]; then apply_agent; fi
}

# finish_again: the metadata is cleared.
finish_again() {
  run_hooks
  start_agent
  remember
}
