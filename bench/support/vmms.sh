#!/usr/bin/env bash
# Lists the running VMMs as "PID START", a line each; with kill, first ends COUNT of them.
# Arguments: kill or list, COUNT.
set -euo pipefail
what=$1 count=$2
for record in /opt/swarm/runtime/*/vmm.pid; do
  read -r pid started _ <"$record"
  [[ $(cut -d' ' -f22 "/proc/$pid/stat" 2>/dev/null) == "$started" ]] || continue
  if [[ $what == kill ]] && ((count-- > 0)); then kill -9 "$pid"; else printf '%s %s\n' "$pid" "$started"; fi
done
