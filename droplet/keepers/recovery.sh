# shellcheck shell=bash
# Restarts VMMs between two operations. One process for each stack and droplet, the recovery keeper (recovery.pl), has in its memory
# the call of start_vm for each clone, its identity included, and checks each second whether the VMMs run. No file holds these
# calls: a lane hands them over by a pipe. A second process, the worker (recover_clones), restarts them:
# it takes the droplet's lock like an operation, and does nothing while an operation holds it.
# The keeper's folder (see helper.sh) also contains: settings (vmm_timeout_ms, digest of the library), library (the text of droplet/),
# orders (the pipe), known (NAME and MARK of each call that it has, a line each), said (why it ended). It writes nowhere else: another
# folder may be about to be removed. In a clone's folder:
#   recovery     pid of the keeper and mark of its call; there exactly while the clone's VMM is to run
#   recoveries   restarts since the last start by an operation, see note_recovery
#   unsettled    contains "recovery" until the guest that the keeper started is ready

recovery_home() { home=$runtime_dir/.recovery-${owner##*:}; }

# @call keep_recovery(runtime_dir owner library_digest vmm_timeout_ms) stdin: the library; effects
# A keeper that starts has no calls: each clone hands over its own again.
keep_recovery() {
  local home settings="$vmm_timeout_ms $library_digest"
  recovery_home
  hash perl 2>/dev/null || { fail "the droplet has no perl, which the recovery keeper needs"; return 1; }
  effect "recovery/claim" claim_named "$home" || return
  if helper_works "$home" && [[ $(<"$home/settings") == "$settings" ]] 2>/dev/null; then return; fi
  effect "recovery/files" put_recovery_files "$home" "$settings" || return
  effect "recovery/keep" start_recovery "$home"
}

# put_recovery_files HOME SETTINGS: a keeper that runs ends first, because its worker reads the library.
put_recovery_files() {
  end_helper hornet-recovery "$1" && clear_path "$1/known" && cat >"$1/library" && clear_path "$1/orders" && mkfifo -m 600 "$1/orders" &&
    put_file "$1/settings" "$2"
}

start_recovery() {
  end_helper hornet-recovery "$1" || return
  setsid perl -e "$common_program$recovery_program" hornet-recovery "$1" </dev/null >/dev/null 2>"$1/said" {pause_fd}>&- &
  await_helper "$1" "$!" || fail "the recovery keeper does not start: $(tail -n 1 "$1/said")"
}

# @call release_recovery(runtime_dir owner) removes
# Removes the keeper and its folder. Its worker has ended: it works under the lock.
release_recovery() {
  local home
  recovery_home
  [[ -e $home || -n $(list_helpers hornet-recovery "$home") ]] || return 0
  effect "recovery/end" end_helper hornet-recovery "$home" || return
  effect "recovery/unclaim" drop_named "$home"
}

# @call hand_recovery(runtime_dir namespace owner recovery) effects
# Hands over another call for a VMM that runs.
hand_recovery() {
  require_ours || return
  effect "$namespace/recovery" hand_over_call "$runtime_dir/$namespace"
}

# hand_over_call DIR (variable recovery: the order, see recovery.pl; empty: nothing restarts the VMM): waits until the keeper has it.
# Without a keeper nothing happens, which the next read reports.
hand_over_call() {
  local home mark keeper known limit=$((${EPOCHREALTIME/./} / 1000 + 10000))
  recovery_home
  clear_path "$1/recovery" && clear_path "$1/recoveries" || return
  [[ -n $recovery ]] && helper_works "$home" && read -r keeper _ <"$home/pid" || return 0
  mark=${recovery#* } mark=${mark%% *}
  put_line "$1/recovery" "$keeper $mark" && step order "$home/orders" "$recovery" "$lock_folder" || return
  until read_known "$home" known && [[ $known == *$'\n'"${1##*/} $mark"$'\n'* ]]; do
    helper_works "$home" && ((${EPOCHREALTIME/./} / 1000 <= limit)) || return 0
    pause 0.002
  done
}

# read_known HOME VARIABLE: puts the lines of known into it, with a line end before each.
read_known() {
  local text=""
  { IFS= read -r -d '' text <"$1/known"; } 2>/dev/null
  printf -v "$2" '\n%s' "$text"
}

# recover_clones HOME: the worker. stdin: NAME, MARK, WHY (ended, hung or ready) and the call of each clone, with a NUL behind each.
recover_clones() {
  local home=$1 keeper name mark why text width
  local -a names=() marks=() reasons=() texts=()
  local owner runtime_dir=${1%/*}
  owner=$(<"$home/owner") && read -r keeper _ <"$home/pid" || return
  while IFS= read -r -d '' name && IFS= read -r -d '' mark && IFS= read -r -d '' why && IFS= read -r -d '' text; do
    names+=("$name") marks+=("$mark") reasons+=("$why") texts+=("$text")
  done
  exec </dev/null
  # EX_TEMPFAIL
  try_lock "the recovery keeper of ${owner%:*}" || return 75
  width=$(nproc)
  local at running=0
  for at in "${!names[@]}"; do
    ((running < width)) || { wait -n; ((running--)); }
    (recover_clone "$runtime_dir/${names[at]}" "$keeper ${marks[at]}" "${reasons[at]}" "${texts[at]}") &
    ((running++))
  done
  wait
  release_lock
}

# recover_clone DIR TICKET WHY TEXT: checks everything again under the lock, and restarts the VMM.
recover_clone() {
  local dir=$1 ticket=$2 why=$3 seen="" noted="" told_at="" end outcome=restarted
  local -A vmm_of=()
  { read -r seen <"$dir/recovery"; } 2>/dev/null
  [[ $seen == "$ticket" ]] && is_ours "$dir" || return 0
  eval "$4"
  [[ $why != ready ]] || { settle_recovered "$dir"; return; }
  is_recoverable "$dir" "$why" || return 0
  end=$(describe_end "$dir")
  { read -r noted <"$dir/unsettled"; } 2>/dev/null
  # One that was not verified before needs the operator's tests; but it may have ended before the keeper saw that it was ready again.
  if [[ (-z $noted || $noted == recovery) && -n $settles$hold ]]; then settles=recovery; fi
  [[ -z $hold ]] || identity_is_on_disk "$dir" "$why" || return 0
  renew_seed
  if ! start_vm >/dev/null 2>"$dir/recovery.said" < <(printf '%s' "$recovery_stdin"); then
    outcome=failed
    end_vmm "$dir"
  fi
  # It was not told anything now.
  [[ -z $told_at ]] || touch -d "@$told_at" "$dir/told"
  effect "$namespace/recoveries" note_recovery "$dir" "$outcome $why $end"
  effect "$namespace/recovery" put_line "$dir/recovery" "$ticket"
}

# identity_is_on_disk DIR WHY: the operator gave the guest its identity over ssh, and that long before the VMM ended that the guest's
# kernel has written it to the disk, which takes it up to 30 seconds. Otherwise keys that the operator has removed could be back.
# Puts the mark of the last identity that the guest got into told, and the time of it into told_at.
identity_is_on_disk() {
  local end=""
  { read -r told <"$1/told"; } 2>/dev/null
  [[ -n $told ]] && told_at=$(stat -c %Y "$1/told") || return
  [[ $2 == hung ]] || end=$(stat -c %Y "$1/vmm.exit" 2>/dev/null)
  ((told_at + 60 <= ${end:-${EPOCHREALTIME%.*}}))
}

# is_recoverable DIR WHY (variables namespace keep_disk): nobody has started the VMM since, and what it runs on is there: without its
# disk it would get a new one, and after a reboot of the droplet its network is missing. An operation decides on these.
is_recoverable() {
  local path was now pid=""
  if [[ $2 == hung ]]; then
    vmm_alive "$1" || return
  else
    ! vmm_alive "$1" && ! find_vmm "$1" "$namespace" pid || return
  fi
  has_netns "$namespace" || return
  [[ -n $keep_disk ]] || return 0
  [[ -f $1/rootfs.ext4 && -e $1/disk-used ]] && now=$(stat -L -c %s "$1/rootfs.ext4") || return
  while read -r path _ was; do
    [[ $path == */exe ]] || ((now >= was)) || return
  done 2>/dev/null <"$1/opened"
  return 0
}

# describe_end DIR (variables namespace owner): "PID CODE TIME MEMORY PIDS" of a VMM that ended; - where something is unknown.
describe_end() {
  local pid recorded code at key value memory=- pids=-
  await_exit "$1"
  read -r pid _ 2>/dev/null <"$1/vmm.pid"
  if ! read -r recorded code at 2>/dev/null <"$1/vmm.exit" || [[ $recorded != "$pid" ]]; then code=- at=-; fi
  while IFS='=' read -r key value; do
    case $key in
      met.memory) memory=$value ;;
      met.pids) pids=$value ;;
    esac
  done < <(gather_end "$namespace")
  printf '%s %s %s %s %s' "${pid:--}" "$code" "$at" "$memory" "$pids"
}

