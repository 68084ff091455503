# shellcheck shell=sh
# Closes the metadata service to everyone but root, and tests that. hornet-identity does this before the snapshot is taken, so
# that it is closed in a clone from its first instruction on.

# close_metadata: sets $access to `closed`, or to `open` with the reason in $why_open.
close_metadata() {
  access=open why_open="this guest's kernel or tools cannot refuse an address to all users but root: policy routing by user id (CONFIG_IP_MULTIPLE_TABLES), nftables or iptables would"
  for way in close_by_rules close_by_nft close_by_iptables; do
    if "$way" 2>/dev/null && is_refused_to_nobody; then
      access=closed why_open=
      return
    fi
  done
}

# close_by_rules: like helper/access.c. Replaces a helper that does not run in this guest by watch.sh.
close_by_rules() {
  if [ "$watcher" = "$LIBRARY/helper" ]; then
    "$watcher" close "$MMDS_ADDRESS" && return
    # 64: it runs, and does not understand.
    "$watcher"
    if [ $? -eq 64 ]; then return 1; fi
    watcher=$LIBRARY/watch.sh
  fi
  case $(ip rule show) in *"to $MMDS_ADDRESS "*prohibit*) return 0 ;; esac
  ip route replace local "$MMDS_ADDRESS/32" dev "${DEVICE:-eth0}" table 169254 scope host proto kernel &&
    ip rule add pref 0 from "$MMDS_ADDRESS/32" to "$MMDS_ADDRESS/32" lookup 169254 protocol kernel &&
    ip rule add pref 0 to "$MMDS_ADDRESS/32" iif lo uidrange 0-0 lookup main protocol kernel &&
    ip rule add pref 0 to "$MMDS_ADDRESS/32" uidrange 1-4294967294 lookup 169254 protocol kernel &&
    ip rule add pref 0 to "$MMDS_ADDRESS/32" prohibit protocol kernel
}

close_by_nft() {
  nft -f - <<END
add table ip hornet_metadata
delete table ip hornet_metadata
table ip hornet_metadata {
  chain output {
    type filter hook output priority -300; policy accept;
    ip daddr $MMDS_ADDRESS meta skuid 0 accept
    ip daddr $MMDS_ADDRESS meta l4proto tcp reject with tcp reset
    ip daddr $MMDS_ADDRESS drop
  }
  chain forward {
    type filter hook forward priority -300; policy accept;
    ip daddr $MMDS_ADDRESS drop
  }
}
END
}

# close_by_iptables: each rule is inserted before the previous one.
close_by_iptables() {
  iptables -w -C OUTPUT -d "$MMDS_ADDRESS" -m owner --uid-owner 0 -j ACCEPT && return
  iptables -w -I FORWARD 1 -d "$MMDS_ADDRESS" -j DROP &&
    iptables -w -I OUTPUT 1 -d "$MMDS_ADDRESS" -j DROP &&
    iptables -w -I OUTPUT 1 -d "$MMDS_ADDRESS" -p tcp -j REJECT --reject-with tcp-reset &&
    iptables -w -I OUTPUT 1 -d "$MMDS_ADDRESS" -m owner --uid-owner 0 -j ACCEPT
}

# is_refused_to_nobody (variable way): connects as the user nobody. Without a program to connect with it counts as open. A packet
# filter refuses like an absent service, so root must get through to distinguish the two.
is_refused_to_nobody() {
  # The helper has tried.
  if [ "$way" = close_by_rules ] && [ "$watcher" = "$LIBRARY/helper" ]; then return; fi
  if command -v curl >/dev/null; then
    # 7: the connection failed; a timeout is another code. A socket bound to the link takes another route (access.c).
    attempt="curl -s -m 60 -o /dev/null http://$MMDS_ADDRESS/; [ \$? = 7 ] &&
      { curl -s -m 60 --interface if!${DEVICE:-eth0} -o /dev/null http://$MMDS_ADDRESS/; case \$? in 7 | 45) ;; *) false ;; esac }"
  elif command -v bash >/dev/null; then
    attempt="timeout 60 bash -c ': <>/dev/tcp/$MMDS_ADDRESS/80'; [ \$? = 1 ]"
  elif command -v nc >/dev/null; then
    attempt="timeout 60 nc $MMDS_ADDRESS 80; [ \$? = 1 ]"
  else
    return 1
  fi
  if [ "$way" != close_by_rules ] && sh -c "$attempt" </dev/null >/dev/null 2>&1; then return 1; fi
  if setpriv --reuid=65534 --regid=65534 --clear-groups true 2>/dev/null; then
    setpriv --reuid=65534 --regid=65534 --clear-groups sh -c "$attempt" </dev/null >/dev/null 2>&1
  else
    su -s /bin/sh nobody -c "$attempt" </dev/null >/dev/null 2>&1
  fi
}
