# Who booted: what node 0's log says of machines that asked.

# The lines of the log since a time, of all machines or of those of one resource.
sub answer_boots {
    my ($question, $register) = @_;
    my $of = $question->{of};
    my $macs = defined $of ? { map { (plain_mac($_) => 1) } map { split /,/, machine_of($_)->{macs} } @{ ($register->{$of} // {})->{nodes} // [] } } : undef;
    tell_client('boots', key => $question->{key}, log => log_of_boots(held_word($register, 'tftpd', 1) // '', $question->{since}, $macs));
    return '';
}

# Every machine that is declared, with its MACs.
sub answer_roster {
    my ($question, $register) = @_;
    tell_client('roster', key => $question->{key}, machines => join "\n", map { join ' ', encode($_->{id}), $_->{hostname}, $_->{macs} } all_machines($register));
    return '';
}

my $MOST_LINES = 200_000;

# The lines of dhcpd, in.tftpd and this agent that tell of boots, each after its second; of machines with these MACs, if some are
# given. What the proof itself asked is left out: its questions carry a mark that keeps them out of dhcpd.conf's lines, and its
# requests for files come from node 0. So are the renewals of leases, of which a fleet makes thousands a day.
sub log_of_boots {
    my ($own, $since, $macs) = @_;
    my (@lines, %mac_at, %boots);
    open my $log, '-|', 'journalctl', '--quiet', '--no-pager', '--output=short-unix', "--since=$since", '-t', 'dhcpd', '-t', 'in.tftpd', '-t', 'pulumi-netboot' or return '';
    while (my $line = <$log>) {
        my ($at, $text) = $line =~ /^(\d+\.\d+) \S+ ((?:dhcpd|in\.tftpd|pulumi-netboot)(?:\[\d+\])?: .*)/ or next;
        if ($text =~ /: netboot stage=\w+ mac=([0-9a-f:]+)/) {
            my $mac = plain_mac($1);
            next if $macs && !$macs->{$mac};
            $boots{$mac} = 1;
        }
        elsif ($text =~ /: DHCPACK on (\S+) to ([0-9a-f:]+)/) {
            my ($address, $mac) = ($1, $2);
            if ($macs && !$macs->{$mac}) { delete $mac_at{$address}; next }
            $mac_at{$address} = $mac;
            next unless delete $boots{$mac};
        }
        elsif ($text =~ /: DHCPDISCOVER from ([0-9a-f:]+) .*: (?:no free leases|unknown client)/) { next if $1 =~ /^02:6e:62:/ || $macs && !$macs->{$1} }
        elsif ($text =~ /: RRQ from (\S+) filename |: sending NAK \(.*\) to (\S+)/) {
            my $address = $1 // $2;
            next if $address eq $own;
            my $mac = $mac_at{$address};
            next if $macs && !defined $mac;
            $boots{$mac} = 1 if defined $mac;
        }
        else { next unless $text =~ /: serves \S+ sha256:/ }
        push @lines, "$at $text";
        shift @lines if @lines > $MOST_LINES;
    }
    close $log;
    return join "\n", @lines;
}

# dhcpd.conf's own lines have a byte without its leading zero.
sub plain_mac { return join ':', map { sprintf '%02x', hex } split /:/, $_[0] }
