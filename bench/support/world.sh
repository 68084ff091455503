#!/usr/bin/env bash
# Runs inside the bench's droplet: an Internet of one name server and one web server, and guests without a VM. The Internet is the
# namespace `outside`; a guest is a namespace `guest-vm7` in the place of what is behind a clone's tap.
#   world.sh begin             makes the Internet, which is the droplet's name server
#   world.sh guest NAMESPACE   puts a guest behind a clone
#   world.sh ask NAMESPACE SERVER TIMES    resolves api.test and connects to it; prints the µs of each time
#   world.sh flood NAMESPACE SECONDS       sends datagrams and opens connections as fast as it can
#   world.sh end
set -euo pipefail

folder=/tmp/bench-world

begin() {
  mkdir -p "$folder/www"
  cp /etc/resolv.conf "$folder/resolv.conf" 2>/dev/null || :
  echo 'nameserver 192.0.2.2' >/etc/resolv.conf
  echo 'host-record=api.test,192.0.2.10,60' >"$folder/dnsmasq.conf"
  ip -batch - <<<'netns add outside
link add w0 type veth peer name eth0 netns outside
link set w0 up
addr add 192.0.2.1/24 dev w0
route add 192.0.2.10/32 via 192.0.2.2'
  ip -n outside -batch - <<<'link set lo up
link set eth0 up
addr add 192.0.2.2/24 dev eth0
addr add 192.0.2.10/32 dev lo
route add 10.0.0.0/24 via 192.0.2.1'
  nsenter --net=/run/netns/outside dnsmasq --conf-file="$folder/dnsmasq.conf" --no-resolv --no-hosts --user=root --pid-file="$folder/dnsmasq.pid"
  nsenter --net=/run/netns/outside busybox httpd -p 80 -h "$folder/www"
}

guest() {
  ip netns add "guest-$1"
  ip -n "$1" link del tap0
  ip -n "$1" -batch - <<<"link add tap0 address 02:fc:00:00:00:01 type veth peer name eth0 address 02:fc:00:00:00:02 netns guest-$1
link set tap0 up
addr add 192.168.241.1/29 dev tap0"
  ip -n "guest-$1" -batch - <<<'link set lo up
link set eth0 up
addr add 192.168.241.2/29 dev eth0
route add default via 192.168.241.1'
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
  local process name
  for process in /proc/[0-9]*; do
    read -r name 2>/dev/null <"$process/comm" || continue
    [[ $name != busybox && $name != httpd ]] || kill -9 "${process#/proc/}" 2>/dev/null || :
  done
  [[ ! -s $folder/dnsmasq.pid ]] || kill "$(<"$folder/dnsmasq.pid")" || :
  for name in $(ip netns list | cut -d' ' -f1); do [[ $name != outside && $name != guest-* ]] || ip netns del "$name"; done
  ip link del w0 2>/dev/null || :
  [[ ! -e $folder/resolv.conf ]] || cat "$folder/resolv.conf" >/etc/resolv.conf
  rm -rf "$folder"
}

case $1 in
  begin) begin ;;
  guest) guest "$2" ;;
  ask) inside "$2" "$ask" "$3" "$4" ;;
  flood) inside "$2" "$flood" "$3" ;;
  end) end ;;
esac
