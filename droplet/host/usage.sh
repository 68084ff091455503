# shellcheck shell=bash
# What the clones of a stack cost their droplet.

# @call vm_usage(runtime_dir owner) answers: lines NAME alive|ended PID PRIVATE_KIB SHARED_KIB CPU_MS AGE_MS, and NAME recovered LINE; reads
# PRIVATE_KIB is memory that only this VMM has, SHARED_KIB what it has read of files, above all of the snapshot's memory. LINE is one
# of note_recovery in recovery.sh.
vm_usage() {
  local dir name pid started now resident shared uptime ticks page line
  local -a fields
  ticks=$(getconf CLK_TCK) page=$(getconf PAGESIZE) page=$((page / 1024))
  read -r uptime _ </proc/uptime
  uptime=$((10#${uptime/./} * 10))
  for dir in "$runtime_dir"/*; do
    if [[ ! -f $dir/vmm.pid ]] || ! is_ours "$dir"; then continue; fi
    name=${dir##*/}
    while IFS= read -r line; do printf '%s recovered %s\n' "$name" "$line"; done 2>/dev/null <"$dir/recoveries"
    read -r pid started _ <"$dir/vmm.pid" || :
    if ! start_time "$pid" now || [[ $now != "$started" ]]; then
      printf '%s ended %s 0 0 0 0\n' "$name" "$pid"
      continue
    fi
    read -r _ resident shared _ 2>/dev/null <"/proc/$pid/statm" || continue
    # After the command's name in parentheses: utime and stime are the 12th and 13th field.
    read -r -a fields 2>/dev/null < <(sed 's/.*) //' "/proc/$pid/stat") || continue
    printf '%s alive %s %s %s %s %s\n' "$name" "$pid" "$(((resident - shared) * page))" "$((shared * page))" \
      "$(((fields[11] + fields[12]) * 1000 / ticks))" "$((uptime - started * 1000 / ticks))"
  done
}
