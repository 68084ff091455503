# shellcheck shell=sh
# Sets the keys that may log in to this guest. Sourced after apply.sh, and sent with it.

# added_by_cloud_init LINE: whether the image's cloud-init has added this key, for any user and sometimes only with a command
# that names another user to log in as: it adds keys and removes none. $cloud_init_keys: the keys that it got, one a line.
added_by_cloud_init() {
  if [ -z "${cloud_init_keys:-}" ]; then return 1; fi
  case $1 in no-port-forwarding,*'exit 142" '*) set -- "${1#*'exit 142" '}" ;; esac
  case $newline$cloud_init_keys in *"$newline$1$newline"*) ;; *) return 1 ;; esac
}

# write_keys USER KEYS: replaces Hornet's block of keys in USER's authorized_keys by KEYS, escaped; without KEYS it removes the
# block. Other lines of the file are the image's and stay.
write_keys() {
  find_user "$1" || { failed authorized-keys "there is no user $1 in this guest" && return; }
  file=$home/.ssh/authorized_keys
  # Otherwise the folder's owner could redirect root's write to any file.
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
          if added_by_cloud_init "$line"; then had=yes; else lines=$lines$line$newline; fi
          ;;
      esac
    done <"$file"
  fi
  if [ -z "$2" ]; then
    if [ -n "$had" ]; then printf '%s' "$lines" >"$file" || failed authorized-keys; fi
    return
  fi
  # An ssh server ignores a home that its user may not enter.
  if [ ! -d "$home" ]; then
    umask 022
    if ! mkdir -p "$home" || ! chown "$owner" "$home"; then failed authorized-keys "$home"; fi
    umask 077
  fi
  [ -d "$home/.ssh" ] || mkdir "$home/.ssh"
  printf '%s# hornet: begin\n%b# hornet: end\n' "$lines" "$2" >"$file" || failed authorized-keys
  if [ "$owner" != 0:0 ]; then chown -h "$owner" "$home/.ssh" "$file" || failed authorized-keys "$file"; fi
}

# apply_keys: gives Hornet's keys to the login user and removes them from all others, who may have got them in an earlier boot.
apply_keys() {
  former=
  while IFS=: read -r name password uid gid comment folder shell; do
    if [ "$name" != "${new_user:-root}" ] && [ -f "$folder/.ssh/authorized_keys" ]; then former="$former $name"; fi
  done </etc/passwd
  for name in $former; do write_keys "$name" ''; done
  write_keys "${new_user:-root}" "$new_keys"
}
