# shellcheck shell=bash
# A guest that has no identity service is told who it is over ssh, from inside its clone's namespace: there only the
# clone's own VMM can answer for the guest's address, so the key that answers is the template's, whoever else is on the
# bridge. Until then the guest opens no connection: what its template had running is not yet this clone.

# hold_guest DIR NAMESPACE TAP: the mark comes first, so that no hold is left that nobody knows of.
hold_guest() {
  : >"$1/held" && nsenter --net="/run/netns/$2" nft -f - <<<"add table ip hornet_hold
delete table ip hornet_hold
table ip hornet_hold {
  chain forward {
    type filter hook forward priority -10; policy accept;
    iifname \"$3\" ct state != { established, related } drop
  }
}"
}

# release_guest DIR NAMESPACE
release_guest() {
  [[ -e $1/held ]] || return 0
  nsenter --net="/run/netns/$2" nft -f - <<<"add table ip hornet_hold
delete table ip hornet_hold" && rm -f "$1/held"
}

# identify_guest: variables runtime_dir namespace owner guest_address guest_user host_key (empty: whichever answers)
# limit_ms; stdin: the private key that logs in, in base64, or - for those of this droplet's user; then the script for the
# guest (guest/identity/over-ssh.sh). Answers with what the guest said.
identify_guest() {
  local dir=$runtime_dir/$namespace key script
  is_ours "$dir" || { fail "namespace $namespace is not this stack's"; return 1; }
  IFS= read -r key
  script=$(cat)
  effect "$namespace/identify" reach_guest "$dir"
}

# reach_guest DIR: talks to the guest as soon as it answers.
reach_guest() {
  local limit code
  limit=$(($(now_ms) + limit_ms))
  while :; do
    code=0
    talk_to_guest "$1" || code=$?
    # 75: nobody answered yet (EX_TEMPFAIL).
    ((code == 75)) || break
    vmm_alive "$1" || { fail "its VMM ended"; return 1; }
    (($(now_ms) <= limit)) || { fail "the guest's ssh does not answer: $(tail -c 300 "$1/guest.err")"; return 1; }
    pause 0.1
  done
  rm -f "$1"/guest.*
  return "$code"
}

# talk_to_guest DIR (variables key script): one connection. What the guest reads comes through a pipe that we hold open
# ourselves, so that an ssh that ended blocks nobody.
talk_to_guest() {
  local dir=$1 in out ssh writer line code=0 met="" begun="" finished=""
  rm -f "$dir"/guest.* && mkfifo "$dir/guest.in" "$dir/guest.out" || return
  exec {in}<>"$dir/guest.in"
  guest_ssh "$dir" <"$dir/guest.in" >"$dir/guest.out" 2>"$dir/guest.err" {in}>&- &
  ssh=$!
  exec {out}<"$dir/guest.out"
  { [[ $key == - ]] || printf '%s\n' "$key"; printf '%s\n' "$script"; } >&"$in" &
  writer=$!
  while IFS= read -r -u "$out" line; do
    met=1
    case $line in
      *'hornet: begins') begun=1 ;;
      'hornet: clock') printf '%s\n' "$EPOCHREALTIME" >&"$in" ;;
      'hornet: applied')
        effect "$namespace/release" release_guest "$dir" "$namespace" || break
        printf 'go\n' >&"$in"
        ;;
      'hornet: done'*) finished=1 ;;
      *) [[ -z $begun ]] || printf '%s\n' "$line" ;;
    esac
  done
  exec {out}<&- {in}>&-
  kill "$writer" 2>/dev/null
  wait "$writer" 2>/dev/null
  wait "$ssh" || code=$?
  [[ -z $finished ]] || return 0
  line=$(tail -c 600 "$dir/guest.err")
  if ((code == 255)) && [[ -z $met && ! $line =~ Permission\ denied|[Hh]ost\ key|HOST ]]; then return 75; fi
  fail "ssh $guest_user@$guest_address in namespace $namespace ended with $code: $line"
}

# guest_ssh DIR (variable key): becomes ssh. A key that was given is only ever in the memory of an agent, which ends by
# itself where this shell is killed.
guest_ssh() {
  local check=accept-new
  local -a with_key=()
  if [[ -n $host_key ]]; then
    check=yes
    printf '%s %s\n' "$guest_address" "$host_key" >"$1/guest.known" || return
  fi
  # shellcheck disable=SC2016
  [[ $key == - ]] || with_key=(ssh-agent bash -c '
    IFS= read -r key && printf %s "$key" | base64 -d | ssh-add -q - && unset key && "$@"
    code=$?
    kill "$SSH_AGENT_PID"
    exit "$code"' hornet-ssh)
  local shell="exec sh"
  [[ $guest_user == root ]] || shell="exec sudo -n sh"
  exec nsenter --net="/run/netns/$namespace" "${with_key[@]}" ssh -F none -T -o BatchMode=yes -o LogLevel=ERROR \
    -o "StrictHostKeyChecking=$check" -o "UserKnownHostsFile=$1/guest.known" -o GlobalKnownHostsFile=/dev/null \
    -o HashKnownHosts=no -o PreferredAuthentications=publickey -o ConnectTimeout=5 -o ServerAliveInterval=5 \
    -o ControlPath=none -l "$guest_user" "$guest_address" "$shell"
}
