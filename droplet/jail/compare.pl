# Compares the jail of a clone with its list. common.pl and entries.pl come before it. The VMM may be hostile: no link in its jail is
# followed, and what it may put into its own folders is limited to what is looked at.

# The names that are looked at in a folder of the VMM's, and the folders below each other there.
my ($most_names, $most_depth) = (1000, 4);

# faults_of(DIR, PID, START): how a jail differs from its list, with the PID and start time of the clone's VMM. Each fault has: what,
# path, is, was (as words; empty where they do not apply), last (only another start repairs it), and what mend.pl needs: entry, folder (the
# open folder that contains it) and name.
sub faults_of {
  my ($dir, $pid, $start, $list) = @_;
  $list //= read_list($dir) or return { what => "list", last => 1 };
  my @faults = process_faults($list, $dir, $pid, $start);
  my $root = open_entry("$dir/jail/$list->{chroot}") or return @faults, { what => "missing", path => "/", last => 1 };
  my %listed = map { $_->{path} => $_ } @{ $list->{entries} };
  my %folder;
  push @faults, { what => "link", path => "$dir/jail/root" } if (readlink("$dir/jail/root") // "") ne $list->{chroot};
  push @faults, socket_faults($dir, $listed{"$dir/firecracker.sock"}, $root);
  for my $one (@{ $list->{entries} }) {
    my ($above, $name) = $one->{path} =~ m{^(.*)/(.+)$};
    # What is in a folder that is missing is missing too.
    my $in = defined $name ? $folder{$above} // next : $root;
    my ($handle, $fault) = compare_entry($one, $in, $name // ".", $pid);
    push @faults, { path => $one->{path} || "/", entry => $one, folder => $in, name => $name // ".", %$fault } if $fault;
    next if !$handle || $one->{kind} ne "d";
    $folder{ $one->{path} } = $handle;
    push @faults, added_to($handle, $one->{path}, $one->{uid} != 0, \%listed, 0);
  }
  return @faults;
}

# process_faults(LIST, DIR, PID, START): the VMM is the process that was started in the jail, and has the rights of one.
sub process_faults {
  my ($list, $dir, $pid, $start) = @_;
  my ($was_pid, $was_start) = split / /, $list->{process};
  my @faults = "$pid $start" eq "$was_pid $was_start" ? () : { what => "process", last => 1 };
  my $status = text_of("/proc/$pid/status");
  # It has ended meanwhile.
  return @faults if $status !~ /^State:\t[^XZ]/m;
  for my $what ("Uid", "Gid") {
    my ($ids) = $status =~ /^$what:\t([\d\t]+)$/m or next;
    my ($other) = grep { $_ != $list->{uid} } split /\t/, $ids;
    push @faults, { what => lc $what, is => $other, was => $list->{uid}, last => 1 } if defined $other;
  }
  my ($groups) = $status =~ /^Groups:\t(.*?) *$/m;
  push @faults, { what => "groups", is => $groups, last => 1 } if ($groups // "") ne "";
  push @faults, { what => "capabilities", last => 1 } if $status =~ /^Cap(?:Inh|Prm|Eff|Amb):\t0*[1-9a-f]/m;
  my ($inside, $root) = ((stat "/proc/$pid/root/.")[1], $list->{entries}[0]{inode});
  push @faults, { what => "chroot", last => 1 } if defined $inside && $inside != $root;
  return @faults;
}

# socket_faults(DIR, ENTRY, ROOT): Hornet reaches the API by a link of the socket in the clone's folder.
sub socket_faults {
  my ($dir, $one, $root) = @_;
  my $is = facts_of(lstat "$dir/firecracker.sock");
  return if !$one || $is && !is_other($one, $is);
  return { what => "socket", path => "$dir/firecracker.sock", entry => $one } if entry_in($root, $one);
  # compare_entry(): it cannot be made again in the jail either.
  return;
}

# entry_in(ROOT, ENTRY): a descriptor of an entry of the list, if it is still the same.
sub entry_in {
  my ($handle, $one) = @_;
  for my $name (split m{/}, substr $one->{path}, 1) { $handle = $handle && open_entry(within($handle, $name)) }
  return $handle && !is_other($one, facts_of(stat $handle), $handle) ? $handle : undef;
}

# compare_entry(ENTRY, FOLDER, NAME, PID): a descriptor of the entry, if it is the one of the list, and its fault.
sub compare_entry {
  my ($one, $folder, $name, $pid) = @_;
  my $open = open_entry(within($folder, $name));
  my $is = $open && facts_of(stat $open);
  # Other code compares which file it is; see plan/vm/repair.ts.
  return if $one->{origin} eq "disk" && (!$is || $is->{inode} != $one->{inode});
  my $what = !$is ? "missing" : is_other($one, $is, $open) ? "other" : undef;
  return undef, { what => $what, last => !can_make($one, $pid) } if defined $what;
  return $open, rights_fault($one, $is);
}

# A folder's and a node's inode may be another one.
sub is_other {
  my ($one, $is, $handle) = @_;
  return 1 if $is->{kind} ne $one->{kind} || $is->{device} != $one->{device};
  return readlink_of($handle) ne $one->{source} if $is->{kind} eq "l";
  return $is->{kind} =~ /[fps]/ && $is->{inode} != $one->{inode};
}

# readlink_of(HANDLE): where an open link leads: readlinkat(2) with an empty path.
sub readlink_of {
  my ($handle) = @_;
  my ($empty, $text) = ("", "\0" x 4096);
  my $length = kernel("readlinkat", fileno $handle, $empty, $text, 4096);
  return $length < 0 ? "" : substr $text, 0, $length;
}

# rights_fault(ENTRY, FACTS): the mode or the owner differs. A file that several clones share may become narrower: the next start
# makes it readable.
sub rights_fault {
  my ($one, $is) = @_;
  return if $one->{origin} eq "lent" || $one->{kind} eq "l";
  my ($owner, $was) = ("$is->{uid}:$is->{gid}", "$one->{uid}:$one->{gid}");
  return { what => "owner", is => $owner, was => $was } if $owner ne $was;
  return if $is->{mode} == $one->{mode} || $one->{origin} eq "shared" && !($is->{mode} & ~$one->{mode});
  return { what => "mode", is => sprintf("%o", $is->{mode}), was => sprintf("%o", $one->{mode}) };
}

# can_make(ENTRY, PID): whether mend.pl can make it again under the running VMM.
sub can_make {
  my ($one, $pid) = @_;
  my $origin = $one->{origin};
  return 1 if $one->{kind} =~ /[dcbl]/ || $origin eq "pid";
  return 0 if $one->{kind} eq "f" && $origin !~ /^(?:own|shared|lent|copy)$/ || $origin eq "bound";
  return defined source_of($one, $pid);
}

# source_of(ENTRY, PID): a descriptor of the file that it is made of. A clone's own one must be the same as before.
sub source_of {
  my ($one, $pid) = @_;
  # The program that a VMM runs is there as long as it runs, even if its file has been exchanged.
  for my $path ($one->{origin} eq "copy" ? "/proc/$pid/exe" : (), $one->{source}) {
    my $handle = $path =~ m{^/proc/} ? opened($path) : open_entry($path);
    my $is = $handle && facts_of(stat $handle) or next;
    next if $is->{kind} ne $one->{kind};
    return $handle if $is->{inode} == $one->{inode};
    next if $path =~ m{^/proc/};
    # Root alone changes these; a lent file's path may lead elsewhere by now.
    return $handle if $one->{origin} =~ /^(?:shared|copy)$/ && $is->{size} == $one->{size};
  }
  return;
}

sub opened { open(my $handle, "<", $_[0]) or return; return $handle }

# added_to(FOLDER, PATH, FREE, LISTED, DEPTH): entries that are in no list. In a FREE folder, which is the VMM's, it makes what it wants;
# only nodes, and programs with another user's rights, come from somebody else.
sub added_to {
  my ($folder, $path, $free, $listed, $depth) = @_;
  my @faults;
  for my $name (names_in($folder, $free ? $most_names : 1e5)) {
    next if $listed->{"$path/$name"};
    my $is = facts_of(lstat within($folder, $name)) or next;
    if (!$free || $is->{kind} =~ /[cb]/ || $is->{kind} eq "f" && $is->{mode} & 06000) {
      push @faults, { what => "added", path => "$path/$name", folder => $folder, name => $name };
    } elsif ($is->{kind} eq "d" && $depth < $most_depth) {
      my $below = open_entry(within($folder, $name)) or next;
      push @faults, added_to($below, "$path/$name", 1, $listed, $depth + 1);
    }
  }
  return @faults;
}

# words_of(FAULT): "WHAT IS WAS LAST PATH", the last one to the end of the line; - for nothing.
sub words_of {
  my ($fault) = @_;
  my @words = map { ($_ // "") eq "" ? "-" : tr/ /,/r } @$fault{qw(what is was)};
  my $path = ($fault->{path} // "") =~ tr/\x00-\x1f\x7f/?/r;
  return join " ", @words, ($fault->{last} ? "last" : "-"), $path;
}
