# shellcheck shell=bash
# The sending end of a transfer (see transfer.sh).

# pack_script: reads lines "OFFSET NAME PATH" from the file descriptor 3 and writes frames to stdout.
# shellcheck disable=SC2016,SC2034
pack_script='
use strict; use warnings;
my ($seek_data, $seek_hole, $set_pipe_size) = (3, 4, 1031);
# What is zero is looked for in blocks; what lies between two that are goes as one frame.
my ($block, $chunk) = (65536, 1048576);
my $zero = "\0" x $block;
# A wider pipe wakes fewer processes; where it is refused, a narrow one does.
fcntl(STDOUT, $set_pipe_size, $chunk);

sub put {
  my $at = 0;
  while ($at < length $_[0]) { $at += syswrite(STDOUT, $_[0], length($_[0]) - $at, $at) // die "write: $!\n"; }
}

# Sends what is not zero of a piece of a file.
sub put_piece {
  my ($name, $offset, $data) = @_;
  my $begun = 0;
  for (my $at = 0; $at < length $data; $at += $block) {
    my $part = substr($data, $at, $block);
    next if $part ne (length $part == $block ? $zero : "\0" x length $part);
    put("$name " . ($offset + $begun) . " " . ($at - $begun) . "\n" . substr($data, $begun, $at - $begun)) if $at > $begun;
    $begun = $at + length $part;
  }
  put("$name " . ($offset + $begun) . " " . (length($data) - $begun) . "\n" . substr($data, $begun)) if $begun < length $data;
}

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
      my $n = sysread($file, my $data, $to - $from < $chunk ? $to - $from : $chunk) // die "$path: $!\n";
      die "$path became shorter\n" if !$n;
      put_piece($name, $from, $data);
      $from += $n;
    }
    $at = $to;
  }
  put("$name $size 0\n");
}
put("end 0 0\n");
'
