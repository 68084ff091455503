# Makes the inside of a clone's jail: folders of root's, and in them the clone's files by hard link, each at the path at which its VMM
# looks for it. common.pl comes before it.
# Arguments: the chroot, the uid, the clone's folder, the VMM's program, the disk's path (empty: none), the vsock socket's path (empty: none), the clone's
# network namespace, whose taps are handed over, and lines "tap NAME", "file PATH", "lent PATH" for a disk that the operator declared,
# and "named PATH" for one that the snapshot alone names, which every user may read anyway; "blank BYTES PATH" for a file that only has
# to exist, and "place PATH" for a folder in which the VMM may make something. A file that the VMM's user may not read is copied. One that cannot be linked, because it is on
# another file system, comes into the file DIR/jail/binds, as lines SOURCE and PATH, and is mounted in the VMM's mount namespace.
my ($root, $uid, $dir, $disk, $vsock);
my (%folder, @binds);
# By path in the jail, how its entry came there; see entries.pl. It stays until the VMM is launched.
our %origins;

sub stop { die "the jail of $dir cannot be made: $_[0]: $!\n" }

# inside(PATH): a path of the VMM's, from the chroot on; its folder exists then. The VMM's working directory is the root.
sub inside {
  my @parts;
  for my $part (split m{/}, $_[0]) {
    if ($part eq '..') { pop @parts } elsif ($part ne '' && $part ne '.') { push @parts, $part }
  }
  my $name = pop @parts;
  my $path = $root;
  for my $part (@parts) {
    $path .= "/$part";
    next if $folder{$path}++ || -d $path;
    mkdir($path, 0755) or stop($path);
  }
  return defined $name ? "$path/$name" : $path;
}

# came(TARGET, ORIGIN, SOURCE): notes it.
sub came { $origins{ substr $_[0], length $root } = [@_[1, 2]] }

# give(FILE, ORIGIN, PATH): a file of the clone's own.
sub give {
  my ($file, $origin, $path) = @_;
  chown($uid, $uid, $file) && chmod(0600, $file) or stop($file);
  my $target = inside($path);
  link($file, $target) or stop($target);
  came($target, $origin, $file);
}

# share(PATH, KIND): a file that others use too, for reading only. What a snapshot alone names gets no more readable by it: it may
# name root's ssh key.
sub share {
  my ($path, $kind) = @_;
  my $source = $path =~ m{^/} ? $path : "$dir/$path";
  my @about = stat $source or return;
  my $target = inside($path);
  return if -e $target;
  return if $kind eq 'named' && !($about[2] & 04);
  if (-b _) {
    run_for('mknod', '-m', '0440', $target, 'b', int($about[6] / 256), $about[6] % 256);
    chown(0, $uid, $target) or stop($target);
    return;
  }
  # A hard link of a link would lead nowhere in the jail. Links above it do not matter.
  for (1 .. 40) {
    my $leads = readlink $source // last;
    $source = $leads =~ m{^/} ? $leads : ($source =~ s{[^/]*$}{}r) . $leads;
  }
  my ($parent) = $source =~ m{^(.*)/};
  # The parent of a file in / is empty.
  my @above = stat "$parent/.";
  # Nobody but root gets into the folder, so the file's mode lets in none but those who have a link to it.
  my $closed = $kind eq 'file' && $above[4] == 0 && !($above[2] & 077) && $about[4] == 0;
  if (!($about[2] & 04)) {
    if ($closed) { chmod($about[2] & 07777 | 0444, $source) or stop($source) }
    else { copy_for($source, $target); return }
  }
  came($target, $closed ? "shared" : "lent", $source);
  return if link($source, $target);
  # EXDEV
  $! == 18 or stop($target);
  open(my $file, '>', $target) or stop($target);
  close $file;
  came($target, "bound", $source);
  push @binds, "$source\n$target\n";
}

