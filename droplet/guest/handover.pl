# The process of a handover; see handover.sh. common.pl and api.pl come before it. It is a copy of the call's process, so that the
# requests, which hold secrets, pass no other.

# The answer is the process, as write_pid has it. PUT may be empty.
$steps{handover} = sub {
  my ($dir, $seconds, $generation, $put, $clear) = @_;
  pipe(my $wait, my $go) or die "pipe: $!\n";
  my $pid = fork // die "fork: $!\n";
  if (!$pid) {
    close $go;
    # A VMM that serves one connection at a time would answer nobody else while this process lives.
    %connected = ();
    for my $handle (\*STDIN, \*STDOUT, \*STDERR) { open($handle, "+<", "/dev/null") }
    kernel("setsid");
    $0 = "hornet-handover $dir";
    # Until it is recorded: otherwise it could remove its file before that.
    sysread $wait, my $none, 1;
    hand_over($dir, $seconds, $generation, $put, $clear) if text_of("$dir/handover") =~ /^$$ /;
    kill 9, $$;
  }
  my ($boot) = text_of("/proc/sys/kernel/random/boot_id") =~ /(\S+)/;
  put_text("$dir/handover", process_at($pid, $boot)) or die "$dir/handover: $!\n";
  return 0;
};

sub hand_over {
  my ($dir, $seconds, $generation, $put, $clear) = @_;
  chdir "/";
  my $alive = alive_check($dir);
  if ($put =~ /\S/) {
    await_words($dir, "waiting closed", $alive) or return;
    put_text("$dir/closed", "") or return;
    until ((send_requests($dir, $seconds, $put))[0] == 0) { $alive->() or return; select undef, undef, undef, 0.2 }
  }
  await_words($dir, "taken $generation closed", $alive) or return;
  blank_identity($dir);
  until ((send_requests($dir, $seconds, $clear))[0] == 0) { $alive->() or return; select undef, undef, undef, 0.2 }
  unlink "$dir/handover";
}

# alive_check(DIR): code that tells whether the clone's VMM runs.
sub alive_check {
  my ($dir) = @_;
  my ($boot) = text_of("/proc/sys/kernel/random/boot_id") =~ /(\S+)/;
  return sub {
    my $noted = text_of("$dir/vmm.pid");
    my ($pid) = $noted =~ /^(\d+) / or return 0;
    return process_at($pid, $boot) eq $noted;
  };
}

# await_words(DIR, WORDS, ALIVE): waits until the identity service prints WORDS on the console; fails if the VMM ends before. The
# intervals grow, so that it notices at most a sixteenth of the wait too late. A guest may stay silent for ever: at two polls a second,
# 250 guests took a whole core.
sub await_words {
  my ($dir, $words, $alive) = @_;
  my ($start, $at, $tail, $whole_at) = (elapsed(), 0, "", -e "$dir/console.said" ? 0 : 0.5);
  my $text = "hornet-identity: $words";
  open(my $console, "<", "$dir/console.log") or return 0;
  while (1) {
    my $waited = elapsed() - $start;
    # The console keeper removes the beginning of a long log.
    my $shorter = -s $console < $at;
    $tail = "" if $shorter;
    seek $console, 0, 0 if $shorter;
    return 1 if has_text($console, \$tail, $text);
    $at = tell $console;
    # Words that it had only for a moment.
    if ($shorter || $waited >= $whole_at) {
      for my $log ("console.said", "console.log") {
        my $seen = "";
        open(my $file, "<", "$dir/$log") or next;
        return 1 if has_text($file, \$seen, $text);
      }
      $whole_at = $waited + ($waited < 16 ? 2 : $waited / 8);
    }
    $alive->() or return 0;
    my $rest = $waited / 16;
    select undef, undef, undef, $rest < 0.005 ? 0.005 : $rest > 2 ? 2 : $rest;
  }
}

# has_text(FILE, TAIL, TEXT): whether TEXT is in what the file has from here on; TAIL is the end of what was read before.
sub has_text {
  my ($file, $tail, $text) = @_;
  # Clears the end of the file, which perl remembers.
  seek $file, 0, 1;
  while (read $file, my $piece, 65536) {
    $$tail .= $piece;
    return 1 if index($$tail, $text) >= 0;
    $$tail = substr $$tail, -length $text if length $$tail > length $text;
  }
  return 0;
}

# blank_identity(DIR): overwrites the drive with zeros, in place, because the VMM has the file open.
sub blank_identity {
  my ($dir) = @_;
  my $size = -s "$dir/identity.disk" or return;
  open(my $disk, "+<", "$dir/identity.disk") or return;
  print {$disk} "\0" x $size;
  close $disk;
}
