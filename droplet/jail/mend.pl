# Makes the jail of a running VMM as its list has it; common.pl, entries.pl and compare.pl come before it. Arguments: DIR, PID and start
# time of the VMM. The VMM may be hostile and exchange what is in its own folders at any moment: each change is made to a descriptor
# whose inode was compared, or to what was made here. Prints what remains, a fault a line; what only another start repairs is left.
my ($dir, $pid, $start) = @ARGV;
my $list = read_list($dir) or exit 0;
my (@left, $why);
# A folder first, then what it contains: a pass for each level.
for (1 .. 20) {
  @left = grep { !$_->{last} } faults_of($dir, $pid, $start, $list);
  my $mended = 0;
  for my $fault (@left) { $mended++ if eval { mend($fault); 1 } or $why = $@ }
  write_list($dir, $list) if $mended;
  last if !$mended;
}
die "the jail of $dir cannot be repaired: " . join(", ", map { "$_->{what} $_->{path}" } @left) . ": " . ($why // "it changes all the time\n") if @left;

sub mend {
  my ($fault) = @_;
  my ($what, $one, $folder, $name) = @$fault{qw(what entry folder name)};
  if ($what eq "link") {
    unlink "$dir/jail/root";
    return symlink($list->{chroot}, "$dir/jail/root") || die "$!\n";
  }
  return link_socket($one) if $what eq "socket";
  return remove($folder, $name) if $what eq "added";
  if ($what eq "owner" || $what eq "mode") {
    my $handle = open_entry(within($folder, $name)) // die "$!\n";
    die "it was exchanged\n" if is_other($one, facts_of(stat $handle), $handle);
    return set_rights($one, $handle);
  }
  remove($folder, $name) if $what eq "other";
  make($one, $folder, $name);
}

# set_rights(ENTRY, HANDLE): chown(2) clears bits of the mode.
sub set_rights {
  my ($one, $handle) = @_;
  chown($one->{uid}, $one->{gid}, path_of($handle)) && chmod($one->{mode}, path_of($handle)) or die "$!\n";
}

# link_open(HANDLE, PATH): a hard link of what is open. linux/fcntl.h: both paths begin at AT_FDCWD, AT_SYMLINK_FOLLOW.
sub link_open {
  my ($from, $to) = (path_of($_[0]), $_[1]);
  kernel("linkat", -100, $from, -100, $to, 0x400) == 0 or die "$!\n";
}

# link_socket(ENTRY): from the jail into the clone's folder, which only root enters.
sub link_socket {
  my ($one) = @_;
  my $root = open_entry("$dir/jail/$list->{chroot}") // die "$!\n";
  my $open = entry_in($root, $one) // die "it was exchanged\n";
  unlink "$dir/firecracker.sock";
  link_open($open, "$dir/firecracker.sock");
}

sub remove {
  my ($folder, $name) = @_;
  my $is = facts_of(lstat within($folder, $name)) or return;
  if ($is->{kind} ne "d") { unlink(within($folder, $name)) || die "$!\n"; return }
  my $below = open_entry(within($folder, $name)) // die "$!\n";
  facts_of(stat $below)->{kind} eq "d" or die "it was exchanged\n";
  remove($below, $_) for names_in($below, 1e5);
  rmdir(within($folder, $name)) or die "$!\n";
}

sub make {
  my ($one, $folder, $name) = @_;
  my ($path, $kind) = (within($folder, $name), $one->{kind});
  if ($kind eq "l") { symlink($one->{source}, $path) or die "$!\n"; return note($one, open_entry($path)) }
  if ($kind eq "d") { mkdir($path, 0700) or die "$!\n" }
  elsif ($kind =~ /[cb]/) {
    my $type = $kind eq "c" ? 0020000 : 0060000;
    kernel("mknodat", fileno $folder, my $as = $name, $type | 0600, $one->{device} + 0) == 0 or die "$!\n";
  } elsif ($one->{origin} =~ /^(?:copy|pid)$/) { return fill($one, $path) }
  else {
    my $source = source_of($one, $pid) // die "its file is missing\n";
    link_open($source, $path);
    set_rights($one, $source) if $one->{origin} ne "lent";
    return note($one, $source);
  }
  my $handle = open_entry($path) // die "$!\n";
  my $is = facts_of(stat $handle);
  die "it was exchanged\n" if $is->{kind} ne $kind || $is->{device} != $one->{device};
  set_rights($one, $handle);
  note($one, $handle);
}

# fill(ENTRY, PATH): a new file with the content of its source.
sub fill {
  my ($one, $path) = @_;
  my $source = $one->{origin} eq "copy" ? source_of($one, $pid) // die "its file is missing\n" : undef;
  sysopen(my $handle, $path, O_WRONLY | O_CREAT | O_EXCL, 0600) or die "$!\n";
  if ($source) {
    # cp finds both by this process's descriptors.
    my ($from, $to) = map { "/proc/$$/fd/" . fileno $_ } $source, $handle;
    my $failure = failure_of("cp", "--reflink=auto", "--sparse=always", "--no-preserve=mode", "--", $from, $to);
    die $failure if defined $failure;
  } else { print {$handle} $pid or die "$!\n" }
  set_rights($one, $handle);
  note($one, $handle);
}

# note(ENTRY, HANDLE): the list names what is there now.
sub note {
  my ($one, $handle) = @_;
  $one->{inode} = (stat $handle)[1];
}
