#!/usr/bin/perl
# A VMM that turns on its droplet, in place of Firecracker in tests: it answers every request of its API as Firecracker would a
# good one, and once it is resumed it tries to break out of its jail. It prints "attack NAME: OUTCOME" for each try. In the first look
# at a snapshot, whose console nobody reads, it tries that at the load, and the load's error counts the tries. Under the name
# firecracker-WHAT it uses as much as it can of processes, memory, files, space or cpu, and prints "used WHAT: NUMBER".
use strict;
use warnings;
use IO::Socket::UNIX;

if (grep { $_ eq '--version' } @ARGV) { print "Firecracker v1.16.1\n"; exit }
if (grep { $_ eq '--snapshot-version' } @ARGV) { print "v10.0.0\n"; exit }
$| = 1;
$SIG{PIPE} = 'IGNORE';
my %given = map { $ARGV[$_] => $ARGV[$_ + 1] // '' } 0 .. $#ARGV;
my ($id, $socket) = @given{'--id', '--api-sock'};
my ($folder) = $socket =~ m{^(.*)/};
my $listener = IO::Socket::UNIX->new(Local => $socket, Listen => 8) or die "$socket: $!";
my ($memory, $tried, @succeeded) = ('', 0);
# As Firecracker does; without its tap it would be restarted, whatever else is wrong.
if (open(my $tun, '+<', '/dev/net/tun')) {
  my $request = pack('a16 s x22', 'tap0', 0x1002);
  our $tap = $tun if ioctl($tun, 0x400454ca, $request);
}

# try(NAME, CODE): CODE gives true where it got through.
sub try {
  my ($name, $code) = @_;
  my $got = eval { $code->() };
  print "attack $name: ", ($got ? "SUCCEEDED $got" : "failed"), "\n";
  $tried++;
  push @succeeded, $name if $got;
}

# use_up(WHAT): takes what the droplet gives.
sub use_up {
  my ($what) = @_;
  my $used = 0;
  # The test lets it go once its start is over.
  select undef, undef, undef, 0.05 until -e "$folder/go";
  if ($what eq 'processes') {
    while ($used < 1000) {
      my $child = fork;
      last unless defined $child;
      if ($child == 0) { sleep 1000; exit }
      $used++;
    }
  } elsif ($what eq 'memory') {
    my @held;
    while ($used < 1024) { push @held, 'x' x (1 << 20); $used++ }
  } elsif ($what eq 'files') {
    my @held;
    while (@held < 5000 && open(my $file, '<', '/dev/urandom')) { push @held, $file }
    $used = @held;
  } elsif ($what eq 'space') {
    # As a good VMM's bug: the signal ends it.
    open(my $file, '>', "$folder/big") or die "$folder/big: $!";
    while ($used < 4096) { sysseek($file, $used << 20, 0); syswrite($file, 'x'); $used += 16 }
  } elsif ($what eq 'cpu') {
    for (1 .. 4) { if (!fork) { 1 while 1 } }
  }
  print "used $what: $used\n";
}

sub attack {
  return use_up($1) if $0 =~ /firecracker-(\w+)$/;
  my $other = $folder =~ s{/[^/]+$}{/vm8}r;
  for my $file ('rootfs.ext4', 'firecracker.sock', 'console.log', 'vmm.pid') {
    try("another clone's $file", sub { -e "$other/$file" });
  }
  try('writing the shared memory', sub { open(my $file, '+<', $memory) });
  try('the mode of the shared memory', sub { chmod 0666, $memory });
  try('removing the shared memory', sub { unlink $memory });
  try('a file in the root', sub { open(my $file, '>', '/mine') });
  try('another root folder', sub { rename('/opt', '/other') });
  try('root', sub { $< = $> = 0; $> == 0 });
  try("another clone's user", sub {
    my $own = $>;
    $< = $> = $own + 1;
    return $> != $own;
  } );
  try('processes of others', sub { my @seen = grep { -d && (stat)[4] != $> } glob '/proc/[0-9]*'; "@seen" });
  try('ending the first process', sub { kill 9, 1 });
  try('a disk', sub { syscall(133, '/run/disk', 060600, 0x800) == 0 });
  try('a mount', sub { syscall(165, 'tmpfs', '/run', 'tmpfs', 0, 0) == 0 });
  try('another root', sub { chroot '/run' });
  try("the droplet's network", sub {
    open(my $net, '<', '/proc/1/ns/net') or return;
    return syscall(308, fileno $net, 0) == 0;
  });
  try('tracing', sub { syscall(101, 16, 1, 0, 0) == 0 });
  try('a kernel module', sub { syscall(175, my $empty = '', 0, '') == 0 });
  try('raw packets', sub { socket(my $raw, 2, 3, 1) });
  try('packets of the link', sub { socket(my $raw, 17, 3, 0x300) });
  try('another tap', sub {
    open(my $tun, '+<', '/dev/net/tun') or return;
    my $request = pack('a16 s x22', 'mine0', 0x1002);
    ioctl($tun, 0x400454ca, $request);
  });
  try('all descriptors', sub {
    my @files;
    while (open(my $file, '<', '/dev/urandom')) { push @files, $file; return scalar @files if @files > 5000 }
    0;
  });
  # Links in place of what it has: Hornet's repair must not lead out of the jail.
  for my $path ('/dev/kvm', '/dev/urandom') { unlink $path; symlink '/opt/evil/victim', $path }
  rename '/dev/net', "$folder/net";
  symlink '/opt/evil', '/dev/net';
  # Its API's socket becomes another one: Hornet's requests must not follow.
  unlink $socket;
  symlink "$other/firecracker.sock", $socket;
  print "attacks done\n";
}

while (my $client = $listener->accept) {
  my $text = '';
  while (sysread($client, $text, 65536, length $text)) {
    while ($text =~ /^(\S+) (\S+) .*?\r\n\r\n/s) {
      my ($method, $path, $head) = ($1, $2, $&);
      my ($length) = $head =~ /content-length: (\d+)/i;
      last if length($text) < length($head) + ($length // 0);
      my $body = substr $text, length $head, $length // 0;
      $text = substr $text, length($head) + ($length // 0);
      ($memory) = $body =~ /"backend_path":"([^"]+)"/ if $path =~ /load/;
      my $answer = $method eq 'GET' ? qq({"id":"$id","state":"Running","vmm_version":"1.16.1","app_name":"Firecracker"}) : '';
      # Answers without an end, with a lie about another VM.
      if (-e "$folder/babble") { 1 while syswrite $client, qq(HTTP/1.1 200 OK\r\n\r\n) . qq({"id":"vm8","state":"Paused","vmm_version":"1"}\n) x 1000 }
      my $looked = $id =~ /^hornet-boot/ && $path =~ /load/;
      attack() if $looked;
      $answer = qq({"fault_message":"attacks: $tried, succeeded: @succeeded."}) if $looked;
      my $status = $answer eq '' ? '204 No Content' : ($looked ? '400 Bad Request' : '200 OK') . "\r\nContent-Length: " . length $answer;
      syswrite $client, "HTTP/1.1 $status\r\n\r\n$answer";
      attack() if $body =~ /Resumed/;
    }
  }
}
