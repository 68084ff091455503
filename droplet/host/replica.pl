# Tries a fleet's packets without a droplet's being touched: makes a copy of the droplet's links, addresses, routes, policy rules
# and firewalls in a network namespace without a name, which ends with this process, gives it the fleet's bridge, and sends
# packets through it. A second such namespace stands for all guests, a third for everything beyond the droplet's links.
# stdin: sections (see network_facts). Its section packets has lines FROM PROTOCOL TO PORT; FROM is a guest's address, "droplet"
# or "world", and TO a guest's address, the bridge's or one beyond. Prints
#   net.untried=REASON                why there was no trial
#   net.internet=ROUTE                the kernel's route to the Internet, or its words where there is none
#   net.astray.N=ADDRESS ROUTE        a guest's address that the kernel would look for elsewhere than behind the bridge
#   net.lost.N=FROM PROTOCOL TO PORT  a packet that does not arrive, or whose answer does not
#   net.drop.N=TABLE CHAIN: RULE      what drops it
#   net.noroute.N=TO WORDS            the kernel's words where it has no route
#   net.mend.N=COMMAND                what lets it through, in the order in which it was tried here
#   net.unmended.N=FROM …             what is lost all the same
use strict;
use warnings;
use IO::Select;
use POSIX ();
use Socket qw(:all);

my ($CLONE_NEWNET, $CLONE_NEWNS) = (0x40000000, 0x20000);
my (undef, undef, undef, undef, $machine) = POSIX::uname();
my ($UNSHARE, $SETNS) = $machine eq 'x86_64' ? (272, 308) : $machine eq 'aarch64' ? (97, 268) : stop("no namespaces on $machine");
# Links that are copied; those of clones are not.
my $MOST_LINKS = 200;
# Packets that are under way at once: each has up to four open files.
my $AT_ONCE = 100;
# Seconds without any news until what has not arrived is lost. The kernel hands packets over within the call that sends them, so
# this waits for a busy machine alone.
our $SILENCE = 0.2;
my $MOST_MENDS = 12;

my (%in, %count, %server, @links, @not_forwarding, %is_link, %address_of, @routes, %guest, $uplink_address);
my ($droplet, $guests, $world);

sub stop { print "net.untried=$_[0]\n"; exit 0 }
sub say_of { my ($kind, $text) = @_; print "net.$kind." . ++$count{$kind} . "=$text\n" }

