# The launch of a VMM. common.pl, api.pl and entries.pl come before it.

# in_namespace(NAMESPACE, CODE): runs it in a clone's network namespace.
sub in_namespace {
  my ($namespace, $code) = @_;
  open(my $own, "<", "/proc/self/ns/net") or die "/proc/self/ns/net: $!\n";
  open(my $theirs, "<", "/run/netns/$namespace") or die "/run/netns/$namespace: $!\n";
  # CLONE_NEWNET of linux/sched.h
  kernel("setns", fileno $theirs, 0x40000000) == 0 or die "cannot enter the namespace $namespace: $!\n";
  my $done = eval { $code->(); 1 };
  my $why = $@;
  # Whatever this process does next would happen in the wrong network.
  kernel("setns", fileno $own, 0x40000000) == 0 or kill 9, $$;
  die $why if !$done;
}

# Starts a VMM and waits until its API takes connections: the file of a socket is there a moment earlier. JAILED: its uid; its files are at the
# same paths below DIR/jail/root; what is in the jail becomes root's, but for the folders of its sockets, and requests go to the
# socket that was made now, whatever the VMM puts in its place later. Until its snapshot is loaded, a VMM is not hostile. Fails
# with 2 if it does not open the socket in time, with 3 if it has ended.
$steps{launch} = sub {
  my ($dir, $namespace, $tap, $jailed, $ms, @command) = @_;
  # A VMM that finds no tap makes one, without an address, and its guest is cut off in silence.
  in_namespace($namespace, sub {
    # A process's own copy, as far as proc(5) goes: of the namespace that it is in.
    $tap eq "" || text_of("/proc/self/net/dev") =~ /^ *\Q$tap\E:/m or die "there is no $tap in the clone's namespace\n";
  });
  my $child = fork // die "fork: $!\n";
  if (!$child) {
    open(STDIN, "<", "/dev/null");
    open(STDOUT, ">>", "$dir/console.log");
    open(STDERR, ">&", \*STDOUT);
    exec @command or kill 9, $$;
  }
  my ($boot) = text_of("/proc/sys/kernel/random/boot_id") =~ /(\S+)/;
  my $folder = $jailed ? "$dir/jail/root$dir" : $dir;
  my $end = elapsed() + $ms / 1000;
  my $socket;
  until ($socket) {
    return 2 if elapsed() > $end;
    # A path of a jail may be longer than the 107 bytes of an address.
    if (chdir $folder) { $socket = connect_to("firecracker.sock", 0); chdir "/" }
    last if $socket;
    my ($pid) = (my $noted = text_of("$dir/vmm.pid")) =~ /^(\d+) \d+ \S+\n/;
    return 3 if defined $pid && process_at($pid, $boot) ne $noted;
    # Before the VMM there is what waits for it, which leaves no pid where it could not write it.
    return 3 if !defined $pid && waitpid($child, 1) == $child;
    select undef, undef, undef, 0.002;
  }
  close_jail($dir, $jailed) if $jailed;
  $connected{$dir} = $socket;
  return 0;
};

# close_jail(DIR, UID): the list of what is in the jail comes last (see entries.pl).
sub close_jail {
  my ($dir, $uid) = @_;
  my ($made, $kept, $root) = ("$dir/jail/root$dir/firecracker.sock", "$dir/firecracker.sock", "$dir/jail/root/.");
  link($made, $kept) or die "the jail of $dir cannot be closed: $kept: $!\n";
  chown(0, 0, $root) && chmod(0755, $root) or die "the jail of $dir cannot be closed: $root: $!\n";
  my $process = text_of("$dir/vmm.pid") =~ s/\n.*//sr;
  our %origins;
  list_jail($dir, readlink("$dir/jail/root"), $uid, $process, \%origins);
}
