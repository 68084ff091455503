# shellcheck shell=bash
# Artifacts on their way from one droplet to another: what is not zero of each file, as zstd of frames "NAME OFFSET
# LENGTH" and LENGTH bytes; "NAME SIZE 0" closes a file, "end 0 0" the stream. perl reads and writes them, because it
# finds holes (lseek(2), SEEK_DATA) and is part of every Debian and Ubuntu.

# pack_script: reads lines "OFFSET NAME PATH" from the file descriptor 3 and writes frames to stdout.
# shellcheck disable=SC2016
pack_script='
use strict; use warnings;
my ($seek_data, $seek_hole, $block) = (3, 4, 65536);
my $zero = "\0" x $block;
sub put { my $rest = shift; while (length $rest) { my $n = syswrite(STDOUT, $rest) // die "write: $!\n"; substr($rest, 0, $n, ""); } }
open(my $list, "<&=", 3) or die "$!\n";
while (my $line = <$list>) {
  my ($at, $name, $path) = $line =~ /^(\d+) (\S+) (.+)$/ or next;
  open(my $file, "<:raw", $path) or die "$path: $!\n";
  my $size = -s $file;
  while ($at < $size) {
    my $from = sysseek($file, $at, $seek_data);
    if (!defined $from) { last if $!{ENXIO}; $from = $at; }
    my $to = sysseek($file, $from, $seek_hole) // $size;
    sysseek($file, $from, 0);
    for ($from += 0; $from < $to;) {
      my $want = $to - $from; $want = $block if $want > $block;
      my $n = sysread($file, my $data, $want) // die "$path: $!\n";
      die "$path became shorter\n" if !$n;
      put("$name $from $n\n$data") if $data ne substr($zero, 0, $n);
      $from += $n;
    }
    $at = $to;
  }
  put("$name $size 0\n");
}
put("end 0 0\n");
'

# unpack_script: the other end. Writes below the folder, notes in .position how far it came, and says that on stdout.
# shellcheck disable=SC2016
unpack_script='
use strict; use warnings; use IO::Handle;
my ($folder) = @ARGV;
STDOUT->autoflush(1);
my ($file, $open, $noted) = (undef, "", 0);
sub note {
  my ($name, $at) = @_;
  open(my $to, ">", "$folder/.position.draft") or die "$folder: $!\n";
  print $to "$name $at\n"; close($to) or die "$folder: $!\n";
  rename("$folder/.position.draft", "$folder/.position") or die "$folder: $!\n";
  print "$name $at\n"; $noted = $at;
}
while (defined(my $line = <STDIN>)) {
  my ($name, $at, $length) = $line =~ /^([A-Za-z0-9._-]+) (\d+) (\d+)\n$/ or exit 75;
  if ($name eq "end") { 1 while wait != -1; exit 0; }
  if ($name ne $open) {
    sysopen($file, "$folder/$name", 65, 0600) or die "$folder/$name: $!\n";
    ($open, $noted) = ($name, 0);
  }
  if ($length == 0) {
    truncate($file, $at) && close($file) or die "$folder/$name: $!\n";
    $open = "";
    open(my $whole, ">", "$folder/$name.whole") or die "$folder: $!\n";
    close($whole) or die "$folder: $!\n";
    note($name, $at);
    # Its digest is wanted at the end; the next file is received meanwhile.
    if (!fork) { close STDIN; close STDOUT; exec "bash", "-c", $ENV{hornet_hash} . q(; hash_file "$1" >"$1.draft" && mv "$1.draft" "$1.sum"), "bash", "$folder/$name" or exit 1; }
    next;
  }
  my $got = read(STDIN, my $data, $length);
  exit 75 if !defined $got || $got < $length;
  sysseek($file, $at, 0);
  for (my $done = 0; $done < $length;) { $done += syswrite($file, $data, $length - $done, $done) // die "$folder/$name: $!\n"; }
  note($name, $at + $length) if $at + $length - $noted > 1048576;
}
exit 75;
'

# send_files: variables files (lines "OFFSET NAME PATH"). stdout: the stream.
send_files() {
  perl -e "$pack_script" 3<<<"$files" | zstd -q -c -1 - || return 1
}

# list_manifests: variables dir_of_artifacts. Every artifact's digest and manifest, the latter in base64.
list_manifests() {
  local manifest
  for manifest in "$dir_of_artifacts"/*/manifest.json; do
    [[ -f $manifest && ! -L ${manifest%/*} ]] || continue
    manifest=${manifest%/*}
    printf '%s %s\n' "${manifest##*/}" "$(base64 -w0 "$manifest/manifest.json")"
  done
}

# allocated: variables folder; stdin: names. Answers "NAME SIZE ALLOCATED", both in bytes.
allocated() {
  local name
  while IFS= read -r name; do
    stat -L -c "$name %s %b" -- "$folder/$name" || return
  done | while read -r name size blocks; do printf '%s %s %s\n' "$name" "$size" $((blocks * 512)); done
}

# begin_receive: variables namespace owner dir_of_artifacts digest; stdin: lines "NAME PATH", a file of that content that
# lies here already. Makes the draft, or goes on with the one of a transfer that was cut off. Answers "have NAME" for
# each file that is all there, and "NAME OFFSET" for the one that was under way.
begin_receive() {
  local draft=$dir_of_artifacts/.hornet-draft-$namespace name path
  effect "artifact/folder" make_folder "$dir_of_artifacts" || return
  if [[ $(cat "$draft/.digest" 2>/dev/null) != "$digest" ]]; then
    effect "artifact/draft" remake_folder "$draft" || return
    printf '%s\n' "$digest" >"$draft/.digest" || return
  fi
  while read -r name path; do
    [[ -e $draft/$name.whole ]] || effect "artifact/have" take_over "$path" "$draft/$name" || return
  done
  for path in "$draft"/*.whole; do
    name=${path##*/}
    [[ ! -e $path ]] || printf 'have %s\n' "${name%.whole}"
  done
  cat "$draft/.position" 2>/dev/null || :
}

# take_over PATH TARGET: the same file under another name; artifacts are read-only, so they can share it.
take_over() {
  ln -- "$1" "$2.link" 2>/dev/null || cp --reflink=auto --sparse=always -- "$1" "$2.link" || return
  mv "$2.link" "$2" && : >"$2.whole"
}

# receive_files: variables namespace owner dir_of_artifacts. stdin: the stream. Says how far it came, line by line.
receive_files() {
  effect "artifact/receive" unpack_stream "$dir_of_artifacts/.hornet-draft-$namespace"
}

unpack_stream() {
  local states
  zstd -q -d -c - 2>/dev/null | hornet_hash=$(declare -f hash_file) perl -e "$unpack_script" "$1"
  states=("${PIPESTATUS[@]}")
  # What came before a break is kept; only whoever unpacks knows whether it was all.
  # Of perl's exit codes 255 is a die(); ssh's own means that the connection is lost.
  ((states[1] != 255)) || return 1
  return "${states[1]}"
}

# verify_receive: variables namespace dir_of_artifacts; stdin: lines "SHA256 NAME". Fails with the name of the first file that is
# not what it should be, and takes the draft away then.
verify_receive() {
  local draft=$dir_of_artifacts/.hornet-draft-$namespace sum name found waited=0
  while read -r sum name; do
    while [[ -e $draft/$name.draft ]] && ((waited++ < 600)); do pause 0.1; done
    found=$(cat "$draft/$name.sum" 2>/dev/null || hash_file "$draft/$name") || return
    if [[ ${found%% *} != "$sum" ]]; then
      effect "artifact/del-draft" rm -rf "$draft"
      effect "artifact/del-folder" drop_folder "$dir_of_artifacts"
      fail "$name arrived with the digest ${found%% *}, and the manifest says $sum: it was changed where it came from"
      return 1
    fi
  done
  rm -f "$draft"/*.sum "$draft"/*.whole "$draft/.position" "$draft/.digest"
}
