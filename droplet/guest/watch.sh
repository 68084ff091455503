# shellcheck shell=bash
# Watches guests while an operation waits for them: their consoles, their ssh servers, and whether their VMMs run. One process
# serves all guests of an operation and asks each ssh server by a child process, so that a guest with an endless banner delays
# no other. A question waits for its answer without a limit: an ssh server that needs 7 s for its banner first serves the
# connections that gave up, and so never answered a client that waited 3 s.

# Up to this many consoles the shell reads itself; for more, one grep is cheaper.
few_consoles=16
# Shortest interval between two polls of whatever changes slowly, µs.
slow_poll=1000000

# @call watch_guests() stdin: orders; answers: events; reads
# A stream. Each line of stdin is an order:
#   watch ID KIND NETNS ADDRESS DIR WORDS
#   drop ID
# KIND console waits for WORDS of the identity service on the console; ssh asks the ssh server in the namespace NETNS (- for
# this process's namespace); both asks once the WORDS are on the console; look watches connections that others open from NETNS.
# Each line of stdout is an event:
#   said ID                 the console has the WORDS
#   state ID WORD TEXT      the progress of a question: connecting, connected, banner TEXT, refused, closed, endless; working
#                           while another process has a connection
#   key ID TYPE KEY         the ssh server shows its host key; the question repeats until the order is dropped
#   answered ID             the ssh server answers, without a key of that type
#   dead ID                 the VMM has ended, and the order is dropped
# It ends with its stdin.
watch_guests() {
  local now changed start rest=0.001 partial="" full_scan_at=0 id
  local -A kind=() netns=() address=() folder=() words=() has_said=() logs=() partial_of=() ids_in=()
  local -A asker=() answers=() asked=() first_asked=() next_ask=() patience=() state=() banner=() checked=()
  changed=${EPOCHREALTIME/./}
  while take_orders "$rest"; do
    start=${EPOCHREALTIME/./} now=$start
    for id in "${!kind[@]}"; do
      vmm_alive "${folder[$id]}" || { printf 'dead %s\n' "$id" && changed=$now && drop_guest "$id"; }
    done
    scan_consoles
    for id in "${!address[@]}"; do poll_guest "$id"; done
    now=${EPOCHREALTIME/./}
    plan_rest
  done
  for id in "${!kind[@]}"; do drop_guest "$id"; done
}

# plan_rest: sets rest to the seconds until the next round. Rounds take a tenth of the time at most, and the longer nothing
# changes, the longer it rests.
plan_rest() {
  local wait=$(((now - changed) / 50))
  ((wait > (now - start) * 9)) || wait=$(((now - start) * 9))
  ((wait > 2000)) || wait=2000
  ((wait < slow_poll)) || wait=$slow_poll
  ((${#kind[@]} > 0)) || wait=3600000000
  printf -v rest '%d.%06d' $((wait / 1000000)) $((wait % 1000000))
}

# take_orders SECONDS: carries out the orders on stdin, and waits that long for a first one. Fails at the end of stdin.
take_orders() {
  local line="" code wait=$1
  while :; do
    code=0
    IFS= read -r -t "$wait" line || code=$?
    # The time may be over in the middle of a line.
    ((code <= 128)) || { partial+=$line; return 0; }
    ((code == 0)) || return 1
    line=$partial$line partial="" changed=${EPOCHREALTIME/./} wait=0.001
    take_order "$line"
  done
}

take_order() {
  local what id rest_of_order
  read -r what id rest_of_order <<<"$1"
  case $what in
    watch)
      read -r "kind[$id]" "netns[$id]" "address[$id]" "folder[$id]" "words[$id]" <<<"$rest_of_order"
      ids_in[${folder[$id]}]+=" $id "
      next_ask[$id]=0 patience[$id]=$slow_poll first_asked[$id]=""
      case ${kind[$id]} in
        ssh | look) has_said[$id]=yes ;;
        *) open_consoles "$id" ;;
      esac
      full_scan_at=0
      ;;
    drop) drop_guest "$id" ;;
  esac
}

