# shellcheck shell=bash
# A question to a guest's ssh server: one process a guest, which lives until the server answers or nobody waits any more. The
# arrays are those of watch_guests; their keys are numbers, but not their indexes.
# shellcheck disable=SC2004

# Seconds of CPU time that a question takes only where the guest sends lines without an end.
question_cpu=3

# ask_guest ID: brings its question on: asks, reads what was answered, or looks how far it has come.
ask_guest() {
  local id=$1
  case ${kind[$id]} in
    console) return ;;
    look) ((now - ${checked[$id]:-0} < slow_look)) || look_at_connections "$id"; return ;;
  esac
  [[ -n ${heard_of[$id]:-} ]] || return 0
  if [[ -n ${asker[$id]:-} ]]; then
    read_answers "$id"
    [[ -z ${asker[$id]:-} ]] || ((now - ${checked[$id]:-0} < slow_look)) || check_question "$id"
  elif ((now >= ${next_ask[$id]})); then
    put_question "$id"
  fi
}

# put_question ID
put_question() {
  local id=$1 descriptor
  local -a within=()
  [[ ${netns[$id]} == - ]] || within=(nsenter --net="/run/netns/${netns[$id]}")
  exec {descriptor}< <(
    # Where this process is killed, the question of a banner without an end must end by itself.
    ulimit -t $((question_cpu * 4))
    exec "${within[@]}" ssh-keyscan -T 86400 -t ed25519 "${address[$id]}" </dev/null 2>&1
  )
  asker[$id]=$! answers[$id]=$descriptor asked[$id]=$now checked[$id]=$now
  first_asked[$id]=${first_asked[$id]:-$now} banner[$id]=""
}

# end_question ID: ends the process that asks.
end_question() {
  local descriptor=${answers[$1]:-}
  [[ -n $descriptor ]] || return 0
  kill -9 "${asker[$1]}" 2>/dev/null
  exec {descriptor}<&-
  unset "asker[$1]" "answers[$1]"
}

# read_answers ID: ssh-keyscan says "# ADDRESS:22 BANNER" and "ADDRESS TYPE KEY", or why it could not ask.
read_answers() {
  local id=$1 line code first second key descriptor=${answers[$1]} outcome=closed
  while read -r -t 0 -u "$descriptor"; do
    code=0
    IFS= read -r -t 0.05 -u "$descriptor" line || code=$?
    if ((code > 0)); then
      ((code <= 128)) || return 0
      [[ -z ${banner[$id]} ]] || printf 'answered %s\n' "$id"
      [[ -n ${banner[$id]} ]] || tell_state "$id" "$outcome"
      end_question "$id"
      ask_later "$id" $(((now - first_asked[$id]) / 20))
      return 0
    fi
    changed=$now
    read -r first second key <<<"$line"
    if [[ $first == '#' ]]; then
      banner[$id]=yes line=${line#*:* } line=${line//[^ -~]/?}
      tell_state "$id" banner "${line:0:80}"
    elif [[ $first == "${address[$id]}" && $second == ssh-ed25519 && $key =~ ^[A-Za-z0-9+/=]+$ ]]; then
      printf 'key %s %s %s\n' "$id" "$second" "$key"
      end_question "$id"
      ask_later "$id" $(((now - first_asked[$id]) / 20))
      return 0
    elif [[ $line == *refused* ]]; then
      outcome=refused
    fi
  done
}

# ask_later ID µs: asks again after so long, a moment at least and no long time at most.
ask_later() {
  local wait=$2
  ((wait > 50000)) || wait=50000
  ((wait < slow_look)) || wait=$slow_look
  next_ask[$1]=$((now + wait))
}

# check_question ID: looks how far a question has come that was not answered at once. One that has no connection is put again
# after a while, because TCP repeats its own attempts ever more rarely; what was never connected costs the guest nothing. One
# that takes CPU time reads a banner without an end: it is ended, and put again after a time in which the droplet rests.
check_question() {
  local id=$1 stat
  checked[$id]=$now
  read -r stat 2>/dev/null <"/proc/${asker[$id]}/stat" || return 0
  # shellcheck disable=SC2086
  set -- ${stat##*) }
  if ((${12:-0} + ${13:-0} > question_cpu * 100)); then
    tell_state "$id" endless
    end_question "$id"
    next_ask[$id]=$((now + question_cpu * 10 * 1000000))
    return 0
  fi
  [[ -z ${banner[$id]} ]] || return 0
  look_at_connections "$id" "${asker[$id]}"
  [[ ${state[$id]:-} == connecting ]] && ((now - asked[$id] > patience[$id])) || return 0
  patience[$id]=$((patience[$id] * 3 / 2))
  end_question "$id"
  next_ask[$id]=$now
}

# look_at_connections ID [PID]: says how far a connection to the guest's port 22 has come, in the network of that process; left
# out, in the VMM's, where others connect and one that stands is at work.
look_at_connections() {
  local id=$1 pid=${2:-} found
  checked[$id]=$now
  [[ -n $pid ]] || read -r pid _ 2>/dev/null <"${folder[$id]}/vmm.pid" || return 0
  connection_state "$pid" "${address[$id]}" found
  [[ -n ${2:-} || $found != connected ]] || found=working
  [[ -z $found ]] || tell_state "$id" "$found"
}

# connection_state PID ADDRESS VARIABLE: puts into it how far a connection to port 22 of an IPv4 address has come, in the network
# of that process: connected, connecting, or nothing where there is none.
connection_state() {
  local hex phase="" connections=""
  local -a bytes
  # /proc/net/tcp has addresses as hexadecimal numbers in the order of bytes in memory.
  IFS=. read -r -a bytes <<<"$2"
  printf -v hex '%02X%02X%02X%02X:0016' "${bytes[3]}" "${bytes[2]}" "${bytes[1]}" "${bytes[0]}"
  # Read whole: see runs_as.
  IFS= read -r -d '' connections 2>/dev/null <"/proc/$1/net/tcp"
  # 01: established; 02: no answer to the first packet yet.
  if [[ $connections == *" $hex 01 "* ]]; then
    phase=connected
  elif [[ $connections == *" $hex 02 "* ]]; then
    phase=connecting
  fi
  printf -v "$3" '%s' "$phase"
}
