# The addresses that the guests' name server has opened: the elements of the sets of its nft table. The file `opened` in its
# folder records them: Hornet compares the kernel's sets with it, and fills them from it where the table was lost.
#   opened     a line with the boot's id, then lines SET ADDRESS END, END in seconds since boot; the last line of an address counts
#   table.nft  the nft transaction that makes the table with empty sets
# common.pl comes before this code.
use strict;
use warnings;
use Fcntl qw(:flock);

# Seconds by which an element's end may differ from the recorded one.
my $SLACK = 3;

# Seconds since boot: sets follow the kernel's clock, not the time of day, which an operator may set.
sub uptime { (split ' ', text_of('/proc/uptime'))[0] }

sub boot_id { text_of('/proc/sys/kernel/random/boot_id') =~ s/\s//gr }

# lock_openings(HOME, LOCK_SH or LOCK_EX): a handle; the lock ends with it. Sets and record change together. Without the folder
# there is no record, and the name server works on.
sub lock_openings {
    my ($home, $how) = @_;
    open my $folder, '<', $home or return;
    flock $folder, $how;
    return $folder;
}

sub run_nft {
    my ($text) = @_;
    open my $nft, '|-', 'nft', '-f', '-' or return 0;
    print $nft $text;
    return close $nft;
}

# recorded(HOME): {SET}{ADDRESS} = END of what is open; nothing where there is no record.
sub recorded {
    my ($home) = @_;
    my ($now, %open) = (uptime());
    open my $file, '<', "$home/opened" or return;
    my $boot = <$file> // '';
    return {} if $boot ne boot_id() . "\n";
    while (<$file>) {
        my ($set, $address, $end) = /^(\S+) (\S+) (\S+)\n/ or next;
        if ($end > $now) { $open{$set}{$address} = $end }
        else { delete $open{$set}{$address} }
    }
    return \%open;
}

# record_all(HOME, OPEN): replaces the record. A full disk leaves the old one, as it leaves record_more's lines out.
sub record_all {
    my ($home, $open) = @_;
    my @lines = boot_id() . "\n";
    for my $set (sort keys %$open) { push @lines, map { "$set $_ $open->{$set}{$_}\n" } sort keys %{$open->{$set}} }
    return write_file("$home/opened", 0600, @lines);
}

# record_more(HOME, LINE…)
sub record_more {
    my ($home, @lines) = @_;
    open my $file, '>>', "$home/opened" or return 0;
    print $file @lines;
    return close $file;
}

# seconds_of("1h2m3s40ms"): as nft prints a time.
sub seconds_of {
    my ($text) = @_;
    my %unit = (d => 86400, h => 3600, m => 60, s => 1, ms => 0.001);
    my $sum = 0;
    $sum += $1 * $unit{$2} while $text =~ /(\d+)(ms|[dhms])/g;
    return $sum;
}

# present(TABLE): {SET}{ADDRESS} = END of the kernel's elements; 'never' of one that does not expire. Nothing without a table.
sub present {
    my ($table) = @_;
    my ($now, %open) = (uptime());
    my $text = `nft list table ip $table 2>/dev/null`;
    return if $? != 0;
    for my $part ($text =~ /^\tset \w+ \{.*?^\t\}/msg) {
        my ($set) = $part =~ /set (\w+)/;
        my ($elements) = $part =~ /elements = \{(.*?)\}/s or next;
        for my $one (split /,/, $elements) {
            my ($address) = $one =~ /(\d+\.\d+\.\d+\.\d+\S*)/ or next;
            $open{$set}{$address} = $one =~ /expires (\w+)/ ? $now + seconds_of($1) : 'never';
        }
    }
    return \%open;
}

# load_table(HOME, TABLE, SETS): makes the table again in one transaction, with the recorded addresses in those of its SETS that it
# still has. An earlier Hornet kept no record.
sub load_table {
    my ($home, $table, $sets) = @_;
    my $lock = lock_openings($home, LOCK_EX);
    my $text = text_of("$home/table.nft");
    die "no table in $home\n" if $text eq '';
    my $open = recorded($home) // present($table) // {};
    my ($now, %kept) = (uptime());
    for my $set (grep { $sets->{$_} } keys %$open) {
        while (my ($address, $end) = each %{$open->{$set}}) {
            next if $end eq 'never' || $end <= $now;
            $kept{$set}{$address} = $end;
            $text .= sprintf "add element ip %s %s { %s timeout %ds }\n", $table, $set, $address, $end - $now + 1;
        }
    }
    run_nft($text) or die "nft does not take the table\n";
    record_all($home, \%kept);
}

# add_openings(HOME, TABLE, [SET, ADDRESS, SECONDS]…): opens and records them; whether the kernel took them. The kernels of Debian 12
# extend no lifetime: an address goes and comes in one transaction.
sub add_openings {
    my ($home, $table, @openings) = @_;
    my ($lock, $now) = (lock_openings($home, LOCK_EX), uptime());
    my $text = join '', map {
        my ($set, $address, $for) = @$_;
        "add element ip $table $set { $address timeout 1s }\ndelete element ip $table $set { $address }\n"
            . "add element ip $table $set { $address timeout ${for}s }\n";
    } @openings;
    my $taken = run_nft($text);
    record_more($home, map { "$_->[0] $_->[1] " . ($now + $_->[2]) . "\n" } @openings);
    return $taken;
}

# compact_record(HOME): leaves out what has ended.
sub compact_record {
    my ($home) = @_;
    my $lock = lock_openings($home, LOCK_EX);
    my $open = recorded($home);
    record_all($home, $open) if $open;
}

# differences(HOME, TABLE): lines "lost SET ADDRESS" and "foreign SET ADDRESS".
sub differences {
    my ($home, $table) = @_;
    my $lock = lock_openings($home, LOCK_SH);
    my $there = present($table) // return;
    my ($open, $now, @lines) = (recorded($home) // {}, uptime());
    for my $set (sort keys %$open) {
        push @lines, map { "lost $set $_" } grep { $open->{$set}{$_} > $now + $SLACK && !$there->{$set}{$_} } sort keys %{$open->{$set}};
    }
    for my $set (sort keys %$there) {
        for my $address (sort keys %{$there->{$set}}) {
            my ($end, $known) = ($there->{$set}{$address}, $open->{$set}{$address} // $now);
            push @lines, "foreign $set $address" if $end eq 'never' || $end > $known + $SLACK;
        }
    }
    return @lines;
}
