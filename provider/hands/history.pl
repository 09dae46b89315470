# Who booted: what node 0's log says of machines that asked.
package Netboot::History;
use Netboot::Perl gives => qw(log_of_boots);

my $MOST_LINES = 200_000;
# Any user may call himself dhcpd, but no sender can choose a field with a line before it. Processes of in.tftpd end
# before their unit is looked at, and have a user of their own. The last is journald's word for what it did not take.
my @SENDERS = (
    qw(SYSLOG_IDENTIFIER=dhcpd _SYSTEMD_UNIT=isc-dhcp-server.service + SYSLOG_IDENTIFIER=in.tftpd _UID=0),
    '_UID=' . (getpwnam('tftp') // 0),
    qw(+ SYSLOG_IDENTIFIER=pulumi-netboot _UID=0 + MESSAGE_ID=a596d6fe7bfa4994828e72309e95d61e _UID=0),
);

# The lines of dhcpd, in.tftpd and this agent that tell of boots, each after its second; of machines with these MACs, if
# a list is given. What the proof itself asked is left out: its questions carry a mark that keeps them out of
# dhcpd.conf's lines, and its requests for files come from node 0. So are renewals of leases, thousands a day.
sub log_of_boots ($own, $since, $macs) {
    my (@lines, %mac_at, %boots, $dropped);
    my %is_meant = map { (plain_mac($_) => 1) } ($macs // [])->@*;
    my $is_other = sub { my ($mac) = @_; return $macs && !(defined $mac && $is_meant{$mac}) };
    my @options = (qw(--quiet --no-pager --output=short-unix), "--since=$since", @SENDERS);
    open my $log, '-|', 'journalctl', @options or return '';
    while (my $line = <$log>) {
        my ($at, $text) = $line =~ /^(\d+\.\d+) \S+ (\S+: .*)/ or next;
        if ($text =~ /: netboot stage=\w+ mac=([0-9a-f:]+)/) {
            next if $is_other->(my $mac = plain_mac($1));
            $boots{$mac} = 1;
        } elsif ($text =~ /: DHCPACK on (\S+) to ([0-9a-f:]+)/) {
            my ($address, $mac) = ($1, $2);
            if ($is_other->($mac)) { delete $mac_at{$address}; next }
            $mac_at{$address} = $mac;
            next unless delete $boots{$mac};
        } elsif ($text =~ /: DHCPDISCOVER from ([0-9a-f:]+) .*: (?:no free leases|unknown client)/) {
            next if $1 =~ /^02:6e:62:/ || $is_other->($1);
        } elsif ($text =~ /: RRQ from (\S+) filename |: sending NAK \(.*\) to (\S+)/) {
            my $mac = $mac_at{ my $address = $1 // $2 };
            next if $address eq $own || $is_other->($mac);
            $boots{$mac} = 1 if defined $mac;
        } elsif ($text !~ /: (?:serves \S+ sha256:|Suppressed \d+ messages from (?:isc-dhcp|tftpd-hpa))/) {
            next;
        }
        push @lines, "$at $text";
        shift @lines and $dropped++ if @lines > $MOST_LINES;
    }
    close $log;
    unshift @lines, $lines[0] =~ s/ .*/ pulumi-netboot: Suppressed $dropped messages/r if $dropped;
    return join "\n", @lines;
}

# dhcpd.conf's own lines have a byte without its leading zero.
sub plain_mac ($mac) { return join ':', map { sprintf '%02x', hex } split /:/, $mac }
