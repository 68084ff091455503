# shellcheck shell=sh
# Who may log in to this guest. Sourced behind apply.sh, and sent with it.

# told_by_others LINE: whether an image's own cloud-init has put this key there, for any user and sometimes only to say that
# another one should log in: it adds keys and takes none away. $told: the keys that it was given, a line each.
told_by_others() {
  if [ -z "${told:-}" ]; then return 1; fi
  case $1 in no-port-forwarding,*'exit 142" '*) set -- "${1#*'exit 142" '}" ;; esac
  case $newline$told in *"$newline$1$newline"*) ;; *) return 1 ;; esac
}

# write_keys USER KEYS: makes KEYS, escaped, the block of keys that is ours in USER's authorized_keys; without any, the
# block goes. What else is in the file is the image's, and stays.
write_keys() {
  find_user "$1" || { failed authorized-keys "there is no user $1 in this guest" && return; }
  file=$home/.ssh/authorized_keys
  # Whoever owns the folder could lead root's writing to any file.
  if [ -h "$home/.ssh" ] || [ -h "$file" ]; then
    failed authorized-keys "$file lies behind a symbolic link" && return
  fi
  lines='' ours='' had=''
  if [ -f "$file" ]; then
    while IFS= read -r line || [ -n "$line" ]; do
      case $line in
        '# hornet: begin') ours=yes had=yes ;;
        '# hornet: end') ours= ;;
        *)
          if [ -n "$ours" ]; then continue; fi
          if told_by_others "$line"; then had=yes; else lines=$lines$line$newline; fi
          ;;
      esac
    done <"$file"
  fi
  if [ -z "$2" ]; then
    if [ -n "$had" ]; then printf '%s' "$lines" >"$file" || failed authorized-keys; fi
    return
  fi
  # An ssh server looks past a home that its user may not enter.
  if [ ! -d "$home" ]; then
    umask 022
    if ! mkdir -p "$home" || ! chown "$owner" "$home"; then failed authorized-keys "$home"; fi
    umask 077
  fi
  [ -d "$home/.ssh" ] || mkdir "$home/.ssh"
  printf '%s# hornet: begin\n%b# hornet: end\n' "$lines" "$2" >"$file" || failed authorized-keys
  if [ "$owner" != 0:0 ]; then chown -h "$owner" "$home/.ssh" "$file" || failed authorized-keys "$file"; fi
}

# apply_keys: nobody but the login user has keys of ours, whoever had them before: in an earlier boot, told another way.
apply_keys() {
  former=
  while IFS=: read -r name password uid gid comment folder shell; do
    if [ "$name" != "${new_user:-root}" ] && [ -f "$folder/.ssh/authorized_keys" ]; then former="$former $name"; fi
  done </etc/passwd
  for name in $former; do write_keys "$name" ''; done
  write_keys "${new_user:-root}" "$new_keys"
}
