# shellcheck shell=bash
# The Firecracker programs of a droplet; several versions may stand side by side.

# @call list_programs(firecracker jailer?) answers: VERSION FORMAT PATH, a line each; reads
# firecracker: paths of programs, or of folders that hold some, one a line. FORMAT is - where the program names none. A path
# that leads to no program answers "- - PATH". A jailer answers "jailer VERSION PATH": the one that the variable jailer names,
# or, where that is empty, the one beside each program.
list_programs() {
  local path file inode found
  local -A asked=() jailers=()
  [[ ${jailer:-} != /* ]] || list_jailer "$jailer"
  while IFS= read -r path; do
    [[ -n $path ]] || continue
    found=""
    while IFS= read -r file; do
      inode=$(stat -L -c %d:%i -- "$file")
      # One program under two names, as behind a link to the current version, counts once.
      [[ -n ${asked[$inode]:-} ]] || asked[$inode]=$(ask_program "$file") || asked[$inode]=-
      [[ ${asked[$inode]} != - ]] || continue
      if [[ ${asked[$inode]} != listed ]]; then
        printf '%s %s\n' "${asked[$inode]}" "$file"
        [[ ${jailer:-} == /* ]] || list_jailers_beside "$file"
      fi
      asked[$inode]=listed found=1
    done < <(list_candidates "$path")
    [[ -n $found ]] || printf -- '- - %s\n' "$path"
  done <<<"$firecracker"
}

# list_jailers_beside FIRECRACKER: under the name that a release gives it too (firecracker-v1.16.1-x86_64 has
# jailer-v1.16.1-x86_64 beside it), also where what a link leads to is.
list_jailers_beside() {
  local file name
  for file in "$1" "$(realpath -- "$1")"; do
    name=${file##*/}
    list_jailer "${file%/*}/jailer"
    [[ $name != *firecracker* ]] || list_jailer "${file%/*}/${name/firecracker/jailer}"
  done
}

# list_jailer FILE (array jailers): each once.
list_jailer() {
  local version
  [[ -f $1 && -x $1 && -z ${jailers[$1]:-} ]] || return 0
  jailers[$1]=listed
  version=$(timeout 10 "$1" --version 2>/dev/null </dev/null | sed -n '/^Jailer v\([0-9][0-9A-Za-z.+-]*\)$/{s//\1/p;q}')
  [[ -z $version ]] || printf 'jailer %s %s\n' "$version" "$1"
}

# list_candidates PATH: the file itself; of a folder the programs in it that may be a Firecracker, by their names: a folder may
# hold anything, and not every program takes --version for a question.
list_candidates() {
  local file
  if [[ ! -d $1 ]]; then
    [[ ! -x $1 ]] || printf '%s\n' "$1"
    return 0
  fi
  for file in "$1"/* "$1"/*/* "$1"/*/*/*; do
    [[ ! -f $file || ! -x $file || $file == *$'\n'* ]] || ! names_firecracker "${file##*/}" || printf '%s\n' "$file"
  done
}

# names_firecracker NAME: as releases name it (firecracker-v1.16.1-x86_64), or a version alone (v1.16.1, fc-1.16.1).
names_firecracker() {
  case $1 in
    jailer* | seccomp* | *.debug | *.json | *.sh | *.txt | *.yaml | *.tgz | *.sig | *.sha256*) return 1 ;;
    *firecracker*) return 0 ;;
  esac
  [[ $1 =~ ^(fc-?)?v?[0-9]+\.[0-9]+(\.[0-9]+)?([-_.].*)?$ ]]
}

# ask_program FILE: its version and its snapshot format; fails where it is no Firecracker.
ask_program() {
  local version format
  version=$(timeout 10 "$1" --version 2>/dev/null </dev/null | sed -n '/^Firecracker v\([0-9][0-9A-Za-z.+-]*\)$/{s//\1/p;q}')
  [[ -n $version ]] || return 1
  format=$(timeout 10 "$1" --snapshot-version 2>/dev/null </dev/null | sed -n '/^v\([0-9][0-9.]*\)$/{s//\1/p;q}')
  printf '%s %s' "$version" "${format:--}"
}

# @call snapshot_head(path) answers: the first bytes of a state file, in hexadecimal; nothing where there is none; reads
snapshot_head() { [[ ! -f $path ]] || od -An -v -tx1 -N 64 -- "$path"; }
