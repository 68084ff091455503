# Collects what VMMs count (see metrics.sh). perl, because it reads JSON and adds up hundreds of thousands of figures a minute;
# Debian's perl-base is enough. common.pl comes before it. Arguments: NAME HOME FILE. It ends once its folder no longer names it.
use strict; use warnings;
use Fcntl qw(O_RDONLY);

my (undef, $home, $file) = @ARGV;
my ($runtime) = $home =~ m{(.*)/};
# Seconds between two looks. A pipe has room for some minutes of lines.
my $period = 5;
# A VMM that was taken over by its guest may say anything: so many bytes a look, in a line (no more than a pipe holds), so
# many figures.
my ($most_a_look, $longest, $most_figures) = (1 << 20, 1 << 16, 4000);
chdir "/";

# The figures of a line of JSON, by their paths; nothing where it is none.
sub figures_of {
  my ($line) = @_;
  my (@path, @figures);
  return if $line !~ /\G\s*\{/gc;
  while (1) {
    if ($line =~ /\G\s*"([^"\\]*)"\s*:\s*/gc) {
      my $key = $1;
      if ($line =~ /\G\{/gc) { push @path, $key; }
      elsif ($line =~ /\G(\d+(?:\.\d+)?)(?=\s*[,}])/gc) { push @figures, [$1, @path, $key]; }
      elsif ($line !~ /\G(?:"(?:[^"\\]|\\.)*"|[-\w.+]+)/gc) { return; }
    }
    elsif ($line =~ /\G\s*\}/gc) {
      if (!@path) { return $line =~ /\G\s*\z/gc ? @figures : (); }
      pop @path;
    }
    elsif ($line !~ /\G\s*,/gc) { return; }
  }
}

