# shellcheck shell=bash
# The jail of a clone's VMM, built for each launch: Firecracker's jailer runs the VMM as a separate user, without capabilities,
# in the chroot DIR/jail/PROGRAM/ID/root of the clone's folder DIR (DIR/jail/root leads there). DIR has the
# mode 700 and is root's, so no other user gets into the chroot. In the chroot every file is at the path that it has outside,
# so the VMM is asked for the same, jailed or not. Private files are hard links of those in DIR, shared ones of the
# artifact's: one page cache for all clones. The file DIR/jail/entries lists what was in the chroot when the VMM had started (see
# entries.pl); a line jail=listed in the launch record says that there is such a list, which VMMs of earlier versions have not.

# Further lines for builder.pl, of a snapshot whose files Hornet does not know yet (see scratch.sh).
stand_ins=""

# in_jail DIR: the VMM that was launched last is jailed.
in_jail() { [[ -L $1/jail/root ]]; }

# prepare_jail DIR NAMESPACE FIRECRACKER ID DISK_PATH VSOCK TAP…: variables jailer (empty: no jail), uids, and paths that the VMM
# reads, one a line: shown (the artifact's), lent (disks that the operator declared) and named (those that the snapshot alone names).
prepare_jail() {
  local dir=$1 namespace=$2 firecracker=$3 uid=""
  if [[ -z ${jailer:-} ]]; then
    [[ ! -e $dir/jail && ! -e $dir/uid ]] || effect "$namespace/unjail" leave_jail "$dir"
    return
  fi
  effect "$namespace/uid" hold_uid "$dir" uid || return
  # The jailer names the chroot after the program behind a link.
  if [[ -L $firecracker ]]; then firecracker=$(realpath -- "$firecracker") || return; fi
  effect "$namespace/jail" make_jail "$dir" "$namespace" "$dir/jail/${firecracker##*/}/$4/root" "$firecracker" "${@:5}"
}

# make_jail DIR NAMESPACE ROOT FIRECRACKER DISK_PATH VSOCK TAP… (variables uid, shown, lent, named and stand_ins): see builder.pl.
make_jail() {
  local dir=$1 line listed=""
  local -a taps=("${@:7}")
  clear_path "$dir/jail" || return
  for line in "${taps[@]}"; do [[ -z $line ]] || listed+="tap $line"$'\n'; done
  list_each file "${shown:-}"
  list_each lent "${lent:-}"
  list_each named "${named:-}"
  listed+=$stand_ins
  step jail "$3" "$uid" "$dir" "$4" "$5" "$6" "$2" "$listed"
}

# list_each WORD LINES: adds the lines, each behind the word, to the caller's variable listed.
list_each() { [[ -z $2 ]] || listed+="$1 ${2//$'\n'/$'\n'"$1 "}"$'\n'; }

# show_socket DIR PATH: a jailed VMM's vsock socket, also at the path that it has without a jail. What is no socket is left: the
# VMM may put anything in its place.
show_socket() {
  local at
  in_jail "$1" || return 0
  jail_path "$2" at
  clear_socket "$2" && ln -T "$1/jail/root$at" "$2" || return
  [[ -S $2 && ! -L $2 ]] || { rm -f "$2" && fail "the VMM made no socket $2"; }
}

# mend_jail DIR PID START: makes a jail as it was when its VMM had started (see mend.pl).
mend_jail() { perl -we "$common_program$entries_program$compare_program$mend_program" "$@" </dev/null; }

# leave_jail DIR: what is left of a jail when a VMM is to run without one.
leave_jail() {
  clear_path "$1/jail" && drop_uid "$1" || return
  [[ ! -f $1/rootfs.ext4 || -L $1/rootfs.ext4 ]] || chown 0:0 "$1/rootfs.ext4"
}

# bring_out DIR NAME: moves a file that the jailed VMM made into the clone's folder, as root's. Its VMM has ended.
bring_out() {
  local made=$1/jail/root$1/$2
  in_jail "$1" || return 0
  [[ -f $made && ! -L $made && $(stat -c %h "$made") == 1 ]] || { fail "the VMM made no file $2"; return 1; }
  chown 0:0 "$made" && mv -T "$made" "$1/$2"
}

# jail_path PATH VARIABLE: puts into it the same path without dots, from the root on: the jailed VMM's working directory is /.
jail_path() {
  local part out=""
  local -a parts
  IFS=/ read -r -a parts <<<"$1"
  for part in "${parts[@]}"; do
    case $part in
      "" | .) ;;
      ..) out=${out%/*} ;;
      *) out+=/$part ;;
    esac
  done
  printf -v "$2" '%s' "$out"
}
