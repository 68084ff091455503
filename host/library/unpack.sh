# shellcheck shell=bash
# The receiving end of a transfer (see transfer.sh).

# unpack_script: unpacks the frames of stdin below the folder; notes in .position and .received how far it came and how
# many bytes that took, and says both on stdout. A process beside it reads each file as it grows, for its digest: what is
# verified is what lies there.
# shellcheck disable=SC2016,SC2034
unpack_script='
use strict; use warnings; use IO::Handle;
my ($folder) = @ARGV;
my ($write_or_create, $set_pipe_size, $chunk) = (65, 1031, 1048576);
my ($self, $cut_off) = ($$, 75);
STDOUT->autoflush(1);
# Nobody listens any more after a break; what came until then is kept.
$SIG{PIPE} = "IGNORE";

my $zstd = open(my $stream, "-|") // die "$!\n";
if (!$zstd) { open(STDERR, ">", "/dev/null"); exec "zstd", "-q", "-d", "-c", "-" or exit 1; }
open(STDIN, "<", "/dev/null");
fcntl($stream, $set_pipe_size, $chunk);
my ($in, $unpacked) = ("", 0);
sub more { $unpacked += sysread($stream, $in, $chunk, length $in) || exit $cut_off; }

sub put {
  my ($to, $path) = @_;
  my $at = 0;
  while ($at < length $_[2]) { $at += syswrite($to, $_[2], length($_[2]) - $at, $at) // die "$path: $!\n"; }
}

sub keep {
  my ($path, $text) = ("$folder/$_[0]", $_[1]);
  open(my $to, ">", "$path.new") or die "$path: $!\n";
  print($to $text) && close($to) && rename("$path.new", $path) or die "$path: $!\n";
}

# Bytes that came over the wire: what zstd has read, by the account that the kernel keeps of it (proc(5)); where that is
# not to be had, what it made of them, which is more.
my ($before, $read) = (0);
if (open(my $last, "<", "$folder/.received")) { $before = readline($last) // 0; }
sub received {
  if (open(my $io, "<", "/proc/$zstd/io")) { $read = $1 if (readline($io) // "") =~ /^rchar: (\d+)/; }
  return $before + ($read // $unpacked);
}

my $noted = 0;
sub note {
  my ($name, $at) = @_;
  $noted = $at;
  keep(".position", "$name $at\n");
  print "$name $at ", received(), "\n";
}

END { if ($$ == $self) { my $code = $?; eval { keep(".received", received()) }; kill "KILL", $zstd; $? = $code; } }

# Starts the digest of a file. What it gives back is told, in lines, how far the file is there; "whole" ends it.
my @digests;
sub digest {
  my $name = shift;
  pipe(my $heard, my $said) or die "$!\n";
  my $pid = fork // die "$!\n";
  if ($pid) { push @digests, $pid; $said->autoflush(1); return $said; }
  # Through its own copies nobody would see the end of the others.
  close $said; close $stream; open(STDOUT, ">", "/dev/null");
  my $draft = "$folder/$name.$$.draft";
  $pid = open(my $sum, "|-") // die "$!\n";
  if (!$pid) {
    open(STDOUT, ">", $draft) or exit 1;
    # As hash_file does: OpenSSL is faster.
    exec "openssl", "dgst", "-sha256", "-r" or exec "sha256sum" or exit 1;
  }
  fcntl($sum, $set_pipe_size, $chunk);
  open(my $file, "<:raw", "$folder/$name") or die "$folder/$name: $!\n";
  my ($at, $whole) = (0, 0);
  while (my $line = <$heard>) {
    if ($line eq "whole\n") { $whole = 1; last; }
    while ($at < $line) {
      my $n = sysread($file, my $data, $line - $at < $chunk ? $line - $at : $chunk) || die "$folder/$name: $!\n";
      put($sum, "the digest of $name", $data);
      $at += $n;
    }
  }
  if (close($sum) && $whole) { rename($draft, "$folder/$name.sum"); } else { unlink $draft; }
  exit 0;
}

my ($file, $open, $digest) = (undef, "", undef);
for (;;) {
  my $end = index($in, "\n");
  if ($end < 0) { more(); next; }
  my ($name, $at, $length) = substr($in, 0, $end + 1, "") =~ /^([A-Za-z0-9._-]+) (\d+) (\d+)\n$/ or exit $cut_off;
  if ($name eq "end") { print "end 0 ", received(), "\n"; waitpid($_, 0) for @digests; exit 0; }
  if ($name ne $open) {
    sysopen($file, "$folder/$name", $write_or_create, 0600) or die "$folder/$name: $!\n";
    ($open, $noted, $digest) = ($name, 0, digest($name));
  }
  if ($length == 0) {
    truncate($file, $at) && close($file) or die "$folder/$name: $!\n";
    $open = "";
    keep("$name.whole", "");
    note($name, $at);
    print $digest "$at\nwhole\n"; close $digest;
    next;
  }
  more() while length $in < $length;
  my $data = substr($in, 0, $length, "");
  sysseek($file, $at, 0);
  put($file, "$folder/$name", $data);
  if ($at + $length - $noted > $chunk) { note($name, $at + $length); print $digest "$noted\n"; }
}
'
