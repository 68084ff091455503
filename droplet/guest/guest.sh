# shellcheck shell=bash
# A guest without the identity service gets its identity over ssh, from inside its clone's namespace: only the clone's VMM can
# answer for the guest's address there, so the key that answers is the template's, whatever else is on the bridge. Until then
# the guest is quarantined, because its processes still have the template's identity: it can open no connection.

# hold_guest DIR NAMESPACE TAP: quarantines the guest. The file comes first, so that Hornet always knows of the rule.
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

# @call identify_guest(runtime_dir namespace owner limit_ms guest_address guest_user host_key) stdin: the login key, then the script; answers: what the guest said; effects
# An empty host_key accepts any key. stdin: the private key in base64, or - for the keys of this droplet's user; then the
# script for the guest (guest/identity/over-ssh.sh).
identify_guest() {
  local dir=$runtime_dir/$namespace key script
  require_ours || return
  IFS= read -r key
  script=$(cat)
  effect "$namespace/identify" reach_guest "$dir"
}

# reach_guest DIR: runs the script in the guest as soon as its ssh server answers.
reach_guest() {
  local limit code patience=1000
  limit=$(($(now_ms) + limit_ms))
  while :; do
    code=0
    talk_to_guest "$1" || code=$?
    # 75 (EX_TEMPFAIL): no answer yet.
    ((code == 75)) || break
    vmm_alive "$1" || { fail "its VMM ended"; return 1; }
    (($(now_ms) <= limit)) || { fail "the guest's ssh does not answer: $(why_silent "$1")"; return 1; }
    pause 0.1
  done
  rm -f "$1"/guest.*
  return "$code"
}

# why_silent DIR (variable no_banner): the last output of ssh. A server that accepts connections but sends no banner may wait
# for the kernel's random generator, which Hornet cannot feed without a login.
why_silent() {
  tail -c 300 "$1/guest.err"
  [[ -z ${no_banner:-} ]] || printf '%s' "it takes connections and sends no banner: the guest is slow, or its random generator is" \
    " not ready; that needs an entropy device in the snapshot or a CPU with RDRAND, and Hornet cannot feed it without a login"
}

# talk_to_guest DIR (variables key script limit, and patience, the longest wait for an answer to the first packet, ms): one
# connection. This shell holds the pipe to the guest open itself, so that it never blocks when ssh has ended. It keeps an
# established connection: a slow guest would serve the abandoned ones first.
talk_to_guest() {
  local dir=$1 in out ssh writer line piece partial="" code=0 answered="" started="" finished="" state="" dialled
  rm -f "$dir"/guest.* && mkfifo "$dir/guest.in" "$dir/guest.out" || return
  exec {in}<>"$dir/guest.in"
  guest_ssh "$dir" $(((limit - $(now_ms)) / 1000 + 1)) <"$dir/guest.in" >"$dir/guest.out" 2>"$dir/guest.err" {in}>&- &
  ssh=$! dialled=$(now_ms) no_banner=""
  exec {out}<"$dir/guest.out"
  { [[ $key == - ]] || printf '%s\n' "$key"; printf '%s\n' "$script"; } >&"$in" &
  writer=$!
  while :; do
    code=0
    IFS= read -r -t 1 -u "$out" piece || code=$?
    if ((code > 128)); then
      partial+=$piece
      # A hostile guest may send an endless line.
      ((${#partial} <= 65536)) || break
      [[ -n $answered ]] || connection_state "$ssh" "$guest_address" state
      [[ -n $answered || $state != connected ]] || no_banner=yes
      vmm_alive "$dir" || break
      # TCP repeats its first packet at growing intervals, so a new connection is faster.
      [[ -n $answered || $state != connecting ]] || (($(now_ms) - dialled <= patience)) || { patience=$((patience * 3 / 2)); break; }
      continue
    fi
    ((code == 0)) || break
    line=$partial$piece partial="" answered=1
    case $line in
      *'hornet: begins') started=1 ;;
      'hornet: clock') printf '%s\n' "$EPOCHREALTIME" >&"$in" ;;
      'hornet: applied')
        effect "$namespace/release" release_guest "$dir" "$namespace" || break
        printf 'go\n' >&"$in"
        ;;
      'hornet: done'*) finished=1 ;;
      *) [[ -z $started ]] || printf '%s\n' "$line" ;;
    esac
  done
  exec {out}<&- {in}>&-
  kill "$writer" 2>/dev/null
  wait "$writer" 2>/dev/null
  if ((code > 128)); then
    kill_descendants "$ssh"
    kill -9 "$ssh" 2>/dev/null
  fi
  code=0
  wait "$ssh" 2>/dev/null || code=$?
  [[ -z $finished ]] || return 0
  vmm_alive "$dir" || { fail "its VMM ended"; return 1; }
  ((code <= 128 || code == 255)) || [[ -n $answered ]] || return 75
  line=$(tail -c 600 "$dir/guest.err")
  if ((code == 255)) && [[ -z $answered && ! $line =~ Permission\ denied|[Hh]ost\ key|HOST ]]; then return 75; fi
  fail "ssh $guest_user@$guest_address in namespace $namespace ended with $code: $line"
}

# guest_ssh DIR SECONDS (variable key): becomes ssh. SECONDS limit the wait for a banner, and later for any answer. The key is
# only in the memory of an agent, which ends by itself if this shell is killed.
guest_ssh() {
  local check=accept-new
  local -a with_key=()
  if [[ -n $host_key ]]; then
    check=yes
    printf '%s %s\n' "$guest_address" "$host_key" >"$1/guest.known" || return
  fi
  # The socket is among the files that reach_guest removes: an agent that is killed would leave it in /tmp.
  # shellcheck disable=SC2016
  [[ $key == - ]] || with_key=(ssh-agent -a "$1/guest.agent" bash -c '
    IFS= read -r key && printf %s "$key" | base64 -d | ssh-add -q - && unset key && "$@"
    code=$?
    kill "$SSH_AGENT_PID"
    exit "$code"' hornet-ssh)
  local shell="exec sh"
  [[ $guest_user == root ]] || shell="exec sudo -n sh"
  exec nsenter --net="/run/netns/$namespace" "${with_key[@]}" ssh -F none -T -o BatchMode=yes -o LogLevel=ERROR \
    -o "StrictHostKeyChecking=$check" -o "UserKnownHostsFile=$1/guest.known" -o GlobalKnownHostsFile=/dev/null \
    -o HashKnownHosts=no -o PreferredAuthentications=publickey -o "ConnectTimeout=$2" \
    -o "ServerAliveInterval=$2" -o ServerAliveCountMax=2 -o ControlPath=none -l "$guest_user" "$guest_address" "$shell"
}
