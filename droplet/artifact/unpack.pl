# The receiving end of a transfer (see transfer.sh). The stream on stdin comes from a droplet that may be hostile: it can write
# the files that descriptor 3 lists ("OFFSET SIZE NAME", in this order), each once, from that offset to that size, and nothing
# else. The first line there is the stream's first line, which contains a key and so is no argument. verify_receive computes
# the digests later, from the files on disk.
#
# Arguments: the draft's folder; maximum seconds without a byte; the seconds of grace, after which the average must reach the
# bytes per second that follow.
#
# The folder .transfer in the draft contains the receiver's notes: the position in the current file (position), the complete
# files (NAME.whole), the received bytes (received). stdout: lines "NAME POSITION RECEIVED".
#
# Exit codes: 75 the stream was cut off, 76 the stream is refused, 1 this droplet failed.
use strict;
use warnings;
use Fcntl;
use IO::Handle;

my ($folder, $stall, $grace, $rate) = @ARGV;
my $notes = "$folder/.transfer";
my ($set_pipe_size, $chunk, $longest_header, $longest_greeting) = (1031, 1048576, 200, 16384);
my ($cut_off, $refused) = (75, 76);
my ($self, $zstd) = ($$, 0);
STDOUT->autoflush(1);
# After a break nobody reads stdout; the received data stays.
$SIG{PIPE} = "IGNORE";

