#!/bin/sh
# shellcheck disable=SC3045
# `helper watch` (helper/main.c) as a shell script, for guests that cannot run the helper: every poll costs processes, so it
# polls less often, and leaves seed and clock to its reader (`end=3`).
#
#   watch.sh watch ADDRESS SECONDS GENERATION ACCESS [KEY=] [taken]
#
# It needs `nc` (busybox or netcat), curl or bash, and a shell whose `read` has -t and -n (busybox ash, bash), or curl.
address=$2 seconds=$3 generation=$4 taken=${7:-}
run=/run/hornet
umask 077

timed_read=yes
(read -r -t 1 -n 1 REPLY </dev/null) 2>/dev/null
if [ $? -gt 1 ]; then
  if [ -z "$HORNET_SHELL" ] && [ -x /bin/bash ]; then HORNET_SHELL=bash exec /bin/bash "$0" "$@"; fi
  timed_read=no
fi
unset HORNET_SHELL
carriage_return=$(printf '\r')

# relay: connects stdin and stdout to the metadata service.
if [ "$timed_read" = no ]; then
  client=curl
elif command -v nc >/dev/null; then
  client=relay
  relay() { exec nc "$address" 80; }
elif command -v curl >/dev/null; then
  client=curl
else
  client=relay
  relay() { exec bash -c 'exec 5<>"/dev/tcp/$0/80" && { cat <&5 & cat >&5; }' "$address"; }
fi

# pause SECONDS: waits; a line on stdin ends the wait.
pause() {
  asked=
  if [ "$timed_read" = yes ]; then
    IFS= read -r -t "$1" asked
  else
    sleep "$1"
  fi
}

connect() {
  relay <"$run/request" >"$run/response" 2>/dev/null 3>&- &
  relay_pid=$!
  exec 4<"$run/response"
}

disconnect() {
  exec 4<&-
  kill "$relay_pid" 2>/dev/null
  wait "$relay_pid" 2>/dev/null
}

# receive KIND: reads one HTTP response into $status and $body; fails on end of file and after $limit seconds of silence.
# KIND line: a body of one short line. KIND text: any body; `read` would end at its first newline.
receive() {
  status='' body='' length=0
  IFS= read -r -t "$limit" line <&4 || return 1
  status=${line#* }
  status=${status%%[!0-9]*}
  while IFS= read -r -t "$limit" line <&4; do
    line=${line%"$carriage_return"}
    case $line in
      '') break ;;
      [Cc]ontent-[Ll]ength:*) length=${line#*:} length=${length# } ;;
    esac
  done
  case $length in
    '' | *[!0-9]*) return 1 ;;
    0) return 0 ;;
  esac
  if [ "$1" = line ]; then
    IFS= read -r -t "$limit" -n "$length" body <&4 || [ -n "$body" ]
  else
    body=$(timeout "$((limit + 9))" head -c "$length" <&4 && printf x)
    # An incomplete document is discarded.
    case $body in *x) body=${body%x} ;; *) status='' && return 1 ;; esac
  fi
}

ask_token() {
  printf 'PUT /latest/api/token HTTP/1.1\r\nHost: %s\r\nX-metadata-token-ttl-seconds: 60\r\nContent-Length: 0\r\n\r\n' \
    "$address" >&3
  receive line && [ "$status" = 200 ]
}

ask_identity() {
  printf 'GET /hornet/identity HTTP/1.1\r\nHost: %s\r\nAccept: text/plain\r\nX-metadata-token: %s\r\n\r\n' \
    "$address" "$token" >&3
  receive text
}

# fetch_by_relay: token and document over one connection, or two if the service closes after an answer.
fetch_by_relay() {
  status='' body=''
  exec 3<>"$run/request"
  connect
  if ask_token; then
    token=$body
    if ! ask_identity && [ -z "$status" ]; then
      disconnect
      connect
      ask_identity
    fi
  elif [ -z "$status" ] && [ -e "/proc/$relay_pid/exe" ]; then
    # Neither refused nor answered: a slow guest gets more time at the next try.
    if [ "$limit" -lt 3600 ]; then limit=$((limit * 2)); fi
  fi
  disconnect
  exec 3>&-
  [ "$status" = 200 ]
}

fetch_by_curl() {
  status=''
  token=$(curl -sf -m "$limit" -X PUT -H 'X-metadata-token-ttl-seconds: 60' "http://$address/latest/api/token") || return 1
  body=$(printf 'header = "X-metadata-token: %s"\n' "$token" |
    curl -s -m "$limit" -w '%{http_code}' -H 'Accept: text/plain' -K - "http://$address/hornet/identity")
  status=${body#"${body%???}"} body=${body%???}
  [ "$status" = 200 ]
}

# fetch: sets $body to the identity document and $found to its generation; fails if there is none. Sets $absent if the service
# answered that it has none.
fetch() {
  absent=
  if ! "fetch_by_$client"; then
    if [ "$status" = 404 ]; then absent=yes; fi
    return 1
  fi
  case $body in
    format=*generation=*) ;;
    *)
      absent=yes
      return 1
      ;;
  esac
  found=${body#*generation=}
  found=${found%%"$newline"*}
}

# stamp: puts into $hundredths how long this guest has been up, in hundredths of a second.
stamp() {
  read -r up idle </proc/uptime
  hundredths=${up%.*}${up#*.}
}

# idle_interval: puts into $interval the pause of a guest that has its identity: $seconds, or 19 times as long as this look
# took, up to 30 s; see helper/main.c.
idle_interval() {
  stamp
  interval=$(((hundredths - begun) * 19 / 100 + 1))
  if [ "$interval" -gt 30 ]; then interval=30; fi
  if [ "$interval" -lt "$seconds" ]; then interval=$seconds; fi
}

newline='
'
for fifo in request response; do
  rm -f "$run/$fifo"
  mkfifo "$run/$fifo"
done
limit=1 tries=0 interval=0.1 asked=''
if [ "$generation" != none ]; then tries=3000; fi
if [ "$seconds" = 0 ]; then seconds=86400; fi
while :; do
  stamp
  begun=$hundredths
  if fetch && [ "$found" != "$generation" ]; then
    printf '%send=3\n' "$body"
    generation=$found
    tries=0 interval=0.1 taken=yes
  elif [ -n "$taken" ] && [ -n "$absent" ]; then
    printf 'gone\n'
    taken=
  fi
  body=
  if [ -n "$asked" ]; then printf 'looked\n'; fi
  # Ten polls a second while a snapshot and its resume are likely, fewer later.
  tries=$((tries + 1))
  case $tries in
    600) interval=0.5 ;;
    3000) interval=2 ;;
  esac
  if [ "$generation" != none ] && [ -z "$taken" ]; then idle_interval; fi
  pause "$interval"
done
