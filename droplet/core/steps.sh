# shellcheck shell=bash
# Steps of a call that would each take a process of their own: one perl process does them all (see steps.pl). Perl starts in 3 ms of
# CPU, as long as it loads no module; curl, which sent the requests before, takes 10.

# step NAME ARGUMENT…: carries out a step and puts its answer into step_answer. Starts the process if this shell has none; it ends
# with the shell. Arguments go through a pipe, so they may be secret. An error comes back as text, because the process keeps the stderr
# of the first step.
step() {
  local code length fault error=""
  step_answer=""
  [[ ${step_shell:-} == "$BASHPID" ]] || start_steps
  # If the process was killed, writing to it would end this shell without a word.
  trap '' PIPE
  { printf '%s\0' "$#" "$@" >&"${hornet_steps[1]}"; } 2>/dev/null
  trap - PIPE
  { read -r -u "${hornet_steps[0]}" code length fault; } 2>/dev/null || { fail "the process that carries out the steps of this call was killed"; return 1; }
  ((length == 0)) || IFS= read -r -N "$length" -u "${hornet_steps[0]}" step_answer
  if ((fault > 0)); then
    IFS= read -r -N "$fault" -u "${hornet_steps[0]}" error
    printf '%s' "$error" >&2
  fi
  return "$code"
}

start_steps() {
  step_shell=$BASHPID
  # Without warnings.pm, which takes 2 ms, -w gives the same.
  coproc hornet_steps { exec perl -we "$common_program$api_program$entries_program$builder_program$launch_program$handover_program$steps_program" {pause_fd}>&- {lock_fd}>&-; }
}