{
  my $all = do { local $/; <STDIN> };
  for my $part (split /\035/, $all // '') {
    my ($name, $text) = $part =~ /\A(\w+)\n(.*)\z/s or next;
    $in{$name} = $text;
  }
}
sub lines_of { grep { $_ ne '' } split /\n/, $in{$_[0]} // '' }

my ($bridge, $bridge_address, $internet, $owner) = split ' ', $in{bridge};
my ($gateway, $prefix) = split m{/}, $bridge_address;
my $number = 0;
my @packets = map { [split(' '), $number++] } lines_of('packets');

# ---- namespaces

sub new_namespace {
  syscall($UNSHARE, $CLONE_NEWNET) == 0 or stop("unshare: $!");
  open my $namespace, '<', '/proc/self/ns/net' or stop("namespace: $!");
  return $namespace;
}

sub enter { syscall($SETNS, fileno $_[0], $CLONE_NEWNET) == 0 or stop("setns: $!") }

sub name_of { "/proc/$$/fd/" . fileno $_[0] }

# feed(TEXT, COMMAND…): whether a command with this on stdin succeeds.
sub feed {
  my ($text, @command) = @_;
  local $SIG{PIPE} = 'IGNORE';
  open my $pipe, '|-', 'sh', '-c', 'exec "$@" >/dev/null 2>&1', 'sh', @command or return 0;
  print $pipe $text;
  return close $pipe;
}

sub ip { feed(join("\n", @_) . "\n", 'ip', '-force', '-batch', '-') }

sub answer_of {
  my @command = @_;
  open my $pipe, '-|', 'sh', '-c', 'exec "$@" 2>&1', 'sh', @command or return '';
  my $text = do { local $/; <$pipe> } // '';
  close $pipe;
  return $text;
}

sub write_sysctl {
  my ($key, $value) = @_;
  open my $file, '>', "/proc/sys/net/$key" or return;
  print $file $value;
  close $file;
}

# ---- the copy

# read_links: without those that the owner's next up renames or removes, and the addresses that it gave before.
sub read_links {
  my %own;
  my %given = map { $_ => 1 } lines_of('given');
  for (lines_of('links')) {
    my ($name) = /^\d+: ([^:@\s]+)/ or next;
    $own{$name} = 1 if $name ne $bridge && /alias \Q$owner\E(?:\s|$)/;
    next if $own{$name};
    next if $name eq 'lo' || $name eq $bridge || /alias hornet:/ && /master /;
    push @links, $name;
    last if @links >= $MOST_LINKS;
  }
  %is_link = map { $_ => 1 } @links;
  for (lines_of('addresses')) {
    my ($link, $address) = /^\d+: (\S+)\s+inet (\S+)/ or next;
    next if $own{$link} || $given{"$link $address"} && "$link $address" ne "$bridge $bridge_address";
    push @{$address_of{$link}}, [$address, / peer (\S+)/ ? $1 : ''];
  }
}

# local_addresses: the droplet's own, with the links that have them.
sub local_addresses {
  my %at;
  for my $link (keys %address_of) {
    for my $one (@{$address_of{$link}}) { my ($plain) = split m{/}, $one->[0]; $at{$plain} = $link }
  }
  return %at;
}

sub copied_route {
  my ($route) = @_;
  return if $route =~ / proto kernel / && $route =~ / scope link /;
  $route =~ s/\\\s*/ /g;
  $route =~ s/ (?:linkdown|dead|offload|trap|pervasive)\b//g;
  $route =~ s/ (?:nhid|error) -?\d+//g;
  return "route append $route";
}

sub copied_rule {
  my ($rule) = @_;
  $rule =~ s/ \[detached\]//g;
  $rule =~ s/^(\d+):\s+// or return;
  return $1 == 0 ? () : "rule add pref $1 $rule";
}

sub build {
  my %locals = local_addresses();
  my %beyond = map { $_->[2] => 1 } grep { $_->[0] ne 'droplet' && $_->[0] ne 'world' } @packets;
  $beyond{$1} = 1 while $in{routes} =~ /\bvia (\d\S+)/g;
  my $rules = "$in{nft}$in{legacy}";
  $beyond{$1} = 1 while $rules =~ /(?:dnat to|--to-destination) (\d+\.\d+\.\d+\.\d+)/g;
  delete @beyond{keys %locals, keys %guest, $gateway};
  $world = new_namespace();
  $guests = new_namespace();
  write_sysctl("ipv4/conf/$_/rp_filter", 0) for 'all', 'default';
  $droplet = new_namespace();
  my %setting = map { split ' ' } lines_of('sysctls');
  for my $key (grep { m{^ipv4/conf/(?:all|default)/rp_filter$} || m{^bridge/} } keys %setting) { write_sysctl($key, $setting{$key}) }
  write_sysctl('ipv4/ip_forward', 1);
  my $at = 0;
  my @peer = map { $_ => 'w' . $at++ } @links;
  my %peer = @peer;
  my @own = ('link set lo up', map { "addr add $_->[0] dev lo" } grep { $_->[0] !~ /^127\./ } @{$address_of{lo} // []});
  push @own, "link add $_ type veth peer name $peer{$_} netns " . name_of($world), "link set $_ up" for @links;
  push @own, "link add $bridge type bridge", "link set $bridge up",
    'link add hornetp0 type veth peer name eth0 address 06:fc:00:00:00:01 netns ' . name_of($guests),
    "link set hornetp0 master $bridge up";
  for my $link ($bridge, @links) {
    push @own, map { "addr add $_->[0]" . ($_->[1] ne '' ? " peer $_->[1]" : '') . " dev $link" } @{$address_of{$link} // []};
  }
  push @own, "addr replace $bridge_address dev $bridge", 'rule del pref 32766', 'rule del pref 32767';
  push @own, map { copied_rule($_) } lines_of('rules');
  # Gateways first: a route through one that no other route leads to yet is refused.
  push @own, map { copied_route($_) } sort { ($a =~ / via /) <=> ($b =~ / via /) } lines_of('routes');
  ip(@own);
  for my $link (@links) {
    my $loose = $setting{"ipv4/conf/$link/rp_filter"};
    write_sysctl("ipv4/conf/$link/rp_filter", $loose) if defined $loose;
    # While forwarding is off it is off everywhere; Hornet turns it on everywhere.
    my $off = $setting{'ipv4/ip_forward'} && defined $setting{"ipv4/conf/$link/forwarding"} && !$setting{"ipv4/conf/$link/forwarding"};
    next if !$off;
    write_sysctl("ipv4/conf/$link/forwarding", 0);
    push @not_forwarding, $link;
  }
  enter($guests);
  ip('link set lo up', 'link set eth0 up', (map { "addr add $_/$prefix dev eth0" } sort keys %guest), "route add default via $gateway");
  enter($world);
  write_sysctl("ipv4/conf/$_/rp_filter", 0) for 'all', 'default', values %peer;
  ip('link set lo up', (map { "link set $peer{$_} up" } @links), (map { "addr add $_/32 dev lo" } sort keys %beyond),
    map { $peer{$locals{$_}} ? "route add $_/32 dev $peer{$locals{$_}}" : () } sort keys %locals);
  enter($droplet);
}

# loosened(TEXT): rules as they are loaded here. Many packets at once are no flood; no program takes packets from a queue; and a
# table that a daemon owns (firewalld's, since 2.0) would end with the nft that loads it.
sub loosened {
  my ($text) = @_;
  $text =~ s/^(\s+flags .*)$/my $f = $1; $f =~ s{\b(?:owner|persist),? ?}{}g; $f =~ m{flags \w} ? $f : ''/gme;
  $text =~ s/^(\s+rate )(over )?\S+(?: \S*bytes\S*)?(?: burst \d+ \S+)?$/$1 . ($2 \/\/ '') . '1000000\/second burst 1000000 packets'/gme;
  $text =~ s/\bqueue(?: flags [a-z,]+)?(?: (?:num|to) [\d-]+)?(?: bypass)?(?: fanout)?$/accept/gm;
  $text =~ s/-j NFQUEUE.*$/-j ACCEPT/gm;
  $text =~ s/limit rate (over )?\S+(?: \S*bytes\S*)?(?: burst \d+ \S+)?/'limit rate ' . ($1 \/\/ '') . '1000000\/second burst 1000000 packets'/ge;
  $text =~ s/ct count over \d+/ct count over 1000000/g;
  $text =~ s/--limit \S+/--limit 10000\/sec/g;
  $text =~ s/--limit-burst \d+/--limit-burst 10000/g;
  return $text;
}

# load_firewalls: gives the copy the droplet's rules. Rules of iptables-nft that nft cannot say go through iptables-nft itself.
sub load_firewalls {
  feed($in{sets}, 'ipset', 'restore') if $in{sets};
  my $nft = loosened($in{nft} // '');
  if (!feed($nft, 'nft', '-f', '-')) {
    my (@plain, @foreign);
    for my $table ($nft =~ /^table .*?^}\n/msg) { push @{$table =~ / xt (?:match|target) / ? \@foreign : \@plain}, $table }
    my $saved = @foreign ? loosened(from_droplet('iptables-nft-save')) : '';
    feed(join('', @plain), 'nft', '-f', '-') or stop('nft cannot load again what it lists of the droplet');
    if (@foreign && !($saved =~ /^\*/m && feed($saved, 'iptables-nft-restore'))) {
      s/^.* xt (?:match|target) .*\n//mg for @foreign;
      feed(join('', @foreign), 'nft', '-f', '-') or stop('nft cannot load again what it lists of the droplet');
    }
  }
  if ($in{legacy}) {
    feed(loosened($in{legacy}), 'iptables-legacy-restore') or stop('iptables-legacy cannot load again what it saves of the droplet');
  }
  # What is open there is so for the addresses of names, which nobody asked for here.
  my @tables = map { m{^table ip (hornet_\w+/names)$} ? $1 : () } split /\n/, answer_of('nft', 'list', 'tables');
  feed(join('', map { "delete table ip $_\n" } @tables), 'nft', '-f', '-') if @tables;
  feed($in{own}, 'nft', '-f', '-');
}

my $here;
sub from_droplet {
  enter($here);
  my $text = answer_of(@_);
  enter($droplet);
  return $text;
}

# ---- packets

sub socket_for {
  my ($protocol) = @_;
  socket(my $socket, AF_INET, ($protocol eq 'tcp' ? SOCK_STREAM : SOCK_DGRAM) | SOCK_NONBLOCK, 0) or return;
  return $socket;
}

# serve(WHERE, PROTOCOL, ADDRESS, PORT)
sub serve {
  my ($where, $protocol, $address, $port) = @_;
  my $key = join ' ', fileno $where, $protocol, $address, $port;
  return if exists $server{$key};
  $server{$key} = undef;
  enter($where);
  my $socket = socket_for($protocol) or return;
  setsockopt($socket, SOL_SOCKET, SO_REUSEADDR, 1);
  bind($socket, sockaddr_in($port, inet_aton($address))) or return;
  return if $protocol eq 'tcp' && !listen($socket, 1024);
  $server{$key} = [$socket, $protocol];
}

sub servers {
  for my $packet (@packets) {
    my ($from, $protocol, $to, $port) = @$packet;
    my $where = $guest{$to} ? $guests : $to eq $gateway ? $droplet : $world;
    serve($where, $protocol, $protocol eq 'tcp' ? '0.0.0.0' : $to, $port);
  }
  # Where the droplet's own rules lead packets, something answers.
  my $text = "$in{nft}$in{legacy}";
  while ($text =~ /(?:dnat to|--to-destination) (\d+\.\d+\.\d+\.\d+):?(\d*)/g) {
    for my $port ($2 ne '' ? $2 : map { $_->[3] } @packets) { serve($world, 'tcp', '0.0.0.0', $port); serve($world, 'udp', $1, $port) }
  }
  while ($text =~ /(?:redirect to :|--to-ports? )(\d+)/g) { serve($droplet, $_, '0.0.0.0', $1) for 'tcp', 'udp' }
  enter($droplet);
}

# answer_all(SOCKET): what comes to a server.
sub answer_all {
  my ($socket, $protocol) = @_;
  if ($protocol eq 'tcp') { while (accept(my $taken, $socket)) {} return }
  while (defined(my $sender = recv($socket, my $data, 64, 0))) { send($socket, $data, 0, $sender) }
}

# lost(PACKET…): those that do not arrive, or whose answers do not.
sub lost {
  my @lost;
  while (my @some = splice @_, 0, $AT_ONCE) { push @lost, lost_of(@some) }
  enter($droplet);
  return @lost;
}

sub lost_of {
  my %protocol_of = map { fileno $_->[0] => $_->[1] } grep { defined } values %server;
  my (%waiting, @lost);
  for my $packet (@_) {
    my ($from, $protocol, $to, $port) = @$packet;
    enter($from eq 'droplet' ? $droplet : $from eq 'world' ? $world : $guests);
    my $socket = socket_for($protocol) or next;
    bind($socket, sockaddr_in(0, inet_aton($from))) if $guest{$from};
    bind($socket, sockaddr_in(0, inet_aton($gateway))) if $from eq 'droplet';
    my $there = sockaddr_in($port, inet_aton($from eq 'world' ? $uplink_address : $to));
    if (!connect($socket, $there) && !$!{EINPROGRESS} || $protocol eq 'udp' && !defined send($socket, 'x', 0)) {
      push @lost, $packet;
      next;
    }
    $waiting{fileno $socket} = [$socket, $packet];
  }
  my $silence = 0;
  while (%waiting && $silence < $SILENCE) {
    my ($read, $write) = ('', '');
    vec($read, $_, 1) = 1 for keys %protocol_of;
    vec($waiting{$_}[1][1] eq 'tcp' ? $write : $read, $_, 1) = 1 for keys %waiting;
    my $news = select(my $r = $read, my $w = $write, undef, 0.05);
    if ($news <= 0) { $silence += 0.05; next }
    $silence = 0;
    for my $pair (grep { defined } values %server) { answer_all(@$pair) if vec($r, fileno $pair->[0], 1) }
    for my $fd (keys %waiting) {
      my ($socket, $packet) = @{$waiting{$fd}};
      next if !vec($packet->[1] eq 'tcp' ? $w : $r, $fd, 1);
      delete $waiting{$fd};
      my $failed = $packet->[1] eq 'tcp' ? unpack('i', getsockopt($socket, SOL_SOCKET, SO_ERROR)) : !defined recv($socket, my $data, 64, 0);
      push @lost, $packet if $failed;
      setsockopt($socket, SOL_SOCKET, SO_LINGER, pack('ii', 1, 0));
      close $socket;
    }
  }
  push @lost, map { $_->[1] } values %waiting;
  return sort { $a->[4] <=> $b->[4] } @lost;
}

# ---- what drops them

# traced(PACKET, SECONDS): the kernel's own trace of a packet, as nft prints it that long after its start.
sub traced {
  my ($packet, $seconds) = @_;
  my $pid = open my $trace, '-|', 'nft', 'monitor', 'trace' or return '';
  select undef, undef, undef, $seconds;
  local $SILENCE = 0.05;
  lost($packet);
  my $text = '';
  while (IO::Select->new($trace)->can_read($seconds)) { sysread($trace, $text, 65536, length $text) or last }
  kill 'KILL', $pid;
  close $trace;
  return $text;
}

# dropped(PACKET): the rule or policy at which a packet's trace ends, with the chain that the hook calls.
sub dropped {
  my ($packet) = @_;
  feed("table ip hornet_trace {
    chain in { type filter hook prerouting priority -400; meta nftrace set 1; }
    chain out { type filter hook output priority -400; meta nftrace set 1; }\n}\n", 'nft', '-f', '-');
  # nft does not tell when it listens.
  my $text = traced($packet, 0.06) || traced($packet, 0.5);
  feed("delete table ip hornet_trace\n", 'nft', '-f', '-');
  my (%base, %links, $found);
  for (split /\n/, $text) {
    my ($id, $family, $table, $chain, $rest) = /^trace id (\S+) (\S+) (\S+) (\S+) (.*)/ or next;
    my $key = "$id $family $table";
    if ($rest =~ /^packet: /) {
      $base{$key} = $chain;
      my ($in) = $rest =~ /iif "([^"]+)"/;
      my ($out) = $rest =~ /oif "([^"]+)"/;
      $links{$id} = [$in // '', $out // ''];
    }
    next if $rest !~ /\(verdict drop\)|^policy drop/;
    $rest =~ s/^rule //;
    $rest =~ s/ \(verdict drop\).*|\s+$//g;
    $rest =~ s/^policy drop .*/policy drop/;
    $rest =~ s/counter packets \d+ bytes \d+ ?//;
    my ($in, $out) = @{$links{$id} // ['', '']};
    $found = {family => $family, table => $table, chain => $chain, base => $base{$key} // $chain, rule => $rest, in => $in, out => $out};
  }
  return $found;
}

sub has { -x "$_/$_[0]" && return 1 for split /:/, $ENV{PATH}; 0 }

# tool_mends(PACKET, DROP): for a firewall with its own tool, pairs of the tool's command and what that does to the rules.
# In here the tool itself would change its files. The pairs are recorded from ufw 0.36.2 and firewalld 1.3.3.
sub tool_mends {
  my ($packet, $drop, $hook, $iptables) = @_;
  my ($from, $protocol, $to, $port) = @$packet;
  if ($drop && "$drop->{family} $drop->{table}" eq 'inet firewalld' && $hook ne 'OUTPUT') {
    my $zone = "--zone=trusted --add-interface=$bridge";
    my $rules = "for c in filter_FORWARD_ZONES filter_FORWARD_IN_ZONES filter_INPUT_ZONES; do nft insert rule inet firewalld \$c iifname $bridge accept; done";
    return ["firewall-cmd $zone && firewall-cmd --permanent $zone", "$rules; true"];
  }
  return if "$in{nft}$in{legacy}" !~ /\bufw-user-forward\b/;
  return $from eq 'world'
      ? ["ufw route allow proto $protocol to $to port $port", "$iptables -A ufw-user-forward -d $to -p $protocol --dport $port -j ACCEPT"]
      : ["ufw route allow in on $bridge", "$iptables -A ufw-user-forward -i $bridge -j ACCEPT"]
    if $hook eq 'FORWARD';
  return ["ufw allow in on $bridge to any port $port proto $protocol", "$iptables -A ufw-user-input -i $bridge -p $protocol --dport $port -j ACCEPT"]
    if $hook eq 'INPUT' && $guest{$from};
  return $hook eq 'OUTPUT' ? ["ufw allow out on $bridge", "$iptables -A ufw-user-output -o $bridge -j ACCEPT"] : ();
}

# mends_for(PACKET, DROP): pairs of a command to print and the command to try in here, best first.
sub mends_for {
  my ($packet, $drop) = @_;
  my ($from, $protocol, $to, $port) = @$packet;
  my $to_droplet = $to eq $gateway;
  # Whether it is the packet that is dropped, or its answer.
  my $hook = $from eq 'droplet' ? 'OUTPUT' : $to_droplet ? 'INPUT' : 'FORWARD';
  if (!$drop) {
    my @sysctls = map { 'sysctl -w net.ipv4.conf.' . s{\.}{/}gr . '.forwarding=1' } @not_forwarding;
    my @ufw = $in{legacy} =~ /\bufw-user-forward\b/ ? tool_mends($packet, undef, $hook, 'iptables-legacy') : ();
    return same(@sysctls), @ufw, same(legacy_mends($packet));
  }
  my $opens = ($guest{$from} ? $drop->{in} : $drop->{out}) eq $bridge;
  return if $drop->{table} =~ /^hornet_/;
  my ($nft, $iptables);
  if ($opens && $guest{$from}) {
    $nft = "iifname \"$bridge\"" . ($to_droplet ? " $protocol dport $port" : '');
    $iptables = "-i $bridge" . ($to_droplet ? " -p $protocol --dport $port" : '');
  } elsif ($opens) {
    $nft = "oifname \"$bridge\"" . ($from eq 'world' ? ' ct status dnat' : '');
    $iptables = "-o $bridge" . ($from eq 'world' ? ' -m conntrack --ctstate DNAT' : '');
  } else {
    my ($link, $which) = $drop->{out} ne '' ? ($drop->{out}, 'o') : ($drop->{in}, 'i');
    $nft = "${which}ifname \"$link\" ct state established,related";
    $iptables = "-$which $link -m conntrack --ctstate RELATED,ESTABLISHED";
  }
  my ($family, $table, $base) = @$drop{qw(family table base)};
  my ($by_nft, @mends) = ("nft insert rule $family $table $base $nft accept");
  my @tools = $opens && ($family eq 'inet' || $table eq 'filter') ? tool_mends($packet, $drop, $hook, 'iptables') : ();
  if ($family eq 'ip' && $table eq 'filter' && $base =~ /^(FORWARD|INPUT|OUTPUT)$/ && has('iptables')) {
    push @mends, "iptables -I DOCKER-USER $iptables -j ACCEPT" if $base eq 'FORWARD' && $in{nft} =~ /chain DOCKER-USER/;
    push @mends, "iptables -I $base $iptables -j ACCEPT";
  }
  return @tools, same(@mends, $by_nft);
}

sub same { map { [$_, $_] } @_ }

sub legacy_mends {
  my ($packet) = @_;
  my ($from, $protocol, $to, $port) = @$packet;
  return if !$in{legacy};
  my $answers = '-m conntrack --ctstate RELATED,ESTABLISHED';
  my @rules = !$guest{$from}
    ? $from eq 'world' ? ("FORWARD -o $bridge -m conntrack --ctstate DNAT", "FORWARD -i $bridge $answers") : ("OUTPUT -o $bridge", "INPUT -i $bridge $answers")
    : $to eq $gateway ? ("INPUT -i $bridge -p $protocol --dport $port", "OUTPUT -o $bridge $answers")
    : ("FORWARD -i $bridge", "FORWARD -o $bridge $answers");
  return map { "iptables-legacy -I $_ -j ACCEPT" } @rules;
}

my %tried;
# mend(PACKET): tries commands until the packet arrives. Those that changed nothing are not told.
sub mend {
  my ($packet) = @_;
  my (@applied, $arrives, $place);
  local $SILENCE = 0.1;
  for (1 .. $MOST_MENDS) {
    $arrives = !lost($packet) and last;
    my $drop = dropped($packet);
    $place = $drop ? "$drop->{family} $drop->{table} $drop->{chain}: $drop->{rule}" : '';
    my $way = $drop ? "$place $drop->{in} $drop->{out}" : '';
    $_->[2] = 1 for grep { $_->[1] ne $way } @applied;
    say_of('drop', $place) if $drop && !$tried{$place}++;
    my ($next) = grep { !$tried{$_->[0]} } mends_for($packet, $drop);
    last if !defined $next;
    my ($printed, $command) = @$next;
    $tried{$printed}++;
    push @applied, [$printed, $way] if feed('', 'sh', '-c', $command);
  }
  for my $one (@applied) {
    # Of a legacy firewall the kernel tells no more than that the packet arrives in the end.
    my $helped = $one->[2] || $arrives && ($one->[1] eq '' || $one == $applied[-1]);
    say_of('mend', $one->[0]) if $helped;
  }
}

# ask_routes: asks the kernel for each guest's address, from the bridge's own one too: a policy rule may depend on it.
sub ask_routes {
  my %astray;
  for my $from ('', " from $gateway") {
    my $all = join "\n", map { "route get $_$from" } sort keys %guest;
    my %answered;
    for (split /\n/, answer_of('sh', '-c', 'printf "%s\n" "$1" | ip -4 -o -force -batch -', 'sh', $all)) {
      my ($kind, $address) = /^(?:([a-z]+) )?(\d+\.\d+\.\d+\.\d+) / or next;
      $answered{$address} = 1;
      s/\s*\\.*|\s+cache.*| uid \d+|\s+$//g;
      $astray{$address} //= $_ if defined $kind || !/ dev \Q$bridge\E(?: |$)/ || / via /;
    }
    $astray{$_} //= "$_$from is unreachable" for grep { !$answered{$_} } keys %guest;
  }
  say_of('astray', "$_ $astray{$_}") for sort keys %astray;
  return scalar keys %astray;
}

# ---- the trial

# Files of the tools that run in here, a lock of iptables among them, are not the droplet's.
syscall($UNSHARE, $CLONE_NEWNS) == 0 && feed('', 'mount', '--make-rslave', '/') && feed('', 'mount', '-t', 'tmpfs', 'tmpfs', '/run') or stop("mounts: $!");
open $here, '<', '/proc/self/ns/net' or stop("namespace: $!");
%guest = map { $_ => 1 } grep { /^\d/ } map { $_->[0], $_->[0] =~ /^\d/ ? () : $_->[2] } @packets;
read_links();
build();
my %own = local_addresses();
# A packet to one of the droplet's own addresses is no guest's business; see the bridge's table.
@packets = grep { !$own{$_->[2]} || $_->[2] eq $gateway || $guest{$_->[2]} } @packets;
# A packet that the droplet would not even send there tells nothing about firewalls.
exit 0 if ask_routes();
my ($route) = split /\n/, answer_of('ip', '-4', '-o', 'route', 'get', $internet);
$route =~ s/\s*\\.*| uid \d+|\s+$//g;
print "net.internet=$route\n";
$uplink_address = $route =~ / src (\S+)/ ? $1 : undef;
@packets = grep { $_->[0] ne 'world' } @packets if !defined $uplink_address;
load_firewalls();
servers();
my @lost = lost(lost(@packets));
# On a busy droplet the kernel itself is late: both tries once missed packets that nothing dropped.
{ local $SILENCE = 0.5; @lost = lost(@lost) if @lost; }
exit 0 if !@lost;
say_of('lost', "@$_[0 .. 3]") for @lost;
my %kind;
for my $packet (@lost) {
  my ($from, $protocol, $to, $port) = @$packet;
  my $class = join ' ', $guest{$from} ? 'guest' : $from, $protocol, $guest{$to} ? 'guest' : $to, $port;
  next if $kind{$class}++;
  if ($guest{$from} && $to ne $gateway) {
    my $words = answer_of('ip', '-4', '-o', 'route', 'get', $to, 'from', $from, 'iif', $bridge);
    if ($words =~ /^RTNETLINK answers: (.*)/ || $words =~ /^Error: (.*)/) { say_of('noroute', "$to $1"); next }
  }
  mend($packet);
}
say_of('unmended', "@$_[0 .. 3]") for lost(@lost);
