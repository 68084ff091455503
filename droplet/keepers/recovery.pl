# Starts VMMs again that ended or hang between two operations (see recovery.sh). common.pl comes before it. Arguments: NAME HOME.
# It ends once its folder no longer names it. perl, because one process watches hundreds of VMMs each second, and keeps in its memory
# what each is started from: that holds the identities of guests, which are in no file of the droplet.
use strict; use warnings;
use Fcntl qw(:flock F_SETFL);
use POSIX ":sys_wait_h";
use Socket;

my (undef, $home) = @ARGV;
my ($runtime) = $home =~ m{(.*)/};
# Seconds between two looks at all VMMs, and the longest pause between two restarts of one.
my ($period, $longest_pause) = (1, 900);
# Bytes of an order: a guest's metadata has 51,200, and a character may take four in a request.
my $longest_order = 1 << 20;
# Seconds that an API or a guest gets for an answer.
my $patience = 2;
chdir "/";

my $owner = text_of("$home/owner");
(my $boot = text_of("/proc/sys/kernel/random/boot_id")) =~ s/\s//g;
# By clone: what an order said.
my %clones;
my ($orders, $partial, $changed) = (undef, "", 0);
# The process that restarts clones; 0: there is none.
my $worker = 0;
# Processes that ask a guest for its key, about which nobody wants to know any more.
my @orphans;
(my $score = text_of("/proc/self/oom_score_adj")) =~ s/\s//g;

# An order is "NAME MARK BUDGET BACKOFF HUNG GUEST GENERATION KEY LENGTH", a line end, and LENGTH bytes; a NUL ends it. KEY is the
# guest's ssh host key, or - for a guest that says itself that it is ready. A lane that was killed in the middle leaves an order of
# another length.
sub take_orders {
  while (sysread($orders, $partial, 65536, length $partial)) {
    while ((my $end = index $partial, "\0") >= 0) {
      my $order = substr $partial, 0, $end, "";
      substr $partial, 0, 1, "";
      $order =~ /^([\w.-]+) ([0-9a-f]+) (\d+) (\d+) (\d+) ([\d.]+) (\w+) ([\w+\/=-]+) (\d+)\n/ or next;
      my %clone = (mark => $2, budget => $3, backoff => $4, hung => $5, guest => $6, generation => $7, key => $8,
        text => substr $order, $+[0]);
      my ($name, $length) = ($1, $9);
      next if length $clone{text} != $length || text_of("$runtime/$name/owner") ne $owner;
      forget_question($name) if $clones{$name};
      $clones{$name} = \%clone;
      $changed = 1;
    }
    $partial = "" if length $partial > $longest_order;
  }
}

# A lane that hands a call over waits until its line is here.
sub write_known {
  write_file("$home/known", 0600, join "", map { "$_ $clones{$_}{mark}\n" } sort keys %clones) if $changed;
  $changed = 0;
}

# is_ordered(NAME): the clone's VMM is to run: the file is removed before it is to end.
sub is_ordered {
  my ($name) = @_;
  return text_of("$runtime/$name/recovery") eq "$$ $clones{$name}{mark}\n";
}

# pid_of(NAME): its VMM's; 0: it has ended; undef: it was started in another boot, or nobody knows.
sub pid_of {
  my $noted = text_of("$runtime/$_[0]/vmm.pid");
  my ($pid, $since) = $noted =~ /^(\d+) \d+ (\S+)\n/ or return undef;
  return undef if $since ne $boot;
  return process_at($pid, $boot) eq $noted ? $pid : 0;
}

# is_news(NAME): the worker has not looked at this end, or did so a minute ago: what it leaves to an operation, a clone without its
# disk say, would otherwise cost a look under the lock each second.
sub is_news {
  my ($name) = @_;
  my $clone = $clones{$name};
  return !defined $clone->{tried} || $clone->{tried} ne text_of("$runtime/$name/vmm.pid") || $clone->{tried_at} + 60 <= time;
}

