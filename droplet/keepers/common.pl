# What the keepers in perl share; it comes before their own code.
use strict; use warnings;
use Fcntl qw(O_WRONLY O_CREAT O_EXCL);

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
