# shellcheck shell=bash
# Guests and VMMs write to their consoles without end, so one process for each stack and droplet, the keeper, cuts the beginning of
# each log. A VMM writes to its file, not to the keeper, so it waits for nothing and loses nothing if the keeper is killed; then
# the logs grow until the next up. One keeper for each clone would be hundreds of processes for occasional work. Its folder
# (see helper.sh) also contains: limit (bytes).

# keeper_home (variables runtime_dir owner): puts the keeper's folder into the caller's variable home.
keeper_home() { home=$runtime_dir/.consoles-${owner##*:}; }

# @call keep_consoles(runtime_dir owner console_limit vmm_timeout_ms) effects
# console_limit: bytes.
keep_consoles() {
  local home
  keeper_home
  effect "consoles/claim" claim_named "$home" || return
  effect "consoles/limit" put_file "$home/limit" "$console_limit" || return
  helper_works "$home" || effect "consoles/keep" start_keeper "$home"
}

# start_keeper HOME: ends a former keeper first, which exists if the folder was lost or the keeper was stopped.
start_keeper() {
  end_helper hornet-consoles "$1" || return
  setsid bash -c "LC_ALL=C; cd /; $(declare -f watch_consoles shorten_console save_words write_pid start_time pause is_ours is_roots_folder); watch_consoles \"\$1\"" \
    hornet-consoles "$1" </dev/null >/dev/null 2>&1 {pause_fd}>&- &
  await_helper "$1" "$!" || fail "the console keeper does not start"
}

# @call release_consoles(runtime_dir owner) removes
# Removes the keeper and its folder.
release_consoles() {
  local home
  keeper_home
  [[ -e $home || -n $(list_helpers hornet-consoles "$home") ]] || return 0
  effect "consoles/end" end_helper hornet-consoles "$home" || return
  effect "consoles/unclaim" drop_named "$home"
}

# watch_consoles HOME: the keeper. It ends once its folder no longer names it.
watch_consoles() {
  local home=$1 owner pid limit size log
  # shellcheck disable=SC2034 # for is_ours
  owner=$(<"$home/owner") && write_pid "$home/pid" "$$" || return
  while read -r pid _ 2>/dev/null <"$home/pid" && [[ $pid == "$$" ]] && read -r limit <"$home/limit"; do
    while read -r size log; do
      ((size <= limit)) || ! is_ours "${log%/*}" || shorten_console "$log" "$size" "$((limit / 2))"
    done < <(stat -c '%s %n' "${home%/*}"/*/console.log 2>/dev/null)
    # Otherwise it would stay a zombie until the next round.
    wait "$!"
    pause 2
  done
}

# shorten_console LOG SIZE KEPT: removes the beginning and leaves about KEPT bytes. ext4 and XFS can remove blocks from a file that
# is being written, without loss. Elsewhere this truncates the file and writes the end back, and output of these milliseconds
# is lost. The VMM appends (O_APPEND), so it continues at the new end.
shorten_console() {
  # Whole blocks only; no file system has blocks larger than 64 KiB.
  local log=$1 cut=$((($2 - $3) / 65536 * 65536))
  save_words "$log" "$cut"
  if fallocate --collapse-range --length "$cut" "$log" 2>/dev/null; then return; fi
  tail -c "$3" "$log" >"$log.draft"
  # A clone that is removed meanwhile gets no new log.
  ! truncate --no-create --size 0 "$log" || [[ ! -e $log ]] || cat "$log.draft" >>"$log"
  rm -f "$log.draft"
}

# save_words LOG LENGTH: saves the identity service's last lines in the first LENGTH bytes beside the log, because the wait for the
# guest looks for them.
save_words() {
  local said
  said=$(head -c "$2" "$1" | grep -aoE 'hornet-identity: [ -~]{0,200}' | tail -n 5)
  [[ -z $said ]] || printf '%s\n' "$said" >"${1%/*}/console.said"
}

# console_says DIR WORDS: whether the identity service has printed WORDS. Other output of a guest may be binary.
console_says() { grep -aqF "hornet-identity: $2" "$1/console.log" "$1/console.said" 2>/dev/null; }

# identity_failures (variables runtime_dir namespace generation): the parts of that identity that the guest's identity service
# failed to apply, one a line.
identity_failures() {
  local word line dir=$runtime_dir/$namespace
  local -a failures=()
  while read -r _ word line; do
    case $word in
      failed) failures+=("$line") ;;
      ready) [[ $line == "$generation" ]] || failures=() ;;
    esac
  done < <(grep -ahoE 'hornet-identity: (failed|ready) [ -~]{0,200}' "$dir/console.said" "$dir/console.log" 2>/dev/null)
  ((${#failures[@]} == 0)) || printf '%s\n' "${failures[@]}"
}

# console_tail DIR BYTES: the end of a console, for an error. A guest kernel that looks for further serial ports makes the VMM write
# a line for each look; hundreds of them hid what the guest said last.
console_tail() {
  tail -c 262144 "$1/console.log" 2>/dev/null | sed -E '/ vcpu: IO (read|write) @ .* failed: bus_error: /d' |
    tail -c "$2" | tr -d '\000\033\r'
}

# @call guest_end(runtime_dir namespace) answers: a line, then the console's end; reads
# The line shows how the VMM ended: alive, none (it was never started), unknown, or its exit code as in a shell.
guest_end() {
  local dir=$runtime_dir/$namespace pid recorded code=unknown
  if vmm_alive "$dir"; then
    code=alive
  elif [[ ! -e $dir/vmm.pid && ! -e $dir/vmm.exit ]]; then
    code=none
  else
    await_exit "$dir"
    read -r pid _ 2>/dev/null <"$dir/vmm.pid"
    read -r recorded code _ 2>/dev/null <"$dir/vmm.exit" || code=unknown
    [[ -z ${pid:-} || ${recorded:-} == "$pid" ]] || code=unknown
  fi
  printf '%s\n' "$code"
  console_tail "$dir" 1500
}
