# The sending end of a transfer (see transfer.sh). Reads lines "OFFSET NAME PATH" from descriptor 3 and writes the nonzero parts
# of each file to stdout, as zstd: frames of "NAME OFFSET LENGTH" and LENGTH bytes. "NAME SIZE 0" closes a file. Argument: after
# so many seconds of silence it sends a sign of life.
use strict;
use warnings;
use Fcntl;

my ($patience) = @ARGV;
my ($seek_data, $seek_hole, $set_pipe_size) = (3, 4, 1031);
# Skips zeros in blocks; the blocks between two zero ones form one frame.
my ($block, $chunk) = (65536, 1048576);
my $zero = "\0" x $block;
# A zstd frame that the decompressor skips (RFC 8878, 3.1.2): its magic number and a length of 0.
my $sign_of_life = pack("VV", 0x184D2A50, 0);

my ($zstd, $written_at) = (undef, time);

sub start {
  open($zstd, "|-", "zstd", "-q", "-c", "-1", "-") or die "zstd: $!\n";
  # A wider pipe wakes processes less often; if the kernel refuses it, a narrow one works too.
  fcntl($zstd, $set_pipe_size, $chunk);
}

sub finish {
  return if !$zstd;
  close($zstd) or die "zstd failed: ", $! || "exit status $?", "\n";
  undef $zstd;
}

sub write_all {
  my ($to, $at) = ($_[0], 0);
  while ($at < length $_[1]) { $at += syswrite($to, $_[1], length($_[1]) - $at, $at) // die "write: $!\n"; }
  $written_at = time;
}

sub put {
  start() if !$zstd;
  write_all($zstd, $_[0]);
}

# Gigabytes of zeros take minutes to read and send nothing. zstd flushes only when its input ends.
sub show_life {
  return if time - $written_at < $patience;
  finish();
  write_all(\*STDOUT, $sign_of_life);
}

# Sends the nonzero parts of a piece of a file.
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
  # Opening a fifo would wait for its other end.
  sysopen(my $file, $path, O_RDONLY | O_NONBLOCK) or die "$path: $!\n";
  -f $file or die "$path is not a regular file\n";
  my $size = -s $file;
  while ($at < $size) {
    my $from = sysseek($file, $at, $seek_data);
    if (!defined $from) { last if $!{ENXIO}; $from = $at; }
    my $to = sysseek($file, $from, $seek_hole) // $size;
    sysseek($file, $from, 0);
    for ($from += 0; $from < $to;) {
      my $n = sysread($file, my $data, $to - $from < $chunk ? $to - $from : $chunk) // die "$path: $!\n";
      die "$path became shorter\n" if !$n;
      # The file grew meanwhile: its manifest has the former size.
      $n = $size - $from if $from + $n > $size;
      last if $n <= 0;
      put_piece($name, $from, substr($data, 0, $n));
      show_life();
      $from += $n;
    }
    $at = $to;
  }
  put("$name $size 0\n");
}
finish();
