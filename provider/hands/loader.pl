# Reads a whole request from standard input, checks that it is complete, and only then runs the agent that came with it.
use strict;
use warnings;
use IPC::Open2;

$SIG{PIPE} = $SIG{HUP} = 'IGNORE';
$ENV{PATH} = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';
$ENV{LC_ALL} = 'C.UTF-8';
umask 022;

my ($word, $nonce, $agent_bytes, $packed_bytes, $sha256) = split ' ', (<STDIN> // '');
die "no request\n" unless defined $sha256 && $word eq 'netboot';
our ($NONCE, $AGENT, $BODY) = ($nonce, '', '');

my $packed = '';
while (length $packed < $packed_bytes) {
    last unless read STDIN, $packed, $packed_bytes - length $packed, length $packed;
}
my $pid = open2(my $from, my $to, 'sha256sum');
print $to $packed;
close $to;
my ($seen) = split ' ', (<$from> // '');
waitpid $pid, 0;
if ($seen eq $sha256) {
    # A child feeds gzip while this process reads what comes out of it.
    my $child = open(my $whole, '-|') // die "cannot fork: $!\n";
    if (!$child) {
        open my $gzip, '|-', 'gzip', '-dc' or die "cannot run gzip: $!\n";
        print $gzip $packed;
        exit(close $gzip ? 0 : 1);
    }
    $BODY = do { local $/; <$whole> };
    close $whole or die "gzip failed\n";
    $AGENT = substr $BODY, 0, $agent_bytes, '';
    @ARGV = ('request');
    eval $AGENT;
    print "\n$nonce fail BUG - ", unpack('H*', "the agent does not run: $@"), "\n" if $@;
}
else {
    print "\n$nonce fail TRANSACTION_FAILED - ", unpack('H*', 'the request did not arrive complete, so nothing was begun'), "\n";
}
__END__
