#!/bin/sh
# The inventory for Ansible itself: HORNET_STACK=dev ansible -i scripts/inventory.sh clones -m raw -a hostname
exec node "$(dirname "$0")/hornet.mjs" inventory "$@"