drop_guest() {
  local id=$1 array
  [[ -n ${kind[$id]:-} ]] || return 0
  close_consoles "$id"
  end_question "$id"
  ids_in[${folder[$id]}]=${ids_in[${folder[$id]}]/ $id /}
  for array in kind netns address folder words has_said first_asked next_ask patience state banner checked; do
    unset "${array}[$id]"
  done
}

# report_state ID WORD [TEXT]: reports the progress of a question when it changes.
report_state() {
  [[ ${state[$1]:-} != "${*:2}" ]] || return 0
  state[$1]=${*:2}
  printf 'state %s\n' "$*"
}

# scan_consoles: looks for the words of the guests that have not printed them yet. The shell's own read loses text behind a NUL
# and does not notice a log that was shortened meanwhile; grep does both, but costs a process.
scan_consoles() {
  local id
  local -a silent=()
  for id in "${!kind[@]}"; do [[ -n ${has_said[$id]:-} ]] || silent+=("$id"); done
  ((${#silent[@]} > 0)) || return 0
  if ((${#silent[@]} <= few_consoles)); then scan_new_output; fi
  local every=$(((now - changed) / 10))
  ((every > slow_poll / 8)) || every=$((slow_poll / 8))
  ((every < slow_poll)) || every=$slow_poll
  if ((${#silent[@]} > few_consoles || now - full_scan_at > every)); then full_scan_at=$now && scan_whole_consoles; fi
}

# report_said ID: reports that the console has the words.
report_said() {
  [[ -z ${has_said[$1]:-} ]] || return 0
  has_said[$1]=yes changed=$now
  close_consoles "$1"
  printf 'said %s\n' "$1"
}

# scan_whole_consoles (array silent): greps the whole consoles.
scan_whole_consoles() {
  local log line id
  local -a consoles=()
  for id in "${silent[@]}"; do consoles+=("${folder[$id]}/console.log" "${folder[$id]}/console.said"); done
  while IFS=: read -r log line; do
    for id in ${ids_in[${log%/*}]:-}; do
      [[ -n ${has_said[$id]:-} || $line != *"hornet-identity: ${words[$id]}"* ]] || report_said "$id"
    done
  done < <(grep -aH 'hornet-identity: ' "${consoles[@]}" 2>/dev/null)
}

open_consoles() {
  local log descriptor
  for log in "${folder[$1]}/console.said" "${folder[$1]}/console.log"; do
    [[ -r $log ]] && exec {descriptor}<"$log" && logs[$1]+=" $descriptor"
  done
  return 0
}

close_consoles() {
  local descriptor
  for descriptor in ${logs[$1]:-}; do
    exec {descriptor}<&-
    unset "partial_of[$descriptor]"
  done
  unset "logs[$1]"
}

# keep_tail VARIABLE: keeps the last KiB of a text, which is longer than any words. Otherwise the shell would copy and search an
# endless line of a guest whole in every round.
keep_tail() {
  local -n text_of=$1
  ((${#text_of} <= 1024)) || text_of=${text_of: -1024}
}

# scan_new_output (array silent): searches what the consoles got since the last round.
scan_new_output() {
  local id descriptor partial
  for id in "${silent[@]}"; do
    for descriptor in ${logs[$id]:-}; do
      partial=${partial_of[$descriptor]:-}
      if new_output_has "${words[$id]}"; then
        report_said "$id"
        continue 2
      fi
      partial_of[$descriptor]=$partial
    done
  done
}

# new_output_has WORDS (variables descriptor partial): whether a line that was written since the last call contains the words of
# the identity service. A guest writes its lines byte by byte, so partial keeps an unfinished one.
new_output_has() {
  local line
  local -a lines=()
  mapfile -u "$descriptor" lines 2>/dev/null
  ((${#lines[@]} > 0)) || return 1
  lines[0]=$partial${lines[0]} partial=""
  for line in "${lines[@]}"; do
    [[ $line != *"hornet-identity: $1"* ]] || return 0
  done
  [[ $line == *$'\n' ]] || { keep_tail line && partial=$line; }
  return 1
}
