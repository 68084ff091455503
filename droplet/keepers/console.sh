# shellcheck shell=bash
# What guests and VMMs write to their consoles never ends, so one process a stack and droplet, the keeper, cuts the
# beginning of each log off. It is in nobody's way: a VMM writes to its file, not to the keeper, so it waits for nothing
# and loses nothing where the keeper is killed; then the logs grow until the next up. One a clone would be hundreds of
# processes for a thing that is done once in a while. Its folder (see helper.sh) holds also: limit (bytes).

# keeper_home: variables runtime_dir owner. The keeper's folder.
keeper_home() { printf '%s' "$runtime_dir/.consoles-${owner##*:}"; }

# @call keep_consoles(runtime_dir owner console_limit vmm_timeout_ms) effects
# console_limit: bytes.
keep_consoles() {
  local home
  home=$(keeper_home)
  effect "consoles/claim" claim_named "$home" || return
  effect "consoles/limit" put_file "$home/limit" "$console_limit" || return
  helper_works "$home" || effect "consoles/keep" start_keeper "$home"
}

# start_keeper HOME: another one that is there, because the folder was lost or it was stopped, goes first.
start_keeper() {
  end_helper hornet-consoles "$1" || return
  setsid bash -c "LC_ALL=C; cd /; $(declare -f watch_consoles shorten_console save_words write_pid start_time pause is_ours); watch_consoles \"\$1\"" \
    hornet-consoles "$1" </dev/null >/dev/null 2>&1 {pause_fd}>&- &
  await_helper "$1" "$!" || fail "what keeps the consoles short does not start"
}

# @call release_consoles(runtime_dir owner) removes
# Leaves nothing of the keeper.
release_consoles() {
  local home
  home=$(keeper_home)
  [[ -e $home || -n $(list_helpers hornet-consoles "$home") ]] || return 0
  effect "consoles/end" end_helper hornet-consoles "$home" || return
  effect "consoles/unclaim" drop_named "$home"
}

# watch_consoles HOME: the keeper. It ends once its folder does not name it any more.
watch_consoles() {
  local home=$1 owner pid limit size log
  # shellcheck disable=SC2034 # for is_ours
  owner=$(<"$home/owner") && write_pid "$home/pid" "$$" || return
  while read -r pid _ 2>/dev/null <"$home/pid" && [[ $pid == "$$" ]] && read -r limit <"$home/limit"; do
    while read -r size log; do
      ((size <= limit)) || ! is_ours "${log%/*}" || shorten_console "$log" "$size" "$((limit / 2))"
    done < <(stat -c '%s %n' "${home%/*}"/*/console.log 2>/dev/null)
    # Or it would lie there as a zombie until the next look.
    wait "$!"
    pause 2
  done
}

# shorten_console LOG SIZE KEPT: the beginning goes, about KEPT bytes stay. ext4 and XFS can take blocks out of a file
# that is written to, and nothing is lost. Elsewhere the end is put where the file was cut to nothing, and what is
# written in these milliseconds is lost. The VMM appends (O_APPEND), so it goes on at the new end.
shorten_console() {
  # Whole blocks only; no file system has larger ones than 64 KiB.
  local log=$1 cut=$((($2 - $3) / 65536 * 65536))
  save_words "$log" "$cut"
  if fallocate --collapse-range --length "$cut" "$log" 2>/dev/null; then return; fi
  tail -c "$3" "$log" >"$log.draft"
  truncate --size 0 "$log"
  cat "$log.draft" >>"$log"
  rm -f "$log.draft"
}

# save_words LOG LENGTH: what the identity service said last in so many bytes from the beginning is kept beside the log:
# who waits for the guest looks for it.
save_words() {
  local said
  said=$(head -c "$2" "$1" | grep -aoE 'hornet-identity: [ -~]{0,200}' | tail -n 5)
  [[ -z $said ]] || printf '%s\n' "$said" >"${1%/*}/console.said"
}

# console_says DIR WORDS: the identity service said so. What else a guest writes may be no text.
console_says() { grep -aqF "hornet-identity: $2" "$1/console.log" "$1/console.said" 2>/dev/null; }

# identity_failures: variables runtime_dir namespace generation. What the guest's identity service could not do of that
# identity, a line each.
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

# console_tail DIR BYTES: the end of a console, for an error.
console_tail() { tail -c "$2" "$1/console.log" 2>/dev/null | tr -d '\000\033\r'; }

# @call guest_end(runtime_dir namespace) answers: a line, then the console's end; reads
# The line tells how the VMM ended: alive, none (it was never started), unknown, or its exit code as a shell has it.
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
