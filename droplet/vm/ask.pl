# Asks the APIs of many VMMs at once. A VMM may be hostile: its answer has a limit of size and of time, delays no other, and names no
# VM. Arguments: the path to ask for, the limits in seconds and bytes. stdin: lines "NAME SOCKET". Answers: "NAME BODY" for each
# VMM that said 200, without control characters.
use strict;
use warnings;
use Errno qw(EAGAIN EINTR);
use Fcntl;
use Socket;

my ($path, $seconds, $most) = @ARGV;
# The head of an answer counts too.
$most += 4096;
my $request = "GET $path HTTP/1.1\r\nHost: localhost\r\nAccept: */*\r\n\r\n";
my @open;
while (my $line = <STDIN>) {
  chomp $line;
  my ($name, $at) = split / /, $line, 2;
  socket(my $socket, AF_UNIX, SOCK_STREAM, 0) or next;
  fcntl($socket, F_SETFL, O_NONBLOCK);
  push @open, { name => $name, at => $at, socket => $socket, text => '', step => \&meet };
}

# Each step gives true once it waits for the VMM.

sub meet {
  my ($one) = @_;
  # The queue of a VMM that accepts nothing is full: it is asked again.
  if (!connect($one->{socket}, sockaddr_un($one->{at}))) { return $!{EAGAIN} || close_one($one) }
  # A new socket's buffer has room for all of it.
  my $sent = syswrite $one->{socket}, $request;
  return close_one($one) if ($sent // 0) != length $request;
  $one->{step} = \&hear;
  return 1;
}

sub hear {
  my ($one) = @_;
  my $got = sysread $one->{socket}, $one->{text}, 65536, length $one->{text};
  return 1 if !defined $got && ($!{EAGAIN} || $!{EINTR});
  my ($head, $body) = split /\r\n\r\n/, $one->{text}, 2;
  my ($length) = defined $body ? $head =~ /^content-length: *(\d{1,9})\r?$/im : ();
  my $whole = defined $length ? length $body >= $length : !$got;
  return close_one($one) if length $one->{text} > $most || !$got && !$whole;
  return 1 if !$whole;
  if (defined $body && $head =~ m{^HTTP/1\.1 200\b}) {
    $body = substr($body, 0, $length) if defined $length;
    $body =~ tr/\x00-\x1f\x7f/ /;
    print "$one->{name} $body\n";
  }
  return close_one($one);
}

sub close_one { $_[0]{step} = undef }

my $end = time + $seconds;
while (@open && time <= $end) {
  my $waits = '';
  for my $one (@open) {
    $one->{step}->($one);
    next if !$one->{step};
    vec($waits, fileno $one->{socket}, 1) = 1 if $one->{step} == \&hear;
  }
  @open = grep { $_->{step} } @open;
  my $queued = grep { $_->{step} == \&meet } @open;
  select($waits, undef, undef, $queued ? 0.01 : 0.5) if @open;
}
