# shellcheck shell=sh
# The parts that only the service has: preparation, an ssh server that starts once the guest has its identity, and the first
# and later identities. Sourced after apply.sh.

# prepare_sshd: starts a dropbear that waits to read its key from a pipe: starting it in a guest that wakes up takes longer than
# applying everything else. It listens on nothing before it has the key. (For every connection it runs itself again, and then
# reads a file.) Once it has opened the pipe, this removes the pipe's name, so that a guest that wakes up needs no process for
# that.
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

# prepare_names: removes the template's name. ext4 flushes a truncated file on close (auto_da_alloc), but not a new or a growing
# one.
prepare_names() {
  if [ -f /etc/hostname ] && [ ! -h /etc/hostname ]; then rm -f /etc/hostname; fi
  if clear_hosts; then names_gone=yes; fi
}

# prepare: does work before the identity that would cost time later.
prepare() {
  prepare_sshd
  prepare_names
  find_hooks
  if find_user root && [ -d "$home" ] && [ ! -e "$home/.ssh" ] && [ ! -h "$home/.ssh" ]; then mkdir "$home/.ssh"; fi
}

# start_sshd: starts the ssh server with this guest's host key; it accepts connections when this returns.
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

# start_sshd_with_own_key: for a guest without a host key from Hornet; dropbear generates one.
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

# apply_first: applies the first identity, but runs neither hooks nor agent. A document before finish_first starts it again.
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

# finish_first: after the metadata is cleared.
finish_first() {
  run_hooks
  start_agent
  if [ -n "$new_host_key" ]; then start_sshd; else start_sshd_with_own_key; fi
  remember
}

# apply_again: applies another identity. The clock is right; ssh server and sessions continue.
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

# finish_again: after the metadata is cleared.
finish_again() {
  run_hooks
  start_agent
  remember
}
