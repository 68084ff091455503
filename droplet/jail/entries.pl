# What is in the jail of a clone, and the list of what was in it when its VMM had started. common.pl comes before it.
# The list is the file DIR/jail/entries of the clone's folder: a line "UID PID START BOOT CHROOT" (as in vmm.pid; the chroot
# below DIR/jail), a line for each entry, folders before what they contain, and a line "end". An entry's line is
# "KIND MODE UID GID DEVICE INODE SIZE ORIGIN PATH", a NUL and SOURCE, with paths from the chroot on. KIND is one letter as in ls(1), with
# f for a file. ORIGIN is how the entry came there, and SOURCE of what:
#   disk     hard link of the private disk, which other code compares
#   own      hard link of another file of the clone's own
#   shared   hard link of a file in a folder of Hornet's
#   lent     hard link of somebody else's file: its mode and owner are theirs
#   copy     copy of a file
#   bound    place at which a file is mounted, in the VMM's mount namespace alone
#   leads    symbolic link; SOURCE is where it leads
#   pid      the jailer's note of its pid
#   -        anything else

# linux/openat2.h and asm/fcntl.h: an O_PATH descriptor names an entry and opens nothing.
sub O_PATH() { 010000000 }
sub O_NOFOLLOW() { machine() eq "aarch64" ? 0100000 : 0400000 }

my %kind_of = (0040000 => "d", 0100000 => "f", 0020000 => "c", 0060000 => "b", 0010000 => "p", 0140000 => "s", 0120000 => "l");

# within(FOLDER, NAME): the path of an entry of an open folder, whatever the VMM makes of the folder's own path meanwhile. The entry
# itself may be a link.
sub within { return "/proc/self/fd/" . fileno($_[0]) . "/$_[1]" }

# open_entry(PATH): a descriptor of the entry itself, if that exists.
sub open_entry {
  my ($path) = @_;
  sysopen(my $handle, $path, O_PATH | O_NOFOLLOW) or return;
  return $handle;
}

# path_of(HANDLE): leads to what is open, even if somebody has moved it or put a link in its place.
sub path_of { return "/proc/self/fd/" . fileno $_[0] }

# facts_of(STAT…): of an entry, from stat or lstat.
sub facts_of {
  my @about = @_ or return;
  my ($mode, $device) = @about[2, 6];
  my $kind = $kind_of{$mode & 0170000} // "?";
  $device = 0 if $kind !~ /[bc]/;
  return { kind => $kind, mode => $mode & 07777, uid => $about[4], gid => $about[5], device => $device, inode => $about[1], size => $about[7] };
}

# names_in(FOLDER, MOST): names in an open folder.
sub names_in {
  my ($folder, $most) = @_;
  opendir(my $handle, within($folder, ".")) or die "$!\n";
  my @names;
  while (@names < $most && defined(my $name = readdir $handle)) { push @names, $name if $name ne "." && $name ne ".." }
  return sort @names;
}

# list_jail(DIR, CHROOT, UID, PROCESS, ORIGINS): writes the list. ORIGINS: by path, ORIGIN and SOURCE.
sub list_jail {
  my ($dir, $chroot, $uid, $process, $origins) = @_;
  my $root = open_entry("$dir/jail/$chroot") or die "$dir/jail/$chroot: $!\n";
  my @entries = ({ %{ facts_of(stat $root) }, path => "" }, entries_below($root, ""));
  for my $one (@entries) {
    @$one{"origin", "source"} = @{ $origins->{ $one->{path} } // ["-", ""] };
    @$one{"origin", "source"} = ("leads", $one->{leads}) if $one->{kind} eq "l";
  }
  write_list($dir, { uid => $uid, process => $process, chroot => $chroot, entries => \@entries });
}

sub entries_below {
  my ($folder, $path) = @_;
  my @entries;
  for my $name (names_in($folder, 1e5)) {
    my $facts = facts_of(lstat within($folder, $name)) or next;
    $facts->{path} = "$path/$name";
    $facts->{leads} = readlink(within($folder, $name)) // "" if $facts->{kind} eq "l";
    push @entries, $facts;
    next if $facts->{kind} ne "d";
    my $below = open_entry(within($folder, $name)) or next;
    push @entries, entries_below($below, $facts->{path});
  }
  return @entries;
}

my @fields = qw(kind mode uid gid device inode size origin);

sub write_list {
  my ($dir, $list) = @_;
  my @lines = map { my $one = $_; join(" ", @$one{@fields}, "$one->{path}\0$one->{source}\n") } @{ $list->{entries} };
  write_file("$dir/jail/entries", 0600, "$list->{uid} $list->{process} $list->{chroot}\n", @lines, "end\n") or die "$dir/jail/entries: $!\n";
}

# read_list(DIR): undef where it is missing or is not whole.
sub read_list {
  my ($dir) = @_;
  my ($head, @lines) = split /\n/, text_of("$dir/jail/entries");
  my ($uid, $process, $chroot) = ($head // "") =~ /^(\d+) (\d+ \d+ \S+) (.+)$/ or return;
  return if !@lines || pop @lines ne "end" || !@lines;
  my @entries;
  for my $line (@lines) {
    my %one;
    (@one{@fields}, my $paths) = split / /, $line, @fields + 1;
    (@one{"path", "source"}) = split /\0/, $paths // "", -1;
    return if !defined $one{source};
    push @entries, \%one;
  }
  return { uid => $uid, process => $process, chroot => $chroot, entries => \@entries };
}
