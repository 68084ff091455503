# shellcheck shell=bash
# Watches guests while an operation waits for them: what their consoles say, what their ssh servers answer, and whether their
# VMMs live. One process serves all guests of an operation, and it asks each guest's ssh server by a process of its own: a
# guest that never ends its banner delays no other. A question waits for its answer: an ssh server that needs 7 s for its
# banner serves the connections that gave up before it serves the next one, and so never answers one that waits for 3 s.

# The shell itself reads so many consoles; for more, one grep is cheaper.
few_consoles=16
# µs between two looks at least at whatever changes slowly.
slow_look=1000000

# @call watch_guests() stdin: orders; answers: events; reads
# A stream. Each line of stdin is an order:
#   watch ID KIND NETNS ADDRESS DIR WORDS
#   drop ID
# KIND console waits for WORDS of the identity service on the console; ssh asks the ssh server in the namespace NETNS (- for
# this process's own); both asks once the WORDS are on the console; look watches connections that others open from NETNS.
# Each line of stdout is an event:
#   said ID                 the console has the WORDS
#   state ID WORD TEXT      how far a question has come: connecting, connected, banner TEXT, refused, closed, endless; working
#                           where another's connection stands
#   key ID TYPE KEY         the ssh server shows its host key; it is asked again until the order is dropped
#   answered ID             the ssh server answers, without a key of that type
#   dead ID                 its VMM has ended; the order is dropped
# It ends with its stdin.
watch_guests() {
  local now changed begun rest=0.001 half="" heard=0 id
  local -A kind=() netns=() address=() folder=() words=() heard_of=() logs=() half_of=() ids_in=()
  local -A asker=() answers=() asked=() first_asked=() next_ask=() patience=() state=() banner=() checked=()
  changed=${EPOCHREALTIME/./}
  while take_orders "$rest"; do
    begun=${EPOCHREALTIME/./} now=$begun
    for id in "${!kind[@]}"; do
      vmm_alive "${folder[$id]}" || { printf 'dead %s\n' "$id" && changed=$now && drop_guest "$id"; }
    done
    hear_consoles
    for id in "${!address[@]}"; do ask_guest "$id"; done
    now=${EPOCHREALTIME/./}
    next_look
  done
  for id in "${!kind[@]}"; do drop_guest "$id"; done
}

# next_look: puts into rest how many seconds may pass until the next look. Looking takes a tenth of the time, and what a guest
# does late may be seen a little later than what it does at once.
next_look() {
  local wait=$(((now - changed) / 50))
  ((wait > (now - begun) * 9)) || wait=$(((now - begun) * 9))
  ((wait > 2000)) || wait=2000
  ((wait < slow_look)) || wait=$slow_look
  ((${#kind[@]} > 0)) || wait=3600000000
  printf -v rest '%d.%06d' $((wait / 1000000)) $((wait % 1000000))
}

# take_orders SECONDS: takes what is on stdin, and waits so long for a first order. Fails at the end of stdin.
take_orders() {
  local line="" code wait=$1
  while :; do
    code=0
    IFS= read -r -t "$wait" line || code=$?
    # Half a line may come before the time is over.
    ((code <= 128)) || { half+=$line; return 0; }
    ((code == 0)) || return 1
    line=$half$line half="" changed=${EPOCHREALTIME/./} wait=0.001
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
      next_ask[$id]=0 patience[$id]=$slow_look first_asked[$id]=""
      case ${kind[$id]} in
        ssh | look) heard_of[$id]=yes ;;
        *) open_consoles "$id" ;;
      esac
      heard=0
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
  for array in kind netns address folder words heard_of first_asked next_ask patience state banner checked; do
    unset "${array}[$id]"
  done
}

# tell_state ID WORD [TEXT]: says how far a question has come, once.
tell_state() {
  [[ ${state[$1]:-} != "${*:2}" ]] || return 0
  state[$1]=${*:2}
  printf 'state %s\n' "$*"
}

# hear_consoles: of those that have not said it yet. A descriptor is deaf to what follows a NUL on a line, and to a log whose
# beginning is cut off meanwhile; grep is not, but costs a process.
hear_consoles() {
  local id
  local -a unheard=()
  for id in "${!kind[@]}"; do [[ -n ${heard_of[$id]:-} ]] || unheard+=("$id"); done
  ((${#unheard[@]} > 0)) || return 0
  if ((${#unheard[@]} <= few_consoles)); then hear_on; fi
  local every=$(((now - changed) / 10))
  ((every > slow_look / 8)) || every=$((slow_look / 8))
  ((every < slow_look)) || every=$slow_look
  if ((${#unheard[@]} > few_consoles || now - heard > every)); then heard=$now && hear_all; fi
}

# note_heard ID: its console has the words.
note_heard() {
  [[ -z ${heard_of[$1]:-} ]] || return 0
  heard_of[$1]=yes changed=$now
  close_consoles "$1"
  printf 'said %s\n' "$1"
}

# hear_all: those of the array unheard whose whole console has their words.
hear_all() {
  local log line id
  local -a consoles=()
  for id in "${unheard[@]}"; do consoles+=("${folder[$id]}/console.log" "${folder[$id]}/console.said"); done
  while IFS=: read -r log line; do
    for id in ${ids_in[${log%/*}]:-}; do
      [[ -n ${heard_of[$id]:-} || $line != *"hornet-identity: ${words[$id]}"* ]] || note_heard "$id"
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
    unset "half_of[$descriptor]"
  done
  unset "logs[$1]"
}

# short_end VARIABLE: leaves the last KiB of a text, which is more than any words. A guest may write a line without an end, and
# it would be copied and searched whole at every look.
short_end() {
  local -n text_of=$1
  ((${#text_of} <= 1024)) || text_of=${text_of: -1024}
}

# hear_on: as hear_all, of what was written since the last look. A guest writes its lines byte by byte, so the last may be
# half of one.
hear_on() {
  local id descriptor line
  local -a lines
  for id in "${unheard[@]}"; do
    for descriptor in ${logs[$id]:-}; do
      lines=()
      mapfile -u "$descriptor" lines 2>/dev/null
      ((${#lines[@]} > 0)) || continue
      lines[0]=${half_of[$descriptor]:-}${lines[0]} half_of[$descriptor]=""
      for line in "${lines[@]}"; do
        [[ $line != *"hornet-identity: ${words[$id]}"* ]] || { note_heard "$id" && continue 3; }
      done
      [[ $line == *$'\n' ]] || { short_end line && half_of[$descriptor]=$line; }
    done
  done
}