# renew_seed (variable recovery_stdin): each start gives the guest's random generator another seed.
renew_seed() {
  local seed
  [[ $recovery_stdin =~ seed=([A-Za-z0-9+/]{86}==) ]] || return 0
  seed=$(head -c 64 /dev/urandom | base64 -w 0)
  recovery_stdin=${recovery_stdin/"${BASH_REMATCH[1]}"/"$seed"}
}

# note_recovery DIR WORDS: a line NUMBER, unix seconds, restarted or failed, ended or hung, and what describe_end says. The last 32
# lines stay.
note_recovery() {
  local number=0
  local -a lines=()
  mapfile -t lines 2>/dev/null <"$1/recoveries"
  ((${#lines[@]} == 0)) || number=${lines[-1]%% *}
  ((${#lines[@]} < 32)) || lines=("${lines[@]: -31}")
  lines+=("$((number + 1)) ${EPOCHREALTIME%.*} $2")
  printf '%s\n' "${lines[@]}" >"$1/recoveries.draft" && mv "$1/recoveries.draft" "$1/recoveries"
}

# settle_recovered DIR (variables namespace generation): the guest is ready, and has all of its identity. One that got it over ssh is
# quarantined until its key has shown that its disk has it.
settle_recovered() {
  local noted="" line
  { read -r noted <"$1/unsettled"; } 2>/dev/null
  [[ $noted == recovery && ! -e $1/handover ]] && vmm_alive "$1" || return 0
  while IFS= read -r line; do
    [[ $line == "seed "* ]] || return 0
  done < <(identity_failures)
  [[ ! -e $1/held ]] || effect "$namespace/release" release_guest "$1" "$namespace" || return
  effect "$namespace/settled" empty_file "$1/unsettled"
}

# gather_recovery: prints a section with the digest of its library, if the keeper works, and puts its pid into recovery_pid
# and what it knows into recovery_known.
gather_recovery() {
  local home digest
  recovery_home
  helper_works "$home" && read -r _ digest <"$home/settings" && read -r recovery_pid _ <"$home/pid" || return 0
  read_known "$home" recovery_known
  section recovery "$digest"
}

# gather_recoveries DIR (variables recovery_pid, recovery_known): the mark of the call that the keeper has, and the restarts.
gather_recoveries() {
  local keeper mark line
  if [[ -n $recovery_pid ]] && read -r keeper mark 2>/dev/null <"$1/recovery" && [[ $keeper == "$recovery_pid" && $recovery_known == *$'\n'"${1##*/} $mark"$'\n'* ]]; then
    printf 'recovery=%s\n' "$mark"
  fi
  while IFS= read -r line; do printf 'recovered.%s\n' "${line/ /=}"; done 2>/dev/null <"$1/recoveries"
}
