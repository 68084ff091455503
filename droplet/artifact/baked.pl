# Lists what a snapshot's state may name that Firecracker's errors do not: strings in it that look like absolute paths. Snapshot formats
# pack strings differently, so every part of a run of text is a candidate; a wrong one costs an empty file or folder in a jail.
# Arguments: the state file, and the kinds: "folders", in which a vsock's socket may be, and "files" that exist on the droplet, as those
# of pmem devices do. Answers, for droplet/jail/builder.pl: "place FOLDER" and "blank BYTES FILE".
use strict;
use warnings;

my ($state, @kinds) = @ARGV;
# sun_path of a socket (unix(7)) and PATH_MAX, without the NUL.
my %longest = (folders => 107, files => 4095);
# A snapshot is a stranger's: each limit is far above what a good one needs.
my $rest = { folders => 4096, files => 200_000 };
my ($most_files, %seen) = (64);

sub folders {
  my ($text) = @_;
  while ($text =~ m{(?<=.)/}g && $rest->{folders}-- > 0) {
    my $folder = substr($text, 0, $-[0]);
    print "place $folder\n" unless $seen{$folder}++;
  }
}

sub files {
  my ($text) = @_;
  for my $length (2 .. length $text) {
    return if $rest->{files}-- <= 0;
    my $file = substr($text, 0, $length);
    next if $seen{$file} || !-f $file;
    $seen{$file} = 1;
    my $bytes = -s _;
    print "blank $bytes $file\n" if $most_files-- > 0;
  }
}

my %list = (folders => \&folders, files => \&files);
open(my $file, '<:raw', $state) or die "$state: $!\n";
# Firecracker reads no more of it.
read($file, my $bytes, 10_000_000);
for my $kind (@kinds) {
  %seen = ();
  while ($bytes =~ m{(?=(/[^\x00-\x1f\x7f]{1,4094}))}g) { $list{$kind}->(substr($1, 0, $longest{$kind})) }
}
