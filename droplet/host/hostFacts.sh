# shellcheck shell=bash
# What of the droplet's kernel and devices weakens the walls around VMMs; see plan/preflight/host.ts, which judges it.

# host_facts: key=value. Also what hardening.sh can change, and what it has changed.
host_facts() {
  local file name value kind count=0 mode who group members
  hardening_notes
  while read -r file _; do
    [[ $file == /* ]] || continue
    kind=disk value="" name=$(realpath -- "$file") name=${name##*/}
    [[ $name != zram* ]] || kind=memory
    # cryptsetup(8) names its mappings so.
    { read -r value <"/sys/block/$name/dm/uuid"; } 2>/dev/null && [[ $value == CRYPT-* ]] && kind=encrypted
    printf 'swap.%d=%s %s\n' "$((++count))" "$kind" "$file"
  done < <(tail -n +2 /proc/swaps)
  printf 'swaps=%d\n' "$count"
  host_value ksm /sys/kernel/mm/ksm/run
  host_value smt_active /sys/devices/system/cpu/smt/active
  host_value smt /sys/devices/system/cpu/smt/control
  host_value nx_huge_pages /sys/module/kvm/parameters/nx_huge_pages
  host_value core_pattern /proc/sys/kernel/core_pattern
  for file in /sys/devices/system/cpu/vulnerabilities/*; do host_value "vulnerability.${file##*/}" "$file"; done
  printf 'cpu_vendor=%s\n' "$(sed -n '/^vendor_id[[:space:]]*: /{s///p;q}' /proc/cpuinfo)"
  { read -r value </proc/cmdline; } 2>/dev/null && for kind in $value; do
    [[ $kind != mitigations=* && $kind != no*spec* && $kind != nopti && $kind != kvm.nx_huge_pages=* ]] || printf 'boot_option.%s=%s\n' "${kind%%=*}" "$kind"
  done
  [[ -e /dev/kvm ]] || return 0
  read -r mode who group < <(stat -L -c '%a %U %G' /dev/kvm)
  # With commas between.
  members=$(getent group "$group")
  printf 'kvm_access=%s %s %s %s\n' "$mode" "$who" "$group" "${members##*:}"
}

# host_value KEY FILE: its only line, if it can be read.
host_value() {
  local line=""
  { IFS= read -r line <"$2"; } 2>/dev/null
  [[ -z $line ]] || printf '%s=%s\n' "$1" "$line"
}
