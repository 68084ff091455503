# shellcheck shell=bash
# Which guests are ready: their identity service says so on the console, then their ssh server shows its key.

# So many consoles are read by the shell itself; of more, one grep is cheaper.
few_consoles=16

# scan_ready: variables hold_ms; stdin: lines "ADDRESS DIR GENERATION"; a GENERATION of - says that the guest has no identity
# service and only its ssh tells. Answers with ssh-keyscan's lines of those whose guest says it is ready, and "dead ADDRESS"
# where the VMM has ended. One ssh-keyscan serves the whole fleet. While no guest says anything it looks again for so long, in a
# tenth of the time, which finds one sooner than an operator who asks anew.
scan_ready() {
  local address dir generation begun took rest ended="" hear=hear_all end=$((${EPOCHREALTIME/./} + hold_ms * 1000))
  local -a now=()
  local -A waiting=() generation_of=() logs_of=() half_of=()
  while read -r address dir generation; do
    if [[ $generation == - ]]; then
      if vmm_alive "$dir"; then now+=("$address"); else printf 'dead %s\n' "$address"; fi
    else
      waiting[$dir]=$address generation_of[$dir]=$generation
    fi
  done
  ((${#waiting[@]} > few_consoles)) || { open_consoles && hear=hear_on; }
  while ((${#waiting[@]} > 0)); do
    begun=${EPOCHREALTIME/./}
    for dir in "${!waiting[@]}"; do
      vmm_alive "$dir" || { printf 'dead %s\n' "${waiting[$dir]}" && ended=yes; }
    done
    "$hear"
    took=$((${EPOCHREALTIME/./} - begun))
    if ((${#now[@]} > 0)) || [[ -n $ended ]]; then break; fi
    if ((begun + took * 10 >= end)); then
      [[ $hear == hear_all ]] || hear_all
      break
    fi
    printf -v rest '%d.%06d' $((took * 9 / 1000000)) $((took * 9 % 1000000))
    pause "$rest"
  done
  ((${#now[@]} == 0)) || ssh-keyscan -T 3 -t ed25519 "${now[@]}" 2>/dev/null
  return 0
}

# hear_all: those of the array waiting that are ready, into the array now.
hear_all() {
  local log line dir
  local -a logs=()
  for dir in "${!waiting[@]}"; do logs+=("$dir/console.log" "$dir/console.said"); done
  while IFS=: read -r log line; do
    dir=${log%/*}
    [[ $line != *"ready ${generation_of[$dir]}"* ]] || now+=("${waiting[$dir]}")
  done < <(grep -aH 'hornet-identity: ready' "${logs[@]}" 2>/dev/null)
}

# open_consoles: descriptors of the consoles of the array waiting, into the array logs_of.
open_consoles() {
  local dir log descriptor
  for dir in "${!waiting[@]}"; do
    for log in "$dir/console.said" "$dir/console.log"; do
      [[ -r $log ]] && exec {descriptor}<"$log" && logs_of[$dir]+=" $descriptor"
    done
  done
  return 0
}

# hear_on: as hear_all, of what was written since it looked last. A guest writes its lines byte by byte, so the last may be
# half of one. It is deaf to what follows a NUL on a line, and to a log whose beginning is cut off meanwhile; hear_all is not.
hear_on() {
  local dir descriptor line
  local -a lines
  for dir in "${!waiting[@]}"; do
    for descriptor in ${logs_of[$dir]:-}; do
      lines=()
      mapfile -u "$descriptor" lines 2>/dev/null
      ((${#lines[@]} > 0)) || continue
      lines[0]=${half_of[$descriptor]:-}${lines[0]} half_of[$descriptor]=""
      for line in "${lines[@]}"; do
        [[ $line != *"hornet-identity: ready ${generation_of[$dir]}"* ]] || now+=("${waiting[$dir]}")
      done
      [[ $line == *$'\n' ]] || half_of[$descriptor]=$line
    done
  done
}

# note_unsettled DIR (variable settles): from here on until settle_vm nobody knows that the clone is as it should be.
note_unsettled() { if [[ -n $settles ]]; then printf 'yes\n' >"$1/unsettled"; else clear_path "$1/unsettled"; fi; }

# unsettle_vm: variables runtime_dir namespace owner. It was changed, and a smoke test of it failed.
unsettle_vm() {
  local settles=1
  is_ours "$runtime_dir/$namespace" || { fail "namespace $namespace is not this stack's"; return 1; }
  effect "$namespace/unsettled" note_unsettled "$runtime_dir/$namespace"
}

# settle_vm: variables runtime_dir namespace owner. It is ready, and its smoke tests succeeded.
settle_vm() {
  is_ours "$runtime_dir/$namespace" || { fail "namespace $namespace is not this stack's"; return 1; }
  effect "$namespace/settled" empty_file "$runtime_dir/$namespace/unsettled"
}

empty_file() { : >"$1"; }
