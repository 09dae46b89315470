# Who booted: what node 0's log says of machines that asked, and which files they were given.

# All that this host knows: the lines of its log, the machines of all stacks, and the boot files as they are.
sub tell_history {
    my ($request, $register) = @_;
    output('-', 'log', log_of_boots($register, $request->{since}));
    output('-', 'files', boot_files_now($register));
    output('-', 'machines', join "\n", map { my ($id, $op) = @$_; join ' ', encode($id), $op->[1], $op->[3] } all_ops($register, 'node'));
    return;
}

# The same for one machine.
sub tell_boots_of {
    my ($id, $register) = @_;
    my %macs = map { (plain_mac($_) => 1) } map { split /,/, $_->[3] } ops_of($register->{$id}, 'node');
    output($id, 'log', log_of_boots($register, '-30d', \%macs));
    output($id, 'files', boot_files_now($register));
    return;
}

my $MOST_LINES = 200_000;

# The lines of dhcpd, in.tftpd and this agent that tell of boots, each after its second; of machines with these MACs, if some are
# given. What the proof itself asked is left out: its questions carry a mark that keeps them out of dhcpd.conf's lines, and its
# requests for files come from node 0. So are the renewals of leases, of which a fleet makes thousands a day.
sub log_of_boots {
    my ($register, $since, $macs) = @_;
    my ($tftp) = all_ops($register, 'tftpd');
    my $own = $tftp ? $tftp->[1][1] : '';
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

sub boot_files_now {
    my ($register) = @_;
    my ($tftp) = all_ops($register, 'tftpd') or return '';
    my $folder = $tftp->[1][2];
    return join "\n", map {
        my $path = $_->[1][1];
        my ($content, $since) = index($path, "$folder/") == 0 ? (slurp($path), (stat $path)[10]) : ();
        defined $content && defined $since ? join(' ', substr($path, 1 + length $folder), $since, sha256_text($content)) : ();
    } all_ops($register, 'file');
}

# What is served from now on, in the log that tells who boots: so that a boot can be told with what it was given.
sub log_served {
    my ($register, @changed) = @_;
    my ($tftp) = all_ops($register, 'tftpd') or return;
    my $folder = $tftp->[1][2];
    for my $path (grep { index($_, "$folder/") == 0 } @changed) {
        my $sum = recorded_sum($register, $path) or next;
        run(['logger', '-t', 'pulumi-netboot', '-p', 'daemon.info', '--', 'serves ' . substr($path, 1 + length $folder) . " sha256:$sum"]);
    }
    return;
}
