# What the keepers in perl and the steps of a call share; it comes before their own code. It loads no module: Fcntl takes 2 ms of
# CPU, Socket and POSIX more than 10, and a call starts perl for each clone.
use strict;

# asm-generic/fcntl.h, which x86-64 and arm64 have.
sub O_WRONLY() { 01 }
sub O_RDWR() { 02 }
sub O_CREAT() { 0100 }
sub O_EXCL() { 0200 }
sub O_NONBLOCK() { 04000 }

# text_of(PATH): a file's text; empty if it cannot be read.
sub text_of {
  my ($path) = @_;
  open(my $handle, "<", $path) or return "";
  local $/;
  return <$handle> // "";
}

# process_at(PID, BOOT): names a process of this boot, as write_pid has it; empty where there is none. A process whose first
# thread alone has ended has not ended (see start_time).
sub process_at {
  my ($pid, $boot) = @_;
  my ($rest) = text_of("/proc/$pid/stat") =~ /.*\) (.*)/s or return "";
  my @fields = split " ", $rest;
  return $fields[0] eq "X" || $fields[0] eq "Z" && $fields[17] < 2 ? "" : "$pid $fields[19] $boot\n";
}

# put_text(PATH, TEXT…): for files that nobody reads while they are written.
sub put_text {
  my ($path, @texts) = @_;
  open(my $handle, ">", $path) or return 0;
  my $done = print {$handle} @texts;
  return close($handle) && $done;
}

# failure_of(PROGRAM, ARGUMENT…): what a program that failed printed; undef if it succeeded.
sub failure_of {
  my $pid = open(my $out, "-|") // return "fork: $!\n";
  if (!$pid) {
    open(STDERR, ">&", \*STDOUT);
    exec @_ or print "$_[0]: $!\n";
    kill 9, $$;
  }
  local $/;
  my $said = <$out> // "";
  return close($out) ? undef : "$_[0] failed: $said\n" =~ s/\n+\z/\n/r;
}

# write_file(PATH, MODE, TEXT…): a file appears as a whole.
sub write_file {
  my ($path, $mode, @texts) = @_;
  unlink "$path.draft";
  # The folder may belong to another user, whose link must lead nowhere.
  sysopen(my $handle, "$path.draft", O_WRONLY | O_CREAT | O_EXCL, 0600) or return 0;
  my $done = 1;
  for my $text (@texts) { $done &&= print {$handle} $text; }
  $done &&= chmod($mode, $handle);
  $done = close($handle) && $done && rename("$path.draft", $path);
  my $why = $!;
  unlink "$path.draft" if !$done;
  $! = $why;
  return $done;
}

# kernel(NAME, ARGUMENT…): a system call, by its number on this machine. A 64-bit kernel is x86-64 or arm64 here, as for Firecracker.
my %number_of = (
  x86_64 => { setns => 308, setsid => 112, clock_gettime => 228, mknodat => 259, linkat => 265, readlinkat => 267 },
  aarch64 => { setns => 268, setsid => 157, clock_gettime => 113, mknodat => 33, linkat => 37, readlinkat => 78 },
);
my $machine;

sub kernel {
  my $name = shift;
  # Not a copy of the arguments: the kernel writes into them.
  return syscall $number_of{machine()}{$name}, @_;
}

# machine(): x86_64 or aarch64. The program that runs this is built for it: EM_AARCH64 of linux/elf-em.h is 183.
sub machine {
  $machine //= do {
    open(my $self, "<", "/proc/self/exe") or die "/proc/self/exe: $!\n";
    read $self, my $head, 20;
    (unpack "x18 v", $head) == 183 ? "aarch64" : "x86_64";
  };
  return $machine;
}

# read_clock(NUMBER): seconds of a clock of clock_gettime(2), with their fraction.
sub read_clock {
  my $time = pack "q2", 0, 0;
  kernel("clock_gettime", $_[0], $time);
  my ($seconds, $ns) = unpack "q2", $time;
  return $seconds + $ns / 1e9;
}

# now(): the droplet's clock. elapsed(): seconds since the boot, which nobody sets.
sub now { return read_clock(0) }
sub elapsed { return read_clock(1) }
