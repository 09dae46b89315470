eval 'exec echo netboot: a shell reads this' if 0;    ## no critic (StringyEval RequireUse) a shell ends here
# Reads a whole request from standard input, checks that it is complete, and only then runs the hands that came with it.
use strict;
use warnings;
use IPC::Open2 qw(open2);

$SIG{PIPE} = $SIG{HUP} = 'IGNORE';
@ENV{qw(PATH LC_ALL LANGUAGE)} = ('/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', 'C.UTF-8', '');
# Nobody is there to answer a question.
@ENV{qw(DEBIAN_FRONTEND APT_LISTCHANGES_FRONTEND APT_LISTBUGS_FRONTEND NEEDRESTART_MODE)} =
    qw(noninteractive none none l);
umask 022;

# What was packed, if all of it arrived.
sub unpacked {
    my ($packed, $sha256) = @_;
    my $pid = open2(my $from, my $to, 'sha256sum');
    print $to $packed;
    close $to;
    my ($seen) = split ' ', (<$from> // '');
    waitpid $pid, 0;
    return undef unless $seen eq $sha256;
    # A child feeds gzip while this process reads what comes out of it.
    my $child = open(my $whole, '-|') // die "cannot fork: $!\n";
    if (!$child) {
        open my $gzip, '|-', 'gzip', '-dc' or die "cannot run gzip: $!\n";
        print $gzip $packed;
        exit(close $gzip ? 0 : 1);
    }
    my $text = do { local $/; <$whole> };
    close $whole or die "gzip failed\n";
    return $text;
}

my ($word, $nonce, $hands_bytes, $packed_bytes, $sha256) = split ' ', (<STDIN> // '');
die "no request\n" unless defined $sha256 && $word eq 'netboot';

my $packed = '';
while (length $packed < $packed_bytes) {
    last unless read STDIN, $packed, $packed_bytes - length $packed, length $packed;
}
my $body = unpacked($packed, $sha256);
if (defined $body) {
    my $hands = substr $body, 0, $hands_bytes, '';
    @ARGV = ('request', $nonce, $hands, $body, \&unpacked);
    eval $hands;    ## no critic (ProhibitStringyEval) they came for that, whole
    my $why = $@ =~ s/([^A-Za-z0-9])/sprintf '%%%02X', ord $1/ger;
    print "\n$nonce fail code=BUG text=the%20hands%20do%20not%20run:%20$why\n" if length $why;
} else {
    print "\n$nonce fail code=TRANSACTION_FAILED text=the%20request%20did%20not%20arrive%20complete\n";
}
__END__
