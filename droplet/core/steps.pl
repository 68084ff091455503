# The steps of a call; see steps.sh. common.pl, and the files with longer steps, come before it. stdin: for each step the number of its
# words, its name and its arguments, with a NUL behind each. Answers "CODE LENGTH FAULT", a line end, LENGTH bytes of an answer and
# FAULT bytes of an error.

# linux/fs.h
sub FICLONE() { 0x40049409 }

# As cp --no-preserve=mode: by reflink if the file system can, otherwise without zeros. The answer says which.
$steps{copy} = sub {
  my ($source, $target) = @_;
  my $kind = "reflink";
  if (!clone_file($source, "$target.draft")) {
    $kind = "sparse";
    my $why = failure_of("cp", "--no-preserve=mode", "--sparse=always", "--reflink=never", "--", $source, "$target.draft");
    if (defined $why) { unlink "$target.draft"; die $why }
  }
  rename("$target.draft", $target) or die "$target: $!\n";
  return 0, $kind;
};

# ext4 and XFS write an overwritten file out to the disk when it is closed, so the target must not exist.
sub clone_file {
  my ($source, $target) = @_;
  open(my $from, "<", $source) or return 0;
  sysopen(my $to, $target, O_WRONLY | O_CREAT | O_EXCL) or return 0;
  my $done = ioctl($to, FICLONE, fileno $from);
  close $to;
  unlink $target if !$done;
  return $done;
}

# Fails without a word if there is something already.
$steps{link} = sub { return symlink($_[0], $_[1]) ? 0 : 1 };

$steps{folder} = sub { return mkdir($_[0]) ? 0 : 1 };

# The name of the user or group with that number.
$steps{user} = sub { return 0, getpwuid($_[0]) // getgrgid($_[0]) // "" };

# What a VMM's program and its disk are while it runs: "PATH INODE BYTES".
$steps{files} = sub {
  my ($into, @paths) = @_;
  my @lines = map { my @about = stat; @about ? "$_ $about[1] $about[7]\n" : () } @paths;
  return put_text($into, @lines) ? 0 : die "$into: $!\n";
};

# An order for a keeper's pipe. Several lanes write to it by turns, as by_turns has them. A keeper that is stopped reads nothing, and
# the pipe holds 64 KiB: after five seconds the rest is dropped.
$steps{order} = sub {
  my ($pipe, $order, $turns) = @_;
  # open(2) of a folder is for reading only, which flock(2) takes.
  my $turn;
  open($turn, "<", $turns) && flock($turn, 2) if -d $turns;
  sysopen(my $out, $pipe, O_RDWR | O_NONBLOCK) or die "$pipe: $!\n";
  $order .= "\0";
  my $end = now() + 5;
  while (length $order && now() < $end) {
    my $sent = syswrite $out, $order;
    if ($sent) { substr $order, 0, $sent, ""; next }
    my $bits = "";
    vec($bits, fileno $out, 1) = 1;
    select(undef, $bits, undef, 0.1);
  }
  return 0;
};

$| = 1;
$/ = "\0";
while (defined(my $count = <STDIN>)) {
  chomp $count;
  my ($name, @words) = map { my $word = <STDIN> // exit 1; chomp $word; $word } 1 .. $count;
  my ($code, $answer, $error) = do { local $/ = "\n"; eval { $steps{$name}->(@words) } };
  ($code, $error) = (1, $@) if $@ ne "";
  $_ //= "" for $answer, $error;
  # bash keeps no NUL.
  tr/\0//d for $answer, $error;
  printf "%d %d %d\n%s%s", $code, length $answer, length $error, $answer, $error;
}