# Takes the figures of a line in. Counters come as what was added since the line before.
sub take_in {
  my ($vm, $line) = @_;
  # The end of a line was lost where the pipe was full, and the next one follows at once.
  $vm->{lost}++ if $line =~ s/^.+(?=\{"utc_timestamp_ms")//s;
  my @figures = figures_of($line);
  my %split = map { $_->[1] =~ /^(block|net|pmem)_/ ? ($1 => 1) : () } @figures;
  if (!@figures) { $vm->{lost}++; return; }
  $vm->{lines}++;
  for (@figures) {
    my ($value, $group, @rest) = @$_;
    if (!@rest) { $vm->{said} = $value / 1000 if $group eq "utc_timestamp_ms"; next; }
    my $device = $group =~ s/^(block|net|pmem|vhost_user)_(.+)/$1/s ? $2 : "";
    # The sum of all devices beside each of them would count everything twice.
    next if $device eq "" && $split{$group};
    my $what = join "_", $group, @rest;
    # What is no name would spoil the whole file for its readers.
    next if "$what$device" !~ /^[A-Za-z][A-Za-z0-9_]{0,199}\z/;
    my $stays = $group =~ /^(?:api_server|latencies_us|seccomp)\z/ || $rest[-1] =~ /^(?:min|max)_us\z/
      || $group eq "signals" && $rest[-1] ne "sigpipe";
    my $key = "firecracker_$what" . ($stays ? "" : "_total");
    next if !defined $vm->{value}{$key}{$device} && ++$vm->{count} > $most_figures;
    $vm->{value}{$key}{$device} = $value + ($stays ? 0 : $vm->{value}{$key}{$device} // 0);
    $vm->{path}{$key} = join ".", $group, @rest;
  }
}

my (%vms, $changed);

# Reads what a VMM has said since the last look. Another pipe is another VMM, which counts from nothing.
sub listen_to {
  my ($vm, $path) = @_;
  my ($device, $inode) = stat $path;
  my $pipe = -p _ ? "$device $inode" : "";
  if ($pipe ne ($vm->{pipe} // "")) {
    $changed = 1;
    delete @$vm{keys %$vm};
    return if $pipe eq "" || !sysopen($vm->{handle}, $path, O_RDONLY | O_NONBLOCK());
    @$vm{qw(pipe rest skip lines lost count)} = ($pipe, "", 0, 0, 0, 0);
  }
  return if $pipe eq "";
  my $read = 0;
  while ($read < $most_a_look && (my $count = sysread($vm->{handle}, $vm->{rest}, 65536, length $vm->{rest}))) {
    $read += $count;
    while ($vm->{rest} =~ s/^([^\n]*)\n//) {
      if ($vm->{skip}) { $vm->{skip} = 0; next; }
      take_in($vm, $1);
      $changed = 1;
    }
    next if length $vm->{rest} <= $longest;
    $vm->{lost}++ if !$vm->{skip};
    @$vm{qw(rest skip)} = ("", 1);
  }
}

my $owner = text_of("$home/owner");
my ($stack) = $owner =~ /^hornet:(.*):/ or die "$home lost its mark\n";
(my $boot = text_of("/proc/sys/kernel/random/boot_id")) =~ s/\s//g;

sub look {
  my %seen;
  opendir(my $folder, $runtime) or return;
  for my $name (grep { !/^\./ } readdir $folder) {
    my $dir = "$runtime/$name";
    # One that boots for a snapshot is no clone.
    next if $name =~ /^hornet-boot-/ || text_of("$dir/owner") ne $owner || !(-e "$dir/vmm.pid" || -e "$dir/record");
    my $vm = $vms{$name} //= {};
    listen_to($vm, "$dir/metrics.pipe");
    my $noted = text_of("$dir/vmm.pid");
    $vm->{up} = $noted =~ /^(\d+) / && process_at($1, $boot) eq $noted ? 1 : 0;
    $seen{$name} = 1;
  }
  for my $name (grep { !$seen{$_} } keys %vms) { delete $vms{$name}; $changed = 1; }
}

sub escaped {
  my ($text) = @_;
  $text =~ s/([\\"])/\\$1/g;
  $text =~ s/\n/\\n/g;
  return $text;
}

# One group of the text format: all lines of a name stand together.
sub group {
  my ($name, $type, $help, @samples) = @_;
  return "" if !@samples;
  return join "", "# HELP $name $help\n# TYPE $name $type\n",
    map { my ($clone, $device, $value) = @$_;
      sprintf("%s{clone=\"%s\",%sstack=\"%s\"} %s\n", $name, escaped($clone),
        $device eq "" ? "" : "device=\"" . escaped($device) . "\",", escaped($stack), $value) } @samples;
}

sub own_groups {
  my @names = sort keys %vms;
  my @told = grep { defined $vms{$_}{said} } @names;
  my @piped = grep { defined $vms{$_}{pipe} } @names;
  my $now = time;
  my $age = sub { my $age = $now - $vms{$_[0]}{said}; $age > 0 ? sprintf("%.0f", $age) : 0 };
  return group("hornet_clone_up", "gauge", "Whether the clone has a VMM that lives.", map { [$_, "", $vms{$_}{up}] } @names)
    . group("hornet_clone_metrics_age_seconds", "gauge", "Age of the metrics that the VMM gave last.", map { [$_, "", $age->($_)] } @told)
    . group("hornet_clone_metrics_lines_total", "counter", "Lines of metrics that the VMM gave.", map { [$_, "", $vms{$_}{lines}] } @piped)
    . group("hornet_clone_metrics_lost_lines_total", "counter", "Lines of metrics that were cut off or unreadable.",
      map { [$_, "", $vms{$_}{lost}] } @piped);
}

sub their_groups {
  my %clones;
  for my $name (sort keys %vms) { push @{$clones{$_}}, $name for keys %{$vms{$name}{value} // {}}; }
  return map {
    my $key = $_;
    my $counts = $key =~ /_total\z/;
    group($key, $counts ? "counter" : "gauge",
      $vms{$clones{$key}[0]}{path}{$key} . " of Firecracker" . ($counts ? ", added up since the VMM was started." : ", as it was last."),
      map { my $values = $vms{$_}{value}{$key}; my $name = $_; map { [$name, $_, $values->{$_}] } sort keys %$values } @{$clones{$key}});
  } sort keys %clones;
}

my $theirs = "";
sub report {
  look();
  $theirs = join "", their_groups() if $changed;
  $changed = 0;
  return write_file($file, 0644, own_groups(), $theirs);
}

report() or die "cannot write to $file: $!\n";
write_file("$home/pid", 0600, process_at($$, $boot)) or die "cannot write to $home: $!\n";
while (text_of("$home/pid") =~ /^$$ /) {
  select(undef, undef, undef, $period);
  # A disk that is full now may not be so at the next look.
  report();
}
# Figures of nobody who looks any more would say for ever that all is well.
unlink $file if !-e "$home/pid";
