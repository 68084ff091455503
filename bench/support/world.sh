#!/usr/bin/env bash
# Runs inside the bench's droplet, in the world of test/support/networkWorld.ts, whose namespace `outside` plays the Internet. A guest is
# the namespace `guest-NAME` of a clone.
#   world.sh begin                      `outside` has a name server, which is the droplet's
#   world.sh ask NAME SERVER TIMES      the guest resolves api.test and connects to it; prints the µs of each time
#   world.sh flood NAME SECONDS         the guest sends datagrams and opens connections as fast as it can
#   world.sh end
set -euo pipefail

folder=/tmp/bench-world

begin() {
  mkdir -p "$folder"
  cp /etc/resolv.conf "$folder/resolv.conf" 2>/dev/null || :
  echo 'nameserver 192.0.2.2' >/etc/resolv.conf
  echo 'host-record=api.test,192.0.2.10,60' >"$folder/dnsmasq.conf"
  nsenter --net=/run/netns/outside dnsmasq --conf-file="$folder/dnsmasq.conf" --no-resolv --no-hosts --user=root --pid-file="$folder/dnsmasq.pid"
}

# A pause between two times: the rules limit a guest's new connections per second.
# shellcheck disable=SC2016
ask='use IO::Socket::INET; use Time::HiRes qw(time sleep);
  my ($server, $times) = @ARGV;
  for my $id (1 .. $times) {
    my $begun = time;
    my $dns = IO::Socket::INET->new(Proto => "udp", PeerAddr => $server, PeerPort => 53) or die "query: $!";
    my $query = pack("nnnnnn", $id, 256, 1, 0, 0, 0) . "\3api\4test\0" . pack("nn", 1, 1);
    my $answer = "";
    for (1 .. 5) {
      $dns->send($query);
      vec(my $bits = "", fileno $dns, 1) = 1;
      select($bits, undef, undef, 1) and defined $dns->recv($answer, 512) and last;
    }
    my $address = join ".", unpack "C4", substr $answer, -4;
    $address eq "192.0.2.10" or die "the name server answered " . unpack("H*", $answer) . "\n";
    IO::Socket::INET->new(PeerAddr => $address, PeerPort => 80, Timeout => 5) or die "connect: $!";
    printf "%d\n", (time - $begun) * 1e6;
    sleep 0.05;
  }'

# shellcheck disable=SC2016
flood='use Socket; use Fcntl;
  my $end = time + $ARGV[0];
  socket(my $out, PF_INET, SOCK_DGRAM, 0) or die "socket: $!";
  my $to = inet_aton "192.0.2.10";
  while (time < $end) {
    send $out, "x" x 512, 0, sockaddr_in(1 + int rand 65535, $to) for 1 .. 50;
    socket(my $tcp, PF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0) or die "socket: $!";
    connect $tcp, sockaddr_in(80, $to);
  }'

inside() { nsenter --net="/run/netns/guest-$1" perl -e "$2" "${@:3}"; }

end() {
  [[ ! -e $folder/resolv.conf ]] || cat "$folder/resolv.conf" >/etc/resolv.conf
  rm -rf "$folder"
}

case $1 in
  begin) begin ;;
  ask) inside "$2" "$ask" "$3" "$4" ;;
  flood) inside "$2" "$flood" "$3" ;;
  end) end ;;
esac
