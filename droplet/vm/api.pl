# The client of a VMM's API. common.pl comes before it. A VMM may be hostile: an answer has a limit of size and of time.
our %steps;
# By clone's folder: a connection that a launch left open.
my %connected;

# asm-generic/errno-base.h
sub EINTR() { 4 }
sub EAGAIN() { 11 }

# send_requests(DIR, SECONDS, TEXT): sends the lines "METHOD PATH [BODY]" of TEXT over one connection, and stops at the first that
# fails. SECONDS is the limit of each. @CLOCK@ in a body becomes the droplet's clock. Returns 0 or a code as curl has it (7: no
# connection, 22: refused, 28: no answer in time, 52: no answer, 63: too long an answer), what was answered, each body before a line
# "STATUS PATH SECONDS", and why it got no answer.
sub send_requests {
  my ($dir, $seconds, $text) = @_;
  my ($said, $left) = ("", 262144);
  my $socket = delete $connected{$dir} // connect_to("$dir/firecracker.sock", $seconds)
    or return 7, "", "cannot connect to $dir/firecracker.sock: $!\n";
  for my $line (grep { /\S/ } split /\n/, $text) {
    my ($method, $path, $body) = split / /, $line, 3;
    my $head = "$method $path HTTP/1.1\r\nHost: localhost\r\nAccept: */*\r\n";
    if (defined $body) {
      $body =~ s/\@CLOCK\@/sprintf "%.6f", now()/ge;
      $head .= "Content-Type: application/json\r\nContent-Length: " . length($body) . "\r\n";
    }
    my ($begun, $end) = (elapsed(), elapsed() + $seconds);
    my ($status, $answer, $why) = exchange($socket, "$head\r\n" . ($body // ""), $end, $left);
    # Firecracker's JSON has none; a line of a hostile VMM could pass for one of these.
    $answer =~ tr/\r\n/  /;
    $said .= $answer;
    $left -= length $answer;
    return $status, $said, "$method $path: $why\n" if defined $why;
    $said .= sprintf "\n%s %s %.6f\n", $status, $path, elapsed() - $begun;
    return 22, $said if $status >= 400;
  }
  return 0, $said;
}

# connect_to(PATH, SECONDS): the queue of a VMM that accepts nothing is full: it is asked again.
sub connect_to {
  my ($path, $seconds) = @_;
  # AF_UNIX, and SOCK_STREAM with SOCK_NONBLOCK; Socket.pm takes 10 ms.
  socket(my $socket, 1, 1 | O_NONBLOCK, 0) or return;
  my $end = elapsed() + $seconds;
  until (connect $socket, pack("S a108", 1, $path)) {
    return if $! != EAGAIN || elapsed() > $end;
    select undef, undef, undef, 0.01;
  }
  return $socket;
}

# exchange(SOCKET, REQUEST, END, LIMIT): the status and the body, or a code, what was heard so far and why it failed.
sub exchange {
  my ($socket, $request, $end, $limit) = @_;
  my $heard = "";
  my $bits = "";
  vec($bits, fileno $socket, 1) = 1;
  local $SIG{PIPE} = "IGNORE";
  while (1) {
    my $rest = $end - elapsed();
    return 28, $heard, "timed out: no answer in time" if $rest <= 0;
    my $sends = length $request ? $bits : "";
    select(my $reads = $bits, $sends, undef, $rest);
    if (vec $reads, fileno $socket, 1) {
      my $got = sysread $socket, $heard, 65536, length $heard;
      next if !defined $got && ($! == EAGAIN || $! == EINTR);
      my ($status, $body, $whole) = answer_in($heard, !$got);
      return $status, $body if $whole;
      return 63, substr($heard, 0, $limit), "its answer does not end" if length $heard > $limit + 4096;
      return 52, $heard, "it closed the connection" if !$got;
    } elsif (length $sends && vec $sends, fileno $socket, 1) {
      my $sent = syswrite $socket, $request;
      if ($sent) { substr $request, 0, $sent, "" }
      # It may have answered before it closed.
      elsif ($! != EAGAIN && $! != EINTR) { $request = "" }
    }
  }
}

# answer_in(TEXT, ENDED): the status and body of an answer, and whether it is whole.
sub answer_in {
  my ($text, $ended) = @_;
  my ($head, $body) = split /\r\n\r\n/, $text, 2;
  my ($status) = ($head // "") =~ m{^HTTP/1\.[01] (\d{3})\b} or return;
  return if !defined $body;
  return $status, "", 1 if $status == 204;
  my ($length) = $head =~ /^content-length: *(\d{1,9})\r?$/im or return $status, $body, $ended;
  return $status, substr($body, 0, $length), length $body >= $length;
}

$steps{requests} = \&send_requests;
