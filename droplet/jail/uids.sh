# shellcheck shell=bash
# The user of each jailed VMM: a uid, and the gid of the same number, that no other process and no user of the droplet has.
# In the clone's folder the file `uid` has the number; a link of that name in a folder of /run leads to the clone's folder,
# for all stacks and runtime folders of the droplet. After a reboot the links are gone, and so are the VMMs.

uids_folder=/run/hornet-uids

# hold_uid DIR VARIABLE (variable uids, "FIRST COUNT"): puts the clone's uid into VARIABLE; takes one where it has none. Several lanes
# do this at once. The link decides, which only one of them can make. The file comes before it, so that no other lane finds a
# link whose clone does not name the uid, which is left over.
hold_uid() {
  local dir=$1 first last kept="" one
  first=${uids% *}
  last=$((first + ${uids#* } - 1))
  { read -r kept <"$dir/uid"; } 2>/dev/null
  if [[ ! $kept =~ ^[0-9]+$ ]] || ((kept < first || kept > last)) || ! link_uid "$kept" "$dir"; then
    drop_uid "$dir"
    kept=""
    for ((one = first; one <= last; one++)); do
      # Most are taken, and their links show it.
      if is_held "$one" "$dir"; then continue; fi
      put_line "$dir/uid" "$one" || return
      link_uid "$one" "$dir" || continue
      kept=$one
      break
    done
    [[ -n $kept ]] || { clear_path "$dir/uid"; fail "all uids from $first to $last are taken on the droplet (hornet:vmm.uids)"; return 1; }
    refuse_taken "$kept" || { drop_uid "$dir"; return 1; }
  fi
  printf -v "$2" '%s' "$kept"
}

# is_held UID DIR: whether a link says that another clone holds it. A link whose clone no longer names that uid is left over, unless
# a process still runs as it: that clone lost its folder, and the link alone leads to its VMM. Starts no process: the hundredth
# clone looks at the links of all others, and a process for each took seconds.
is_held() {
  local link=$uids_folder/$1 of=""
  [[ -L $link && ! $link -ef $2 ]] || return
  { read -r of <"$link/uid"; } 2>/dev/null
  [[ $of == "$1" ]] || is_running_as "$1"
}

# link_uid UID DIR: fails where another clone holds it.
link_uid() {
  local link=$uids_folder/$1
  # Another lane may make the folder meanwhile, or remove it while it is empty.
  [[ -d $uids_folder ]] || mkdir -m 700 "$uids_folder" 2>/dev/null || [[ -d $uids_folder ]] || return
  [[ ! $link -ef $2 ]] || return 0
  [[ ! -L $link ]] || by_turns drop_left_link "$1" "$2" || return
  step link "$2" "$link"
}

# drop_left_link UID DIR: fails where the link is not left over. By turns: otherwise it could remove the link that another lane has
# made in place of the one that it judged.
drop_left_link() { ! is_held "$1" "$2" && rm -f "$uids_folder/$1"; }

is_running_as() {
  local process
  for process in /proc/[0-9]*; do ! runs_as "${process#/proc/}" "$1" || return 0; done
  return 1
}

# refuse_taken UID: a user or group of the droplet with that number could reach the VMM and its files.
refuse_taken() {
  step user "$1" || return
  [[ -n $step_answer ]] || return 0
  fail "the uid $1 of the range hornet:vmm.uids is $step_answer's on the droplet; set hornet:vmm.uids to a range without users"
}

# held_uid DIR VARIABLE: puts the clone's uid into VARIABLE, also where its folder lost the file; empty where it has none.
held_uid() {
  local kept="" link
  { read -r kept <"$1/uid"; } 2>/dev/null
  if [[ ! $kept =~ ^[0-9]+$ ]]; then
    kept=""
    if [[ -d $1 ]]; then
      for link in "$uids_folder"/*; do [[ ! $link -ef $1 ]] || kept=${link##*/}; done
    elif [[ -d $uids_folder ]]; then
      # The link of a folder that is gone leads nowhere.
      link=$(find "$uids_folder" -lname "$1" -print -quit)
      kept=${link##*/}
    fi
  fi
  printf -v "$2" '%s' "$kept"
}

# release_uid DIR (variable namespace): gives the clone's uid back.
release_uid() {
  local held
  held_uid "$1" held
  [[ -z $held ]] || effect "$namespace/free-uid" drop_uid "$1"
}

drop_uid() {
  local held
  held_uid "$1" held
  [[ -z $held ]] || drop_link "$held" "$1"
  clear_path "$1/uid"
}

# drop_link UID DIR: the folder goes with its last link.
drop_link() {
  [[ ! $uids_folder/$1 -ef $2 && $(readlink "$uids_folder/$1" 2>/dev/null) != "$2" ]] || rm -f "$uids_folder/$1"
  has_entries "$uids_folder" || rmdir "$uids_folder" 2>/dev/null || :
}