open(my $list, "<&=", 3) or die "$!\n";
chomp(my $begins = readline($list) // "");
my @files = map { /^(\d+) (\d+) ([A-Za-z0-9][A-Za-z0-9._-]*)$/ ? { start => $1, size => $2, name => $3 } : () } <$list>;
my %expected = map { $_->{name} => 1 } @files;
my $content = 0;
$content += $_->{size} - $_->{start} for @files;
# zstd adds a few bytes to data that it cannot compress.
my $most_wire = $content + $content / 16 + 16 * $chunk;

my ($in, $unpacked, $file, $position, $done) = ("", 0, undef, 0, 0);

sub refuse {
  print STDERR "$_[0]\n";
  exit $refused;
}

# The monotonic clock in seconds.
sub uptime {
  open(my $clock, "<", "/proc/uptime") or die "/proc/uptime: $!\n";
  return (split " ", readline($clock))[0];
}

# Received bytes: the kernel's count of the bytes that zstd has read (proc(5)); without it, the decompressed bytes.
sub on_wire {
  my $read;
  if ($zstd && open(my $io, "<", "/proc/$zstd/io")) { $read = $1 if (readline($io) // "") =~ /^rchar: (\d+)/; }
  return $read // $unpacked;
}

my $before = 0;
if (open(my $last, "<", "$notes/received")) { $before = readline($last) // 0; }
my $wire = 0;

sub keep {
  my ($path, $text) = ("$notes/$_[0]", $_[1]);
  open(my $to, ">", "$path.new") or die "$path: $!\n";
  print($to $text) && close($to) && rename("$path.new", $path) or die "$path: $!\n";
}

END {
  if ($$ == $self) {
    my $code = $?;
    eval { keep("received", $before + $wire) };
    kill "KILL", $zstd if $zstd;
    # 255 would mean that ssh lost the connection.
    $? = $code == 255 ? 1 : $code;
  }
}

my $begun = uptime();
my ($heard_at, $looked_at) = ($begun, $begun);

sub under_way { return @files ? $files[0]{name} : "the end of the stream"; }

# Waits for the next bytes. Refuses a stream that is silent, slower than any honest one, or larger than its files: it could block
# the transfer for ever.
sub await_bytes {
  my ($from, $limit) = @_;
  for (;;) {
    vec(my $ready = "", fileno($from), 1) = 1;
    my $found = select($ready, undef, undef, $limit < 4 ? $limit / 4 : 1);
    my $now = uptime();
    $heard_at = $now if $found > 0;
    if ($found <= 0 || $now - $looked_at >= 0.25) {
      $looked_at = $now;
      my $read = on_wire();
      ($wire, $heard_at) = ($read, $now) if $read > $wire;
      refuse("sent more bytes than the files of the manifest have") if $wire > $most_wire;
      refuse("sent nothing for $limit s, before " . under_way() . " was complete") if $now - $heard_at > $limit;
      my $least = ($now - $begun - $grace) * $rate;
      refuse("is slower than $rate bytes/s, with " . under_way() . " not complete") if $done < $least;
    }
    return if $found > 0;
  }
}

# A login shell may print text before the stream. Reads single bytes, since zstd continues here; opening the other droplet's
# stream takes as long as a connection attempt.
my $greeting = "";
until (substr($greeting, -length($begins) - 1) eq "$begins\n") {
  refuse("sent something else than a snapshot") if length $greeting > $longest_greeting;
  await_bytes(\*STDIN, 2 * $stall);
  sysread(STDIN, $greeting, 1, length $greeting) or give_up();
}

$zstd = open(my $stream, "-|") // die "$!\n";
if (!$zstd) { open(STDERR, ">", "/dev/null"); exec "zstd", "-q", "-d", "-c", "-" or exit 1; }
open(STDIN, "<", "/dev/null");
# A wider pipe wakes processes less often; if the kernel refuses it, a narrow one works too.
fcntl($stream, $set_pipe_size, $chunk);

sub give_up {
  print STDERR "the stream ended before ", under_way(), " was complete\n";
  exit $cut_off;
}

# Reads more. False at the end of the stream.
sub more {
  await_bytes($stream, $stall);
  my $n = sysread($stream, $in, $chunk, length $in) // die "read: $!\n";
  $unpacked += $n;
  return $n;
}

sub write_all {
  my ($name, $at) = ($_[0], 0);
  while ($at < length $_[1]) { $at += syswrite($file, $_[1], length($_[1]) - $at, $at) // die "$folder/$name: $!\n"; }
}

my $noted = 0;
sub note {
  my ($name) = @_;
  $noted = $position;
  my $read = on_wire();
  $wire = $read if $read > $wire;
  keep("position", "$name $position\n");
  print "$name $position ", $before + $wire, "\n";
}

# Opens a file at its start: a new one, or an earlier stream's part up to its last note.
sub begin_file {
  my ($name, $start) = @_;
  my $path = "$folder/$name";
  if ($start == 0) { unlink($path); }
  my $flags = O_WRONLY | O_NOFOLLOW | ($start == 0 ? O_CREAT | O_EXCL : 0);
  sysopen($file, $path, $flags, 0600) or die "$path: $!\n";
  die "$path lost what was there\n" if !-f $file || -s $file < $start;
  truncate($file, $start) or die "$path: $!\n";
  ($position, $noted) = ($start, $start);
}

for (;;) {
  my $end = index($in, "\n");
  if ($end < 0 && length $in <= $longest_header) {
    next if more();
    last if !@files && $in eq "";
    give_up();
  }
  my $header = substr($in, 0, $end < 0 ? $longest_header : $end);
  my ($name, $at, $length) = $header =~ /\A([\x21-\x7e]{1,100}) (\d{1,15}) (\d{1,7})\z/
    or refuse("sent something else than a snapshot, before " . under_way() . " was complete");
  refuse("sent a file $name, which the manifest does not have") if !$expected{$name};
  refuse("sent $name a second time, or out of its turn") if !@files || $files[0]{name} ne $name;
  my ($start, $size) = @{$files[0]}{"start", "size"};
  substr($in, 0, $end + 1, "");
  begin_file($name, $start) if !$file;
  if ($length == 0) {
    refuse("ended $name at byte $at, and the manifest says $size") if $at != $size;
    truncate($file, $size) && close($file) or die "$folder/$name: $!\n";
    $done += $size - $position;
    $position = $size;
    keep("$name.whole", "");
    note($name);
    undef $file;
    shift @files;
    next;
  }
  refuse("sent a piece of $name of $length bytes at once") if $length > $chunk;
  refuse("sent more of $name than the $size bytes that the manifest says") if $at + $length > $size;
  refuse("sent bytes of $name twice, or out of order") if $at < $position;
  while (length $in < $length) { more() or give_up(); }
  my $data = substr($in, 0, $length, "");
  sysseek($file, $at, 0);
  write_all($name, $data);
  $done += $at + $length - $position;
  $position = $at + $length;
  note($name) if $position - $noted > $chunk;
}
# Every file is complete; unreadable data after them is the end of a broken stream, or no stream.
my $pid = $zstd;
$zstd = 0;
waitpid($pid, 0);
give_up() if $?;
