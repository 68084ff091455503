# The guests' name server: hornet-names HOME. It decides which clone may ask for which name, has dnsmasq resolve it, and opens
# the addresses of the answer to that clone for the records' lifetime, before the guest has the answer. Its table alone keeps guests
# from all other addresses, so it loads the table again as soon as somebody deletes it: a reload of the droplet's firewall begins with
# `flush ruleset`. common.pl and openings.pl come before this code. HOME holds
#   policies   lines: version NUMBER, listen ADDRESS PORT, back ADDRESS PORT, table NAME, clone ADDRESS POLICY,
#              name POLICY SET PATTERN
# hornet-names-load HOME loads the table again. hornet-names-check HOME prints how the sets differ from what it opened, and
# "resolver" if its dnsmasq does not run.
use strict;
use warnings;
use IO::Select;
use IO::Socket::INET;
use POSIX ();
use Socket qw(SOCK_RAW MSG_DONTWAIT);

my $home = $ARGV[1];
my (%at, %policy_of, %names_of, %sets, %life, %pending, %waiting, %asker_of, %unresolved, $table);
my $next_id = 0;
# Seconds beyond a record's lifetime: a guest connects after it has the answer.
my $GRACE = 2;
# Queries that wait for an answer (dnsmasq takes 1000 at once), and connections; of all clones, and of one, which could otherwise take
# the place of the others.
my ($MOST_PENDING, $MOST_PENDING_OF_ONE) = (4096, 256);
my ($MOST_CHILDREN, $MOST_CHILDREN_OF_ONE) = (32, 8);
# A, and of the rest what has no addresses that a guest could use instead.
my %EMPTY = map { $_ => 1 } 28, 64, 65;
my %NEVER = map { $_ => 1 } 251, 252, 253, 254, 255;

sub read_policies {
    open my $file, '<', "$home/policies" or die "no policies: $!\n";
    while (<$file>) {
        my ($kind, @words) = split;
        if ($kind eq 'table') { $table = $words[0] }
        elsif ($kind eq 'clone') { $policy_of{$words[0]} = $words[1] }
        elsif ($kind eq 'name') { push @{$names_of{$words[0]}}, [@words[1, 2]] }
        else { $at{$kind} = [@words] }
    }
}

sub start_resolver {
    my $pid = fork // die "fork: $!\n";
    return $pid if $pid;
    exec 'setpriv', '--reuid', '65534', '--regid', '65534', '--clear-groups', '--pdeathsig', 'KILL',
        'dnsmasq', '--keep-in-foreground', "--conf-file=$home/dnsmasq.conf" or POSIX::_exit(127);
}

# Waits until dnsmasq listens. The pid file comes after it: whoever reads the droplet then finds a dnsmasq.
sub await_resolver {
    my ($pid) = @_;
    my $where = join('', map { sprintf '%02X', $_ } reverse split /\./, $at{back}[0]) . sprintf ':%04X', $at{back}[1];
    for (1 .. 1000) {
        POSIX::_exit(1) if waitpid($pid, POSIX::WNOHANG()) > 0;
        open my $sockets, '<', '/proc/net/udp' or return;
        return if grep { / \Q$where\E / } <$sockets>;
        select undef, undef, undef, 0.005;
    }
    die "dnsmasq does not listen on $at{back}[0] port $at{back}[1]\n";
}

