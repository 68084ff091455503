#!/usr/bin/env bash
# Plays the Internet behind a simulated droplet, in separate network, mount and pid namespaces: a web server that answers with
# the source address of the request. Prints on fd 3 the pid that it has outside.
set -euo pipefail

read -r outside _ </proc/self/stat
mount -t proc -o nosuid,nodev,noexec proc /proc
printf 'ready %s\n' "$outside" >&3
exec 3>&-
exec -c busybox httpd -f -p 0.0.0.0:80 -h "$1"
