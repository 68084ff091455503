#!/bin/sh
# Installs the identity service into a guest's root file system (--root DIR, for image builds) or into the running guest.
#
#   install.sh [--root DIR] [--init busybox|openrc|systemd] [--sshd dropbear|openssh] [--helper FILE]
#
# --helper FILE is the compiled helper (guest/build-helper.sh). Without it this script compiles it if there is gcc; otherwise
# shell scripts replace it: they need more processes and find a new identity later.
#
# It detects init and ssh server unless they are given. It disables the ssh server at boot: the service starts it once the
# guest has its host key.
set -eu
umask 022

root='' init='' sshd='' helper=''
while [ $# -gt 1 ]; do
  case $1 in
    --root) root=${2%/} ;;
    --init) init=$2 ;;
    --sshd) sshd=$2 ;;
    --helper) helper=$2 ;;
    *) break ;;
  esac
  shift 2
done
if [ $# -gt 0 ]; then
  printf 'install.sh: %s is not an option or lacks its value; there are --root DIR, --init, --sshd and --helper FILE\n' "$1" >&2
  exit 2
fi
here=$(cd "$(dirname "$0")" && pwd)

if [ -z "$init" ]; then
  if [ -x "$root/lib/systemd/systemd" ]; then init=systemd
  elif [ -x "$root/sbin/openrc-run" ]; then init=openrc
  else init=busybox; fi
fi
if [ -z "$sshd" ]; then
  if [ -x "$root/usr/sbin/sshd" ]; then sshd=openssh; else sshd=dropbear; fi
fi

mkdir -p "$root/usr/sbin" "$root/usr/lib/hornet" "$root/etc/hornet/on-identity.d" "$root/etc/profile.d"
cp "$here/hornet-identity" "$root/usr/sbin/hornet-identity"
for part in apply keys agent metadata service; do
  cp "$here/$part.sh" "$root/usr/lib/hornet/"
  chmod 644 "$root/usr/lib/hornet/$part.sh"
done
cp "$here/watch.sh" "$here/run-agent" "$root/usr/lib/hornet/"
chmod 755 "$root/usr/sbin/hornet-identity" "$root/usr/lib/hornet/watch.sh" "$root/usr/lib/hornet/run-agent"

rm -f "$root/usr/lib/hornet/helper"
if [ -n "$helper" ]; then
  cp "$helper" "$root/usr/lib/hornet/helper"
elif command -v gcc >/dev/null && [ "$(uname -m)" = x86_64 ]; then
  "$here/helper/build.sh" "$root/usr/lib/hornet/helper"
fi
if [ -e "$root/usr/lib/hornet/helper" ]; then chmod 755 "$root/usr/lib/hornet/helper"; fi

cat >"$root/etc/profile.d/hornet-env.sh" <<'END'
# The environment that Hornet gave this guest, for login shells that may read it.
if [ -r /etc/swarm-env ]; then
  set -a
  . /etc/swarm-env
  set +a
fi
END

dropbear='/usr/sbin/dropbear -s -P /run/hornet/dropbear.pid'
case $init-$sshd in
  *-dropbear)
    mkdir -p "$root/etc/dropbear"
    start=$dropbear reload="/usr/lib/hornet/restart-dropbear"
    # shellcheck disable=SC2016
    printf '#!/bin/sh\n# Only the listener goes; sessions are processes of their own.\n%s\nexec %s\n' \
      'read -r pid </run/hornet/dropbear.pid && kill "$pid" && while kill -0 "$pid" 2>/dev/null; do sleep 0.1; done' \
      "$dropbear -r /etc/dropbear/dropbear_ed25519_host_key" >"$root/usr/lib/hornet/restart-dropbear"
    chmod 755 "$root/usr/lib/hornet/restart-dropbear"
    ;;
  openrc-openssh)
    # Alpine calls it sshd, Debian ssh.
    name=sshd
    if [ ! -e "$root/etc/init.d/sshd" ]; then name=ssh; fi
    start="rc-service --quiet $name start" reload='pkill -HUP -o -x sshd'
    ;;
  systemd-openssh) start='systemctl start ssh.service' reload='systemctl reload ssh.service' ;;
  *) start=/usr/sbin/sshd reload='pkill -HUP -o -x sshd' ;;
esac
if [ ! -e "$root/etc/hornet/identity.conf" ]; then
  cat >"$root/etc/hornet/identity.conf" <<END
# Settings of hornet-identity; read by its shell.
# Seconds between two looks for another identity, once there is one; 0: only on hornet-identity --now.
WATCH_SECONDS=1
# Seconds that each of the hooks in /etc/hornet/on-identity.d may take.
HOOK_SECONDS=30
# How long what the agent says may be, where no journal has it; then the older half goes.
AGENT_LOG_KIB=10240
# The ssh server: format of its host key (dropbear or openssh), how it is started, how it takes a changed host key.
SSHD_KIND=$sshd
SSHD_START='$start'
SSHD_RELOAD='$reload'
END
fi

case $init in
  busybox)
    mkdir -p "$root/etc"
    touch "$root/etc/inittab"
    grep -q hornet-identity "$root/etc/inittab" ||
      printf '::respawn:/usr/sbin/hornet-identity\n' >>"$root/etc/inittab"
    ;;
  openrc)
    cp "$here/hornet-identity.openrc" "$root/etc/init.d/hornet-identity"
    chmod 755 "$root/etc/init.d/hornet-identity"
    mkdir -p "$root/etc/runlevels/default"
    ln -sf /etc/init.d/hornet-identity "$root/etc/runlevels/default/hornet-identity"
    cp "$here/hornet-agent.openrc" "$root/etc/init.d/hornet-agent"
    chmod 755 "$root/etc/init.d/hornet-agent"
    rm -f "$root/etc/runlevels/default/sshd" "$root/etc/runlevels/default/ssh" "$root/etc/runlevels/default/dropbear"
    ;;
  systemd)
    cp "$here/hornet-identity.service" "$root/etc/systemd/system/hornet-identity.service"
    mkdir -p "$root/etc/systemd/system/multi-user.target.wants"
    ln -sf /etc/systemd/system/hornet-identity.service \
      "$root/etc/systemd/system/multi-user.target.wants/hornet-identity.service"
    cp "$here/hornet-agent.service" "$root/etc/systemd/system/hornet-agent.service"
    for unit in ssh.service sshd.service dropbear.service; do
      rm -f "$root/etc/systemd/system/multi-user.target.wants/$unit"
    done
    rm -f "$root/etc/systemd/system/sshd.service" "$root/etc/systemd/system/sockets.target.wants/ssh.socket"
    ;;
  *)
    printf 'install.sh: unknown init %s; there are busybox, openrc and systemd\n' "$init" >&2
    exit 2
    ;;
esac
