# shellcheck shell=bash
# A question to a guest's ssh server is one process per guest, which runs until the server answers or the order is dropped. The
# arrays are those of watch_guests. They are associative with numbers as keys, which shellcheck takes for indexes:
# shellcheck disable=SC2004

# CPU time of a question in seconds beyond which the guest must be sending an endless banner.
question_cpu=3

# poll_guest ID: starts the guest's question, reads its answer, or checks its progress.
poll_guest() {
  local id=$1
  case ${kind[$id]} in
    console) return ;;
    look) ((now - ${checked[$id]:-0} < slow_poll)) || check_connections "$id"; return ;;
  esac
  [[ -n ${has_said[$id]:-} ]] || return 0
  if [[ -n ${asker[$id]:-} ]]; then
    read_answers "$id"
    [[ -z ${asker[$id]:-} ]] || ((now - ${checked[$id]:-0} < slow_poll)) || check_question "$id"
  elif ((now >= ${next_ask[$id]})); then
    start_question "$id"
  fi
}

# start_question ID
start_question() {
  local id=$1 descriptor
  local -a within=()
  [[ ${netns[$id]} == - ]] || within=(nsenter --net="/run/netns/${netns[$id]}")
  exec {descriptor}< <(
    # If this shell is killed, a question to a guest with an endless banner must still end.
    ulimit -t $((question_cpu * 4))
    exec "${within[@]}" ssh-keyscan -T 86400 -t ed25519 "${address[$id]}" </dev/null 2>&1
  )
  asker[$id]=$! answers[$id]=$descriptor asked[$id]=$now checked[$id]=$now
  first_asked[$id]=${first_asked[$id]:-$now} banner[$id]=""
}

# end_question ID: ends the process of the question.
end_question() {
  local descriptor=${answers[$1]:-}
  [[ -n $descriptor ]] || return 0
  kill -9 "${asker[$1]}" 2>/dev/null
  exec {descriptor}<&-
  unset "asker[$1]" "answers[$1]"
}

# read_answers ID: ssh-keyscan prints "# ADDRESS:22 BANNER" and "ADDRESS TYPE KEY", or an error.
read_answers() {
  local id=$1 line code first second key descriptor=${answers[$1]} outcome=closed
  while read -r -t 0 -u "$descriptor"; do
    code=0
    IFS= read -r -t 0.05 -u "$descriptor" line || code=$?
    if ((code > 0)); then
      ((code <= 128)) || return 0
      [[ -z ${banner[$id]} ]] || printf 'answered %s\n' "$id"
      [[ -n ${banner[$id]} ]] || report_state "$id" "$outcome"
      end_question "$id"
      retry_after "$id" $(((now - first_asked[$id]) / 20))
      return 0
    fi
    changed=$now
    read -r first second key <<<"$line"
    if [[ $first == '#' ]]; then
      banner[$id]=yes line=${line#*:* } line=${line//[^ -~]/?}
      report_state "$id" banner "${line:0:80}"
    elif [[ $first == "${address[$id]}" && $second == ssh-ed25519 && $key =~ ^[A-Za-z0-9+/=]+$ ]]; then
      printf 'key %s %s %s\n' "$id" "$second" "$key"
      end_question "$id"
      retry_after "$id" $(((now - first_asked[$id]) / 20))
      return 0
    elif [[ $line == *refused* ]]; then
      outcome=refused
    fi
  done
}

# retry_after ID µs: asks again after that time, but not before 50 ms and not later than slow_poll.
retry_after() {
  local wait=$2
  ((wait > 50000)) || wait=50000
  ((wait < slow_poll)) || wait=$slow_poll
  next_ask[$1]=$((now + wait))
}

# check_question ID: checks the progress of a question that was not answered at once. Without a connection it starts again
# after a while: TCP repeats its attempts at growing intervals, and an attempt that never connected costs the guest nothing. A
# question that uses CPU time reads an endless banner: it ends, and starts again after ten times that CPU time.
check_question() {
  local id=$1 stat
  checked[$id]=$now
  read -r stat 2>/dev/null <"/proc/${asker[$id]}/stat" || return 0
  # shellcheck disable=SC2086
  set -- ${stat##*) }
  if ((${12:-0} + ${13:-0} > question_cpu * 100)); then
    report_state "$id" endless
    end_question "$id"
    next_ask[$id]=$((now + question_cpu * 10 * 1000000))
    return 0
  fi
  [[ -z ${banner[$id]} ]] || return 0
  check_connections "$id" "${asker[$id]}"
  [[ ${state[$id]:-} == connecting ]] && ((now - asked[$id] > patience[$id])) || return 0
  patience[$id]=$((patience[$id] * 3 / 2))
  end_question "$id"
  next_ask[$id]=$now
}

# check_connections ID [PID]: reports the state of a connection to the guest's port 22 in the network namespace of that
# process. Without PID in the VMM's, where others connect and an established connection is at work.
check_connections() {
  local id=$1 pid=${2:-} found
  checked[$id]=$now
  [[ -n $pid ]] || read -r pid _ 2>/dev/null <"${folder[$id]}/vmm.pid" || return 0
  connection_state "$pid" "${address[$id]}" found
  [[ -n ${2:-} || $found != connected ]] || found=working
  [[ -z $found ]] || report_state "$id" "$found"
}

# connection_state PID ADDRESS VARIABLE: sets VARIABLE to the state of a connection to port 22 of an IPv4 address in the network
# namespace of that process: connected, connecting, or empty where there is none.
connection_state() {
  local hex phase="" connections=""
  local -a bytes
  # /proc/net/tcp prints an address as the hexadecimal number of its bytes in memory.
  IFS=. read -r -a bytes <<<"$2"
  printf -v hex '%02X%02X%02X%02X:0016' "${bytes[3]}" "${bytes[2]}" "${bytes[1]}" "${bytes[0]}"
  # In one read: see runs_as.
  IFS= read -r -d '' connections 2>/dev/null <"/proc/$1/net/tcp"
  # 01: established; 02: no answer to the first packet yet.
  if [[ $connections == *" $hex 01 "* ]]; then
    phase=connected
  elif [[ $connections == *" $hex 02 "* ]]; then
    phase=connecting
  fi
  printf -v "$3" '%s' "$phase"
}