# copy_for(SOURCE, TARGET): a copy that the VMM's group may read.
sub copy_for {
  my ($source, $target) = @_;
  run_for('cp', '--reflink=auto', '--sparse=always', '--', $source, $target);
  chown(0, $uid, $target) && chmod(0440, $target) or stop($target);
  came($target, "copy", $source);
}

sub run_for {
  my $why = failure_of(@_);
  die "the jail of $dir cannot be made: $why" if defined $why;
}

# blank(BYTES, PATH): an empty file of that size, where there is nothing else.
sub blank {
  my ($bytes, $path) = @_;
  my $target = inside($path);
  return if -e $target;
  open(my $file, '>', $target) or stop($target);
  truncate($file, $bytes) && chown($uid, $uid, $target) && chmod(0600, $target) or stop($target);
}

# place(PATH): the VMM makes something in it, but exchanges none of root's folders, by which Hornet finds the VMM's socket.
sub place {
  my $target = inside("$_[0]/x");
  $target =~ s{/x$}{};
  chmod(01777, $target) or stop($target);
}

# hand_over_tap(TAP): TUNSETIFF attaches to it, TUNSETOWNER names who may attach without a privilege (linux/if_tun.h). A tap that
# another VMM holds stays as it is: this clone's VMM will say so.
sub hand_over_tap {
  open(my $tun, '+<', '/dev/net/tun') or stop('/dev/net/tun');
  my $request = pack('a16 s x22', $_[0], 0x1002);
  ioctl($tun, 0x400454ca, $request) && ioctl($tun, 0x400454cc, $uid + 0);
}

$steps{jail} = sub {
  my ($namespace, $lines);
  ($root, $uid, $dir, my $program, $disk, $vsock, $namespace, $lines) = @_;
  (%folder, @binds, %origins) = ();
  my ($name) = $program =~ m{([^/]+)$};
  # The jailer makes these.
  came("$root/$name", "copy", $program);
  came("$root/$name.pid", "pid", "");
  came("$root$dir/firecracker.sock", "own", "$dir/firecracker.sock");
  my $mask = umask 022;
  my $done = eval { build($namespace, split /\n/, $lines); 1 };
  umask $mask;
  die $@ if !$done;
  return 0;
};

sub build {
  my ($namespace, @lines) = @_;
  my $below = substr($root, length("$dir/jail/"));
  my $at = "$dir/jail";
  mkdir($at, 0755) or stop($at);
  for my $part (split m{/}, $below) {
    $at .= "/$part";
    mkdir($at, 0755) or stop($at);
  }
  symlink($below, "$dir/jail/root") or stop("$dir/jail/root");
  my $own = inside("$dir/x");
  $own =~ s{/x$}{};
  give("$dir/rootfs.ext4", "disk", $disk) if $disk ne '' && -f "$dir/rootfs.ext4" && !-l "$dir/rootfs.ext4";
  give("$dir/identity.disk", "own", "$dir/identity.disk") if -f "$dir/identity.disk";
  give("$dir/metrics.pipe", "own", "$dir/metrics.pipe") if -p "$dir/metrics.pipe";
  my @taps = map { /^tap (.+)$/ ? $1 : () } @lines;
  in_namespace($namespace, sub { hand_over_tap($_) for @taps }) if @taps;
  for my $line (@lines) {
    share($2, $1) if $line =~ /^(file|lent|named) (.+)$/;
    blank($1, $2) if $line =~ /^blank (\d+) (.+)$/;
    place($1) if $line =~ /^place (.+)$/;
  }
  if (@binds) {
    put_text("$dir/jail/binds", @binds) && chmod(0600, "$dir/jail/binds") or stop("$dir/jail/binds");
  }
  # Sockets, and the files of a snapshot that is taken, are the VMM's to make.
  my @makes = ($own);
  if ($vsock ne '') {
    my $at = inside($vsock);
    $at =~ s{/[^/]*$}{};
    push @makes, $at;
  }
  for my $one (@makes) { chown($uid, $uid, $one) && chmod(0700, $one) or stop($one) unless $one eq $root }
}
