#!/usr/bin/env bash
# Pid 1 of a simulated droplet. Runs in fresh network, mount, pid, uts and ipc namespaces; makes the droplet's file tree from
# the machine's, prints on fd 3 the pid that it has outside, and keeps running.
#
# Persistent, in DROPLET_FS: /etc /opt /opt/swarm /root /var/log /var/tmp. Temporary: /run /tmp /dev/shm. Everything else is
# the machine's, read-only.
set -euo pipefail

: "${DROPLET_NAME:?}" "${DROPLET_FS:?}"
own=(etc opt root var-log var-tmp)
stage=/run/.stage

# The pid as the machine sees it: /proc is still the machine's.
read -r outside _ </proc/self/stat

# pin SOURCE NAME: binds SOURCE to a place in the stage first, because it may be below a folder that is covered later.
pin() {
  if [[ -d "$1" ]]; then mkdir -p "$stage/$2"; else : >"$stage/$2"; fi
  mount --bind "$1" "$stage/$2"
}

# cover NAME TARGET: binds a pinned source to TARGET.
cover() { mount --bind "$stage/$1" "$2"; }

case "$DROPLET_FS" in /run/*) echo "the state folder must not be in /run" >&2; exit 1 ;; esac
mount -t tmpfs -o mode=0755,nosuid,nodev tmpfs /run
mkdir -p "$stage"
for name in "${own[@]}"; do pin "$DROPLET_FS/$name" "$name"; done
if [[ -n "${DROPLET_SWARM_IMAGE:-}" ]]; then
  # The loop device keeps the image open for writing. It opens the image through this mount, because otherwise the machine's
  # mount could not become read-only below.
  pin "$DROPLET_SWARM_IMAGE" swarm.image
  mkdir "$stage/swarm"
  mount -o loop,nouuid "$stage/swarm.image" "$stage/swarm"
  umount --lazy "$stage/swarm.image"
else
  pin "$DROPLET_FS/swarm" swarm
fi
[[ -z "${DROPLET_FIRECRACKER:-}" ]] || pin "$DROPLET_FIRECRACKER" firecracker
[[ -z "${DROPLET_JAILER:-}" ]] || pin "$DROPLET_JAILER" jailer
[[ -z "${DROPLET_KERNEL:-}" ]] || pin "$DROPLET_KERNEL" vmlinux.bin
[[ -z "${DROPLET_ROOTFS:-}" ]] || pin "$DROPLET_ROOTFS" rootfs.ext4
while read -r controller path; do
  [[ -z "$controller" ]] || pin "$path" "cgroup${controller#.}"
done <<<"${DROPLET_CGROUPS:-}"
kept=()
while IFS= read -r path; do
  [[ -d "$path" ]] || continue
  pin "$path" "kept${#kept[@]}"
  kept+=("$path")
done <<<"${DROPLET_KEEP:-}"

# The droplet cannot write to the machine's files.
while read -r _ _ _ _ where options _; do
  case "$where" in /proc | /proc/* | /sys | /sys/* | /dev | /dev/* | /run | /run/*) continue ;; esac
  mount -o "remount,bind,${options/#rw/ro}" "$(printf '%b' "$where")" || [[ "$where" != / ]]
done </proc/self/mountinfo

cover etc /etc
cover root /root
cover var-log /var/log
cover var-tmp /var/tmp
cover opt /opt
mount -t tmpfs -o mode=1777,nosuid,nodev tmpfs /tmp
for index in "${!kept[@]}"; do
  [[ -e "${kept[$index]}" ]] && continue
  mkdir -p "${kept[$index]}"
  cover "kept$index" "${kept[$index]}"
  mount -o remount,bind,ro "${kept[$index]}"
done

mkdir -p /opt/swarm
cover swarm /opt/swarm
mkdir -p /opt/swarm/images
for image in vmlinux.bin rootfs.ext4; do
  [[ -e "$stage/$image" ]] || continue
  : >>"/opt/swarm/images/$image"
  cover "$image" "/opt/swarm/images/$image"
  mount -o remount,bind,ro "/opt/swarm/images/$image"
done

if [[ -n "${DROPLET_FIRECRACKER:-}" ]]; then
  # A bind mount needs an existing file, and the machine's /usr/bin may have none of this name.
  mkdir "$stage/over"
  mount -t tmpfs tmpfs "$stage/over"
  mkdir "$stage/over/upper" "$stage/over/work"
  mount -t overlay -o "lowerdir=/usr/bin,upperdir=$stage/over/upper,workdir=$stage/over/work" overlay /usr/bin
  programs=(firecracker)
  [[ -z "${DROPLET_JAILER:-}" ]] || programs+=(jailer)
  for program in "${programs[@]}"; do [[ -e /usr/bin/$program ]] || : >"/usr/bin/$program"; done
  umount "$stage/over"
  for program in "${programs[@]}"; do
    cover "$program" "/usr/bin/$program"
    mount -o remount,bind,ro "/usr/bin/$program"
  done
  mount -o remount,ro overlay /usr/bin
fi

# sysfs and /proc/sys/net show the reader's namespace; the other sysctls are the machine's.
mount -t sysfs -o nosuid,nodev,noexec sysfs /sys
if [[ -d "$stage/cgroup" ]]; then
  cover cgroup /sys/fs/cgroup
elif [[ -n "${DROPLET_CGROUPS:-}" ]]; then
  mount -t tmpfs -o mode=0755,nosuid,nodev,noexec cgroup /sys/fs/cgroup
  while read -r controller _; do
    mkdir "/sys/fs/cgroup/$controller"
    cover "cgroup$controller" "/sys/fs/cgroup/$controller"
  done <<<"$DROPLET_CGROUPS"
  mount -o remount,ro /sys/fs/cgroup
else
  mount -t cgroup2 -o ro,nosuid,nodev,noexec cgroup2 /sys/fs/cgroup || echo "no cgroup v2" >&2
fi

# These are the whole machine's, and Hornet changes them with hornet:droplet.harden. A device on such a mount works as before.
for path in /sys/kernel/mm/ksm /sys/devices/system/cpu /sys/module/kvm/parameters /dev/kvm; do
  [[ -e "$path" ]] || continue
  mount --bind "$path" "$path"
  mount -o remount,bind,ro "$path"
done

# Never a recursive removal here: what is pinned is the machine's.
for path in "$stage"/*; do
  if mountpoint -q "$path"; then umount "$path"; fi
  if [[ -d "$path" ]]; then rmdir "$path"; else rm "$path"; fi
done
rmdir "$stage"

mount -t proc -o nosuid,nodev,noexec proc /proc
printf '%s' "$DROPLET_NAME" >/proc/sys/kernel/hostname
mount --bind /proc/sys /proc/sys
mount -o remount,bind,ro,nosuid,nodev,noexec /proc/sys
mount --bind /proc/sys/net /proc/sys/net
mount -o remount,bind,rw,nosuid,nodev,noexec /proc/sys/net
mount -t tmpfs -o mode=1777,nosuid,nodev tmpfs /dev/shm
mount -t devpts -o newinstance,ptmxmode=0666,mode=0620,gid=5,nosuid,noexec devpts /dev/pts
[[ -L /dev/ptmx ]] || mount --bind /dev/pts/ptmx /dev/ptmx

mkdir /run/sshd /run/netns /run/lock
chmod 1777 /run/lock
# As on a real host: systemd makes the tree shared. iproute2 makes /run/netns a shared mount when it names the first namespace,
# and never undoes that, so it exists from the start here.
mount --make-rshared /
mount --bind /run/netns /run/netns
mount --make-shared /run/netns

printf 'ready %s\n' "$outside" >&3
exec 3>&-
cd /
# Bash waits for every child, adopted orphans too, so nothing stays a zombie.
# shellcheck disable=SC2016
exec -c bash --norc -c 'while :; do sleep infinity & wait "$!"; done' init
