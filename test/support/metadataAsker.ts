/**
 * A process without rights that asks a guest's metadata service as fast as it can: it runs in the template when that is
 * snapshotted, and on from the first instruction of every clone. It writes every answer to /var/tmp/asked.
 */

const script = `#!/bin/sh
out=\${ASKED:-/var/tmp/asked}
umask 022
: >>"$out"
ask() { printf '%s\\r\\n' "$@" '' | timeout 2 nc 169.254.169.254 80 2>&1; }
refusals=0
while :; do
  # The bare connection, then a read without a token (version 1), then one with a token (version 2).
  connected=no
  answer=$(ask 'GET /hornet/identity HTTP/1.0' 'Accept: text/plain')
  case $answer in *HTTP*) connected=yes ;; esac
  token=$(ask 'PUT /latest/api/token HTTP/1.0' 'X-metadata-token-ttl-seconds: 60' | tail -n 1)
  case $token in
    *[!A-Za-z0-9+/=]* | '') ;;
    *) answer="$answer $(ask 'GET /hornet/identity HTTP/1.0' 'Accept: text/plain' "X-metadata-token: $token")
$(ask 'GET / HTTP/1.0' 'Accept: application/json' "X-metadata-token: $token")" ;;
  esac
  case $connected$answer in
    *HTTP*) refusals=0 && printf 'told %s\\n' "$answer" >>"$out" && : >"$out.told" ;;
    *) refusals=$((refusals + 1)) && if [ "$((refusals % 16))" = 0 ]; then printf 'refused %s\\n' "$refusals" >>"$out"; fi ;;
  esac
done
`;

/**
 * The files that a guest image gets; busybox's init runs it as nobody. The identity service waits for its first answer, which it
 * gets because nothing is closed yet; so a later refusal is the service's work.
 */
export const asker: Readonly<Record<string, string>> = {
  "usr/bin/ask-metadata": script,
  "etc/inittab": `::sysinit:/etc/hornet/boot
::sysinit:/bin/mkdir -m 1777 -p /var/tmp
::sysinit:/bin/rm -f /var/tmp/asked.told
::respawn:/bin/su -s /bin/sh nobody -c /usr/bin/ask-metadata
::respawn:/bin/sh -c "until [ -e /var/tmp/asked.told ]; do sleep 0.1; done; exec /usr/sbin/hornet-identity"
::ctrlaltdel:/sbin/reboot
::shutdown:/bin/sh -c "umount -a -r 2>/dev/null"
`,
};

/**
 * Whether the asker asked and was refused every time from some moment on, which is the template's: before it closes the
 * metadata service that answers, and has nothing to tell.
 */
export function isRefused(asked: string): boolean {
  const [before = "", ...after] = asked.split(/^refused /m);
  return after.length > 0 && !after.join("").includes("told ") && !before.includes("generation=");
}
