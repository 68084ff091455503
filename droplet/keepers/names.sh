# shellcheck shell=bash
# The guests' name server, where a fleet's egress names hosts: one process a stack and droplet (see names.pl), which runs
# dnsmasq and fills the nft sets of the stack's table hornet_ID/names. Its folder (see helper.sh) holds also: policies,
# table.nft, dnsmasq.conf, opened (see openings.pl), unresolved (names without an address, with the reason), said (why it ended).

names_home() { home=$runtime_dir/.names-${owner##*:}; }

names_table() { printf 'hornet_%s/names' "${owner##*:}"; }

# @call keep_names(runtime_dir owner policies transaction resolver vmm_timeout_ms) answers: the kernel's listing, then names without an address with the reason, a line each; effects
# policies, transaction and resolver: texts of the three files that it reads.
keep_names() {
  local home table
  names_home && table=$(names_table)
  hash dnsmasq perl setpriv 2>/dev/null || { fail "the droplet lacks dnsmasq, perl or setpriv; install with: apt-get install dnsmasq-base perl util-linux"; return 1; }
  effect "names/claim" claim_named "$home" || return
  if names_kept "$home" && helper_works "$home" && [[ $(run_names check "$home") != *resolver* ]]; then
    # In any case: somebody may have added or removed rules.
    effect "names/load" load_names "$home" || return
  else
    effect "names/files" put_names "$home" || return
    effect "names/keep" start_names "$home" || return
  fi
  nft -j -t list table ip "$table" || return
  await_names "$home"
}

# names_kept HOME: its files say what is declared.
names_kept() {
  [[ -f $1/table.nft && $(<"$1/policies") == "$policies" && $(<"$1/table.nft") == "$transaction" && $(<"$1/dnsmasq.conf") == "$resolver" ]] 2>/dev/null
}

put_names() {
  put_file "$1/policies" "$policies" && put_file "$1/table.nft" "$transaction" && put_file "$1/dnsmasq.conf" "$resolver" &&
    chmod 644 "$1/dnsmasq.conf" && chmod 711 "$1" && clear_path "$1/unresolved"
}

# run_names ACTION HOME: see names.pl.
run_names() { perl -e "$common_program$openings_program$names_program" "hornet-names-$1" "$2"; }

# load_names HOME: the table as declared, with the addresses that the name server has opened.
load_names() {
  local said
  said=$(run_names load "$1" 2>&1) || fail "cannot load the table of the guests' name server: $said"
}

# start_names HOME: another one that is there goes first. It loads its table before it writes its pid.
start_names() {
  end_names "$1" || return
  setsid perl -e "$common_program$openings_program$names_program" hornet-names "$1" </dev/null >/dev/null 2>"$1/said" {pause_fd}>&- &
  await_helper "$1" "$!" || fail "the guests' name server does not start: $(tail -n 1 "$1/said")"
}

# end_names HOME: the name server, and a dnsmasq of its that outlived it.
end_names() {
  local process words
  end_helper hornet-names "$1" || return
  for process in /proc/[0-9]*; do
    mapfile -d '' -t words 2>/dev/null <"$process/cmdline" || continue
    [[ ${words[2]:-} == "--conf-file=$1/dnsmasq.conf" ]] || continue
    kill -9 "${process#/proc/}" 2>/dev/null
    await_end "${process#/proc/}"
  done
}

# await_names HOME: names without an address, once each was asked for; 3 s at the most.
await_names() {
  local tries=30
  while ((tries-- > 0)); do
    [[ -f $1/unresolved ]] && [[ $(<"$1/unresolved") != *"no answer yet"* ]] && break
    pause 0.1
  done
  cat "$1/unresolved" 2>/dev/null || :
}

# @call release_names(runtime_dir owner) removes
# Leaves nothing of the name server.
release_names() {
  local home table
  names_home && table=$(names_table)
  if [[ -e $home || -n $(list_helpers hornet-names "$home") ]]; then effect "names/end" end_names "$home" || return; fi
  if nft list table ip "$table" >/dev/null 2>&1; then effect "names/table" nft delete table ip "$table" || return; fi
  [[ ! -e $home ]] || effect "names/unclaim" drop_named "$home"
}

# gather_names: prints a section with the digest of its files, the names without an address, and "! FAULT" lines (see
# model/observed.ts), if the name server runs.
gather_names() {
  local home
  names_home
  helper_works "$home" || return 0
  section names
  cat "$home/policies" "$home/table.nft" "$home/dnsmasq.conf" 2>/dev/null | sha256sum
  cat "$home/unresolved" 2>/dev/null || :
  is_ours "$home" || printf '! label\n'
  run_names check "$home" | sed 's/^/! /'
}
