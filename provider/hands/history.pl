# Who booted: what node 0's log says of machines that asked.
package Netboot::History;
use Netboot::Perl gives => qw(log_of_boots);

my $MOST_LINES = 200_000;
# Any user may call himself dhcpd, but no sender can choose a field with a line before it. Processes of in.tftpd end
# before their unit is looked at, and have a user of their own. The last is journald's word for what it did not take.
my @SENDERS = (
    qw(SYSLOG_IDENTIFIER=dhcpd _SYSTEMD_UNIT=isc-dhcp-server.service + SYSLOG_IDENTIFIER=kea-dhcp4),
    qw(_SYSTEMD_UNIT=kea-dhcp4-server.service + SYSLOG_IDENTIFIER=in.tftpd _UID=0),
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
    my $next = lines_told($log);
    while (my ($at, $text) = $next->()) {
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
        } elsif ($text !~ /: (?:serves \S+ sha256:|Suppressed \d+ messages from (?:isc-dhcp|kea-dhcp4|tftpd-hpa))/) {
            next;
        }
        push @lines, "$at $text";
        shift @lines and $dropped++ if @lines > $MOST_LINES;
    }
    close $log;
    unshift @lines, $lines[0] =~ s/ .*/ pulumi-netboot: Suppressed $dropped messages/r if $dropped;
    # Of all that the journal has since then, whoever said it: it may not go back so far.
    open my $all, '-|', 'journalctl', @options[0 .. 3] or return join "\n", @lines;
    my ($begins) = (<$all> // '') =~ /^(\d+\.\d+) /;
    close $all;
    return join "\n", (defined $begins ? "$begins pulumi-netboot: begins" : ()), @lines;
}

# The next line of a log, after its second, with Kea's in dhcpd's words.
sub lines_told ($log) {
    my (%classes, @told);
    return sub {
        while (!@told) {
            my $line = <$log> // return;
            my ($at, $text) = $line =~ /^(\d+\.\d+) \S+ (\S+: .*)/ or next;
            @told = map { [$at, $_] } $text =~ /^kea-dhcp4/ ? as_dhcpd($text, \%classes) : $text;
        }
        return shift(@told)->@*;
    };
}

# Which classes a question of Kea's is of stands in lines before the one that has its machine.
sub as_dhcpd ($text, $classes) {
    if ($text =~ /EVAL_RESULT .*Expression netboot-(\w+)\S* evaluated to (?:1|true)/) { $classes->{$1} = 1; return }
    my ($what, $mac) = $text =~ /(LEASE_ADVERT|LEASE_OFFER|LEASE_ALLOC|FAIL_CLASSES) \[hwtype=1 ([0-9a-f:]+)\]/
        or return;
    my %is = %$classes;
    %$classes = ();
    return if $is{probe};
    return "dhcpd: DHCPDISCOVER from $mac via Kea: no free leases" if $what eq 'FAIL_CLASSES';
    my $arch = $is{x64} || $is{loads} ? 7 : $is{ia32} ? 6 : $is{bios} ? 0 : undef;
    my $stage = $is{script} ? 'script' : defined $arch ? 'loader' : undef;
    my @asked = defined $stage ? "dhcpd: netboot stage=$stage mac=$mac arch=" . ($arch // '') : ();
    return (@asked, $text =~ /: lease (\S+) has been allocated/ ? "dhcpd: DHCPACK on $1 to $mac via Kea" : ());
}

# dhcpd.conf's own lines have a byte without its leading zero.
sub plain_mac ($mac) { return join ':', map { sprintf '%02x', hex } split /:/, $mac }
