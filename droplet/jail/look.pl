# Compares the jails of many clones with their lists; common.pl, entries.pl and compare.pl come before it. It changes nothing. stdin:
# lines "NAME PID START DIR", of clones whose launch record says that there is a list, and whose VMM runs. Answers "NAME FAULT" for each
# fault (see words_of), and "NAME compared" once a jail has been compared.
while (my $line = <STDIN>) {
  chomp $line;
  my ($name, $pid, $start, $dir) = split / /, $line, 4;
  my @faults = eval { faults_of($dir, $pid, $start) };
  next if $@ ne "";
  print "$name ", words_of($_), "\n" for @faults;
  print "$name compared\n";
}
