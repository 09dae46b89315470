# Who booted: what node 0's log says of machines that asked.
package Netboot::History;
use Netboot::Perl gives => qw(log_of_boots);

my $MOST_LINES = 200_000;
my @PROGRAMS = qw(dhcpd in.tftpd pulumi-netboot);

# The lines of dhcpd, in.tftpd and this agent that tell of boots, each after its second; of machines with these MACs, if
# a list is given. What the proof itself asked is left out: its questions carry a mark that keeps them out of
# dhcpd.conf's lines, and its requests for files come from node 0. So are the renewals of leases, of which a fleet makes
# thousands a day.
sub log_of_boots ($own, $since, $macs) {
    my (@lines, %mac_at, %boots);
    my %is_meant = map { (plain_mac($_) => 1) } ($macs // [])->@*;
    my $is_other = sub { my ($mac) = @_; return $macs && !(defined $mac && $is_meant{$mac}) };
    my @options = (qw(--quiet --no-pager --output=short-unix), "--since=$since", map { ('-t', $_) } @PROGRAMS);
    open my $log, '-|', 'journalctl', @options or return '';
    while (my $line = <$log>) {
        my ($at, $text) = $line =~ /^(\d+\.\d+) \S+ ((?:dhcpd|in\.tftpd|pulumi-netboot)(?:\[\d+\])?: .*)/ or next;
        if ($text =~ /: netboot stage=\w+ mac=([0-9a-f:]+)/) {
            my $mac = plain_mac($1);
            next if $is_other->($mac);
            $boots{$mac} = 1;
        } elsif ($text =~ /: DHCPACK on (\S+) to ([0-9a-f:]+)/) {
            my ($address, $mac) = ($1, $2);
            if ($is_other->($mac)) { delete $mac_at{$address}; next }
            $mac_at{$address} = $mac;
            next unless delete $boots{$mac};
        } elsif ($text =~ /: DHCPDISCOVER from ([0-9a-f:]+) .*: (?:no free leases|unknown client)/) {
            next if $1 =~ /^02:6e:62:/ || $is_other->($1);
        } elsif ($text =~ /: RRQ from (\S+) filename |: sending NAK \(.*\) to (\S+)/) {
            my $address = $1 // $2;
            my $mac = $mac_at{$address};
            next if $address eq $own || $is_other->($mac);
            $boots{$mac} = 1 if defined $mac;
        } elsif ($text !~ /: serves \S+ sha256:/) {
            next;
        }
        push @lines, "$at $text";
        shift @lines if @lines > $MOST_LINES;
    }
    close $log;
    return join "\n", @lines;
}

# dhcpd.conf's own lines have a byte without its leading zero.
sub plain_mac ($mac) { return join ':', map { sprintf '%02x', hex } split /:/, $mac }
