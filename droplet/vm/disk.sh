# shellcheck shell=bash
# A clone's private disk: how Hornet copies it, and how the VMM sees it at the path that the snapshot has for it.

# copy_disk SOURCE TARGET KIND-FILE: a copy of its own, by reflink where the file system can, else without its zeros. It
# has our mode, not the template's.
copy_disk() {
  clear_path "$2" && clear_path "$2.draft" && clear_path "${2%/*}/disk-used" || return
  step copy "$1" "$2" && printf '%s\n' "$step_answer" >"$3"
}

# expose_path PATH: makes sure that a file can be mounted at PATH, within this process's own mount namespace. Where
# folders are missing, a tmpfs covers the nearest one that is there and shows its entries again, so that nothing is
# written on the droplet.
expose_path() {
  local path=$1 base entry
  [[ ! -e $path ]] || return 0
  # A link that leads to nothing would be written through, onto the droplet.
  path=$(realpath -m -- "$path") || return
  base=${path%/*}
  while [[ -n $base && ! -d $base ]]; do base=${base%/*}; done
  [[ -n $base ]] || { fail "no folder above $path can be covered"; return 1; }
  base=$(realpath "$base") && cd "$base" || return
  # The working directory stays on what is covered: relative sources reach it, unless mount makes them absolute (-c).
  mount -t tmpfs -o mode=0755 hornet "$base" || return
  for entry in ./* ./.[!.]*; do
    if [[ -L $entry ]]; then
      cp -P "$entry" "$base/$entry"
    elif [[ -d $entry ]]; then
      mkdir "$base/$entry" && mount -c --rbind "$entry" "$base/$entry"
    elif [[ -e $entry ]]; then
      : >"$base/$entry" && mount -c --bind "$entry" "$base/$entry"
    fi || return
  done
  mkdir -p "$(realpath -m "${path%/*}")" && : >"$path"
}

# mount_disk DIR PATH: puts the private disk of the clone's folder at the path that the snapshot has for it, within this
# process's own mount namespace; an empty PATH: the VM has no disk. The VMM runs in DIR, so a relative path leads on from
# there; within DIR a link is enough.
mount_disk() {
  local dir=$1 path=$2
  [[ -n $path ]] || return 0
  if [[ $path != /* ]]; then
    path=$dir/$path
    [[ ! $path -ef $dir/rootfs.ext4 ]] || return 0
    if [[ $(realpath -m -- "$path") == "$(realpath -- "$dir")"/* ]]; then
      [[ ! -e $path && ! -L $path ]] || { fail "the disk path $2, which is baked into the snapshot, is taken by a file of Hornet's"; return 1; }
      mkdir -p -- "${path%/*}" && ln -s -- "$dir/rootfs.ext4" "$path"
      return
    fi
  fi
  expose_path "$path" && mount --bind -- "$dir/rootfs.ext4" "$path"
}

# @call list_private() stdin: paths, one a line; answers: those that are there and that not every user of the droplet may read; reads
list_private() {
  local path
  local -a there=()
  while IFS= read -r path; do [[ ! -e $path ]] || there+=("$path"); done
  # shellcheck disable=SC2016 # the other shell's own variable
  ((${#there[@]} == 0)) || setpriv --reuid 65534 --regid 65534 --clear-groups --bounding-set=-all -- \
    sh -c 'for path; do [ -r "$path" ] || printf "%s\n" "$path"; done' sh "${there[@]}"
}

# refuse_private PATHS: a snapshot may name any file of the droplet as a disk of its guests.
refuse_private() {
  local private
  [[ -n $1 ]] || return 0
  private=$(list_private <<<"$1") || return
  [[ -z $private ]] ||
    fail "the snapshot names a disk that not every user of the droplet may read: ${private%%$'\n'*} (hornet:snapshot.disks)"
}
