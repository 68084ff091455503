# shellcheck shell=bash
# What VMMs count goes into files for node_exporter's textfile collector, where that is asked for. A VMM writes a line a
# minute into a pipe in its clone's folder, and one process a stack and droplet, the collector (see collector.pl), reads
# all of them. A pipe and not a file: it holds 64 KiB and takes no more, so no disk fills where nobody collects, and what a
# VMM has said waits there meanwhile.
# Firecracker opens it for writing alone and waits for nothing: without a reader that fails, and later writes are a signal
# (SIGPIPE). So the shell that waits for a VMM has the pipe open for both, and the VMM has a reader as long as it lives.
# The collector's folder (see helper.sh) holds also: folder (where the figures go), said (why it ended).

metrics_home() { home=$runtime_dir/.metrics-${owner##*:}; }

# metrics_file FOLDER: node_exporter reads files that end in .prom; the draft does not.
metrics_file() { printf '%s' "$1/hornet-${owner##*:}.prom"; }

# prepare_metrics DIR (variables namespace metrics; empty: no metrics): makes a new pipe for a VMM that will start: an older one may
# contain half a line.
prepare_metrics() {
  if [[ -n $metrics ]]; then
    effect "$namespace/metrics" make_pipe "$1/metrics.pipe"
  elif [[ -e $1/metrics.pipe ]]; then
    effect "$namespace/metrics" clear_path "$1/metrics.pipe"
  fi
}

make_pipe() { clear_path "$1" && mkfifo -m 600 "$1"; }

# @call keep_metrics(runtime_dir owner metrics_folder known_folder? vmm_timeout_ms) effects
keep_metrics() {
  local home folder
  metrics_home
  hash perl 2>/dev/null || { fail "the droplet has no perl, which the metrics collector needs"; return 1; }
  while IFS= read -r folder; do
    [[ $folder == "$metrics_folder" ]] || effect "metrics/leave" leave_metrics "$home" "$folder" || return
  done < <(metrics_folders "$home")
  effect "metrics/claim" claim_named "$home" || return
  effect "metrics/target" put_file "$home/folder" "$metrics_folder" || return
  effect "metrics/folder" make_folder "$metrics_folder" || return
  if helper_works "$home" && [[ -f $(metrics_file "$metrics_folder") ]]; then return; fi
  effect "metrics/collect" start_collector "$home" "$metrics_folder"
}

# start_collector HOME FOLDER: ends a former one first. The collector writes its figures before its pid.
start_collector() {
  end_helper hornet-metrics "$1" || return
  setsid perl -e "$common_program$collector_program" hornet-metrics "$1" "$(metrics_file "$2")" </dev/null >/dev/null 2>"$1/said" {pause_fd}>&- &
  await_helper "$1" "$!" || fail "the metrics collector does not start: $(tail -n 1 "$1/said")"
}

# metrics_folders HOME: the folders that may have figures of this stack, one a line: from the note, from a collector's arguments,
# and from the state (variable known_folder).
metrics_folders() {
  local folder="" process words
  local -A folders=()
  { IFS= read -r folder <"$1/folder"; } 2>/dev/null
  [[ -z $folder ]] || folders[$folder]=1
  for process in $(list_helpers hornet-metrics "$1"); do
    mapfile -d '' -t words 2>/dev/null <"/proc/$process/cmdline"
    [[ -z ${words[5]:-} ]] || folders[${words[5]%/*}]=1
  done
  [[ -z ${known_folder:-} ]] || folders[$known_folder]=1
  ((${#folders[@]} == 0)) || printf '%s\n' "${!folders[@]}"
}

# leave_metrics HOME FOLDER: ends the collector and removes its files from the folder, and the folder too if Hornet made it.
leave_metrics() {
  local file
  file=$(metrics_file "$2")
  end_helper hornet-metrics "$1" && clear_path "$file" && clear_path "$file.draft" && drop_folder "$2"
}

# @call release_metrics(runtime_dir owner known_folder?) removes
# Removes the collector and its files.
release_metrics() {
  local home folder
  metrics_home
  while IFS= read -r folder; do
    effect "metrics/leave" leave_metrics "$home" "$folder" || return
  done < <(metrics_folders "$home")
  [[ ! -e $home ]] || effect "metrics/unclaim" drop_named "$home"
}

# gather_metrics: prints a section with the folder and whether the figures are there, if there is a collector.
gather_metrics() {
  local home folder
  metrics_home
  helper_works "$home" && IFS= read -r folder <"$home/folder" || return 0
  section metrics
  printf '%s\n' "$folder"
  [[ ! -f $(metrics_file "$folder") ]] || printf 'written\n'
}