# may_start(NAME): its budget and its pause allow another restart. See note_recovery for the lines.
sub may_start {
  my ($name) = @_;
  my $clone = $clones{$name};
  my @times = grep { $_ > time - 3600 } map { (split)[1] // 0 } split /\n/, text_of("$runtime/$name/recoveries");
  return 0 if @times >= $clone->{budget};
  return 1 if !@times;
  my $pause = $clone->{backoff} * 2 ** ($#times < 10 ? $#times : 10);
  return time >= $times[-1] + ($pause < $longest_pause ? $pause : $longest_pause);
}

# silent_apis(NAME…): those whose VMM answers no request. All are asked at once.
sub silent_apis {
  my (%sockets, %names);
  my $bits = "";
  for my $name (@_) {
    socket(my $socket, AF_UNIX, SOCK_STREAM, 0) or next;
    fcntl($socket, F_SETFL, O_NONBLOCK());
    # A listener whose queue is full refuses: it answers nobody.
    next if !connect($socket, pack_sockaddr_un("$runtime/$name/firecracker.sock"));
    syswrite($socket, "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n") or next;
    $sockets{$name} = $socket;
    vec($bits, fileno $socket, 1) = 1;
  }
  my $end = time + $patience;
  my %answered;
  while (keys(%answered) < keys(%sockets) && time <= $end) {
    select(my $ready = $bits, undef, undef, 0.5) or next;
    for my $name (grep { vec($ready, fileno $sockets{$_}, 1) } keys %sockets) {
      $answered{$name} = 1;
      vec($bits, fileno $sockets{$name}, 1) = 0;
    }
  }
  return grep { !$answered{$_} } @_;
}

# guest_speaks(NAME): its console has grown since the last look, or its kernel answers a connection, be it by a refusal.
sub guest_speaks {
  my ($name) = @_;
  my $clone = $clones{$name};
  my $size = -s "$runtime/$name/console.log";
  my $grew = ($size // 0) != ($clone->{said} // -1);
  $clone->{said} = $size // 0;
  return 1 if $grew;
  my $child = fork // return 1;
  if (!$child) {
    open(STDOUT, ">", "/dev/null"); open(STDERR, ">", "/dev/null");
    $ENV{LC_ALL} = "C";
    # Without an answer the kernel says so in other words, or nothing in time.
    my $ask = 'said=$({ : <>/dev/tcp/$0/22; } 2>&1) || [[ $said == *refused* ]]';
    exec("nsenter", "--net=/run/netns/$name", "timeout", $patience, "bash", "-c", $ask, $clone->{guest})
      or POSIX::_exit(1);
  }
  waitpid $child, 0;
  return $? == 0;
}

# find_hung: of the clones that declare it, those whose VMM and guest have been silent for that long. While an operation works on
# the droplet, a VMM may be silent for other reasons.
sub find_hung {
  my @asked = grep { $clones{$_}{hung} && pid_of($_) } keys %clones or return;
  if (is_locked()) { delete $clones{$_}{silent} for @asked; return; }
  @asked = grep { ($clones{$_}{asked} // 0) + $clones{$_}{hung} / 4 <= time } @asked or return;
  my %silent = map { $_ => 1 } silent_apis(@asked);
  for my $name (@asked) {
    my $clone = $clones{$name};
    $clone->{asked} = time;
    if (!$silent{$name} || guest_speaks($name)) { delete $clone->{silent}; next; }
    $clone->{silent} //= time;
  }
  return grep { defined $clones{$_}{silent} && $clones{$_}{silent} + $clones{$_}{hung} <= time } @asked;
}

# start_worker([NAME, WHY]…): what has to be done, by another process, which gets all of it through a pipe.
sub start_worker {
  pipe(my $in, my $out) or return;
  $worker = fork // return;
  if (!$worker) {
    close $out;
    open(STDIN, "<&", $in);
    write_score($score);
    exec("bash", "--noprofile", "--norc", "-c", '. "$1/library" && recover_clones "$1"', "hornet-recover", $home)
      or POSIX::_exit(1);
  }
  close $in;
  local $SIG{PIPE} = "IGNORE";
  for (@_) { my ($name, $why) = @$_; print {$out} join("\0", $name, $clones{$name}{mark}, $why, $clones{$name}{text}), "\0"; }
  close $out;
}

# is_locked: an operation works on the droplet.
sub is_locked {
  open(my $lock, "<", "/run/hornet/lock") or return 0;
  return !flock($lock, LOCK_SH | LOCK_NB);
}

# is_ready(NAME): the guest that the keeper started says so or shows its key, and nobody has noted that yet.
sub is_ready {
  my ($name) = @_;
  my $clone = $clones{$name};
  return 0 if text_of("$runtime/$name/unsettled") ne "recovery\n";
  return shows_key($name) if $clone->{key} ne "-";
  return index(text_of("$runtime/$name/console.log"), "hornet-identity: ready $clone->{generation}") >= 0;
}

# shows_key(NAME): the guest's ssh server has the clone's host key, so the guest's disk has the clone's identity. Another process asks
# it, because a guest that boots is silent for many seconds.
sub shows_key {
  my ($name) = @_;
  my $clone = $clones{$name};
  if ($clone->{asker}) {
    return 0 if waitpid($clone->{asker}, WNOHANG) == 0;
    delete $clone->{asker};
    return 1 if $? == 0;
  }
  my $child = fork // return 0;
  if (!$child) {
    open(STDOUT, ">", "/dev/null"); open(STDERR, ">", "/dev/null");
    my $ask = '[[ $(ssh-keyscan -T "$2" -t ed25519 "$0") == *" ssh-ed25519 $1" ]]';
    exec("nsenter", "--net=/run/netns/$name", "timeout", $patience + 1, "bash", "-c", $ask, $clone->{guest}, $clone->{key}, $patience)
      or POSIX::_exit(1);
  }
  $clone->{asker} = $child;
  return 0;
}

# forget_question(NAME): nobody wants the answer any more, but the process that asks has to be reaped.
sub forget_question {
  my ($name) = @_;
  my $asker = delete $clones{$name}{asker} or return;
  push @orphans, $asker;
}

sub look {
  if ($worker) {
    return if waitpid($worker, WNOHANG) == 0;
    # Somebody else had the lock: it looked at nothing.
    if ($? >> 8 == 75) { delete $_->{tried} for values %clones; }
    $worker = 0;
  }
  @orphans = grep { waitpid($_, WNOHANG) == 0 } @orphans;
  my @over = grep { !is_ordered($_) } keys %clones;
  forget_question($_) for @over;
  delete @clones{@over};
  $changed = 1 if @over;
  my @dead = grep { my $pid = pid_of($_); defined $pid && !$pid && is_news($_) && may_start($_) } sort keys %clones;
  my @hung = grep { may_start($_) } find_hung();
  # An answer of the guest that ended says nothing about the next one.
  forget_question($_) for @dead, @hung;
  my %ends = map { $_ => 1 } @dead, @hung;
  my @ready = grep { !$ends{$_} && is_ready($_) } sort keys %clones;
  return if !@dead && !@hung && !@ready || is_locked();
  delete $clones{$_}{silent} for @hung;
  for (@dead) { @{$clones{$_}}{qw(tried tried_at)} = (text_of("$runtime/$_/vmm.pid"), time); }
  start_worker((map { [$_, "ended"] } @dead), (map { [$_, "hung"] } @hung), map { [$_, "ready"] } @ready);
}

sub write_score {
  if (open(my $handle, ">", "/proc/self/oom_score_adj")) { print {$handle} $_[0]; close $handle; }
}

# When memory is short the kernel ends something else, but a VMM that the keeper starts is no exception.
write_score(-900);
# For both, so that it is open whether or not somebody writes.
sysopen($orders, "$home/orders", O_RDWR() | O_NONBLOCK()) or die "cannot open $home/orders: $!\n";
write_file("$home/pid", 0600, process_at($$, $boot)) or die "cannot write to $home: $!\n";
my $next = 0;
while (text_of("$home/pid") =~ /^$$ /) {
  my $bits = "";
  vec($bits, fileno $orders, 1) = 1;
  my $pause = $next - time;
  select($bits, undef, undef, $pause > 0 ? $pause : 0);
  take_orders();
  write_known();
  next if time < $next;
  look();
  write_known();
  $next = time + $period;
}