# Whether this name server's dnsmasq runs, and nobody has stopped it. Any user can give a process the same arguments, but not its parent.
sub resolver_runs {
    my ($keeper) = text_of("$home/pid") =~ /^(\d+) / or return 0;
    for my $process (glob '/proc/[0-9]*') {
        open my $words, '<', "$process/cmdline" or next;
        my (undef, undef, $third) = split /\0/, do { local $/; <$words> } // '';
        next if ($third // '') ne "--conf-file=$home/dnsmasq.conf";
        open my $stat, '<', "$process/stat" or next;
        return 1 if (<$stat> // '') =~ /.*\) [^TtZX] $keeper /;
    }
    return 0;
}

# The sets of a policy that a name belongs to.
sub sets_for {
    my ($policy, $name) = @_;
    my @sets;
    for my $one (@{$names_of{$policy} // []}) {
        my ($set, $pattern) = @$one;
        my $matches = $pattern =~ /^\*(\..*)/ ? substr($name, -length $1) eq $1 && length $name > length $1 : $name eq $pattern;
        push @sets, $set if $matches;
    }
    return @sets;
}

# The question of a query: id, name, type, length of header and question; nothing where it is none.
sub question_of {
    my ($packet) = @_;
    return if length $packet < 17;
    my ($id, $flags, $count) = unpack 'nnn', $packet;
    return if $flags & 0xf800 || $count != 1;
    my ($offset, @labels) = (12);
    while (1) {
        my $length = ord(substr $packet, $offset, 1);
        last if $length == 0;
        return if $length > 63 || $offset + $length + 6 > length $packet;
        push @labels, lc substr $packet, $offset + 1, $length;
        $offset += $length + 1;
    }
    return if $offset + 5 > length $packet;
    my ($type, $class) = unpack 'nn', substr $packet, $offset + 1, 4;
    return if $class != 1;
    return ($id, join('.', @labels), $type, $offset + 5);
}

# An answer without records.
sub reply {
    my ($packet, $length, $code) = @_;
    my ($id, $flags) = unpack 'nn', $packet;
    return pack('nnnnnn', $id, 0x8080 | ($flags & 0x0100) | $code, 1, 0, 0, 0) . substr $packet, 12, $length - 12;
}

# skip_name PACKET OFFSET: the offset behind a name; nothing where it does not end.
sub skip_name {
    my ($packet, $offset) = @_;
    while ($offset < length $packet) {
        my $length = ord(substr $packet, $offset, 1);
        return $offset + 2 if $length >= 192;
        return $offset + 1 if $length == 0;
        $offset += $length + 1;
    }
    return;
}

# The IPv4 addresses of an answer, with their lifetimes in seconds.
sub addresses_of {
    my ($packet) = @_;
    my ($count) = unpack 'x6n', $packet;
    my $offset = skip_name($packet, 12) // return;
    $offset += 4;
    my @found;
    for (1 .. $count) {
        $offset = skip_name($packet, $offset) // return @found;
        return @found if $offset + 10 > length $packet;
        my ($type, $class, $ttl, $length) = unpack 'nnNn', substr $packet, $offset, 10;
        $offset += 10;
        push @found, [join('.', unpack 'C4', substr $packet, $offset, 4), $ttl] if $type == 1 && $length == 4 && $offset + 4 <= length $packet;
        $offset += $length;
    }
    return @found;
}

# Opens the addresses of an answer in some sets.
sub open_addresses {
    my ($packet, @sets) = @_;
    my ($now, @openings) = (uptime());
    for my $one (addresses_of($packet)) {
        my ($address, $ttl) = @$one;
        push @openings, map { [$_, $address, $ttl + $GRACE] } grep { ($life{$_}{$address} // 0) < $now + $ttl + $GRACE - 1 } @sets;
    }
    return if !@openings;
    # A table that is lost takes none: the next answer tries again.
    add_openings($home, $table, @openings) or return;
    $life{$_->[0]}{$_->[1]} = $now + $_->[2] for @openings;
}

# Judges a query: the answer, or nothing and the sets of its name.
sub judge {
    my ($client, $packet) = @_;
    my (undef, $name, $type, $length) = question_of($packet) or return (undef);
    my $policy = $policy_of{$client};
    my @sets = defined $policy ? sets_for($policy, $name) : ();
    return (reply($packet, $length, 5)) if !@sets || $NEVER{$type};
    return (reply($packet, $length, 0)) if $EMPTY{$type};
    return ('', $name, @sets);
}

sub serve_tcp {
    my ($client) = @_;
    alarm 10;
    my $take = sub {
        my ($from, $length, $text) = (@_, '');
        while (length $text < $length) {
            sysread($from, my $piece, $length - length $text) or POSIX::_exit(0);
            $text .= $piece;
        }
        return $text;
    };
    my $packet = $take->($client, unpack 'n', $take->($client, 2));
    my ($answer, undef, @sets) = judge($client->peerhost, $packet);
    POSIX::_exit(0) if !defined $answer;
    if ($answer eq '') {
        my $back = IO::Socket::INET->new(PeerAddr => $at{back}[0], PeerPort => $at{back}[1], Timeout => 5) or POSIX::_exit(0);
        syswrite $back, pack('n', length $packet) . $packet;
        $answer = $take->($back, unpack 'n', $take->($back, 2));
        open_addresses($answer, @sets);
    }
    syswrite $client, pack('n', length $answer) . $answer;
    POSIX::_exit(0);
}

# forward BACK PACKET HOST CLIENT NAME SETS…: HOST is the clone's address, empty for a query of this server's own.
sub forward {
    my ($back, $packet, $host, @about) = @_;
    my $now = time;
    if (is_full($host)) {
        take_pending($_) for grep { $pending{$_}[0] < $now - 5 } keys %pending;
        return if is_full($host);
    }
    do { $next_id = ($next_id + 1) & 0xffff } while $pending{$next_id};
    $pending{$next_id} = [$now, $host, unpack('n', $packet), @about];
    $waiting{$host}++;
    $back->send(pack('n', $next_id) . substr $packet, 2);
}

sub is_full { keys %pending >= $MOST_PENDING || ($waiting{$_[0]} // 0) >= $MOST_PENDING_OF_ONE && $_[0] ne '' }

# take_pending ID: removes a query that waits, and gives it.
sub take_pending {
    my $one = delete $pending{$_[0]} or return;
    delete $waiting{$one->[1]} if !--$waiting{$one->[1]};
    return $one;
}

# Asks for every name that is no pattern, so that the operator learns of one that does not resolve.
sub check_names {
    my ($back) = @_;
    my %all;
    for my $one (map { @$_ } values %names_of) { push @{$all{$one->[1]}}, $one->[0] if $one->[1] !~ /^\*/ }
    for my $name (keys %all) {
        my $query = pack('nnnnnn', 0, 0x0100, 1, 0, 0, 0) . join('', map { chr(length) . $_ } split /\./, $name) . pack('Cnn', 0, 1, 1);
        forward($back, $query, '', undef, $name, @{$all{$name}});
        $unresolved{$name} //= 'no answer yet';
    }
    note_unresolved();
}

sub note_unresolved {
    open my $file, '>', "$home/unresolved.draft" or return;
    print $file map { "$_ $unresolved{$_}\n" } sort keys %unresolved;
    close $file and rename "$home/unresolved.draft", "$home/unresolved";
}

# watch_tables(): a socket by which the kernel tells of every change of nft's rules (netlink(7)); nothing where it has none.
sub watch_tables {
    my ($AF_NETLINK, $NETLINK_NETFILTER, $NFNLGRP_NFTABLES) = (16, 12, 7);
    socket(my $watch, $AF_NETLINK, SOCK_RAW, $NETLINK_NETFILTER) or return;
    bind($watch, pack 'SSLL', $AF_NETLINK, 0, 0, 1 << ($NFNLGRP_NFTABLES - 1)) or return;
    return $watch;
}

# tells_of_deleted_table(WATCH): whether one of the messages says so, or some were lost.
sub tells_of_deleted_table {
    my ($watch) = @_;
    # NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_DELTABLE
    my ($DELTABLE, $deleted) = (10 << 8 | 2, 0);
    while (defined recv($watch, my $messages, 1 << 16, MSG_DONTWAIT)) {
        for (my $offset = 0; $offset + 16 <= length $messages;) {
            my ($length, $type) = unpack 'LS', substr $messages, $offset, 6;
            $deleted ||= $type == $DELTABLE;
            last if $length < 16;
            $offset += ($length + 3) & ~3;
        }
    }
    return $deleted || $!{ENOBUFS};
}

# restore_table(): loads the table again where it is gone. Where nft does not take it, the next second tries again.
sub restore_table {
    return 1 if present($table);
    return eval { load_table($home, $table, \%sets); 1 };
}

my %CODES = (0 => 'has no IPv4 address', 2 => 'is not answered by the droplet\'s name servers', 3 => 'does not exist', 5 => 'is refused by the droplet\'s name servers');

read_policies();
%sets = map { $_->[0] => 1 } map { @$_ } values %names_of;
if ($ARGV[0] eq 'hornet-names-load') {
    load_table($home, $table, \%sets);
    exit;
}
if ($ARGV[0] eq 'hornet-names-check') {
    print map { "$_\n" } differences($home, $table), resolver_runs() ? () : 'resolver';
    exit;
}
my @where = (LocalAddr => $at{listen}[0], LocalPort => $at{listen}[1]);
my $udp = IO::Socket::INET->new(@where, Proto => 'udp') or die "cannot listen on $at{listen}[0] port $at{listen}[1]: $!\n";
my $tcp = IO::Socket::INET->new(@where, Proto => 'tcp', Listen => 64, ReuseAddr => 1) or die "cannot listen on $at{listen}[0] port $at{listen}[1]: $!\n";
my $back = IO::Socket::INET->new(PeerAddr => $at{back}[0], PeerPort => $at{back}[1], Proto => 'udp') or die "udp: $!\n";
my $watch = watch_tables();
load_table($home, $table, \%sets);
my $resolver = start_resolver();
await_resolver($resolver);
$SIG{CHLD} = 'DEFAULT';
my $select = IO::Select->new($udp, $tcp, $back, $watch ? $watch : ());
my ($asked, $begun, $whole) = (0, 0, 1);

write_file("$home/pid", 0600, process_at($$, boot_id())) or die "cannot write to $home: $!\n";

while (1) {
    my $now = time;
    # Until all are resolved it asks again soon: dnsmasq starts at the same time.
    if ($now - $asked >= (%unresolved ? ($now - $begun < 5 ? 1 : 10) : 60)) {
        $begun ||= $now;
        $asked = $now;
        check_names($back);
    }
    $whole ||= restore_table();
    for my $socket ($select->can_read(1)) {
        if ($watch && $socket == $watch) {
            $whole = 0 if tells_of_deleted_table($watch);
        } elsif ($socket == $udp) {
            my $from = $udp->recv(my $packet, 4096) // next;
            my ($answer, $name, @sets) = judge($udp->peerhost, $packet);
            next if !defined $answer;
            if ($answer eq '') { forward($back, $packet, $udp->peerhost, $from, $name, @sets) }
            else { $udp->send($answer, 0, $from) }
        } elsif ($socket == $back) {
            defined $back->recv(my $packet, 65535) or next;
            next if length $packet < 12;
            my $asked_for = take_pending(unpack 'n', $packet) or next;
            my (undef, undef, $id, $client, $name, @sets) = @$asked_for;
            open_addresses($packet, @sets);
            if (defined $client) { $udp->send(pack('n', $id) . substr($packet, 2), 0, $client); next }
            my $code = ord(substr $packet, 3, 1) & 15;
            if (addresses_of($packet)) { delete $unresolved{$name} }
            else { $unresolved{$name} = $CODES{$code} // "has the DNS error $code" }
            note_unresolved();
        } elsif ($socket == $tcp) {
            my $client = $tcp->accept or next;
            my $host = $client->peerhost // '';
            if (keys %asker_of < $MOST_CHILDREN && (grep { $_ eq $host } values %asker_of) < $MOST_CHILDREN_OF_ONE) {
                my $pid = fork // next;
                serve_tcp($client) if $pid == 0;
                $asker_of{$pid} = $host;
            }
            close $client;
        }
    }
    while ((my $ended = waitpid -1, POSIX::WNOHANG()) > 0) {
        if ($ended == $resolver) { sleep 1; $resolver = start_resolver() }
        else { delete $asker_of{$ended} }
    }
    next if $asked != $now;
    # What has ended.
    my $up = uptime();
    for my $set (values %life) { delete @$set{grep { $set->{$_} < $up } keys %$set} }
    compact_record($home);
}
