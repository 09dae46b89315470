# Daemons: their own checkers, their state, what they listen on.

sub check_dhcpd {
    my ($staged, $candidate) = @_;
    return unless $staged->{$DHCPD} || $staged->{$HOSTS};
    my $main = slurp($staged->{$DHCPD} // $DHCPD) // return;
    my $hosts = $staged->{$HOSTS} // $HOSTS;
    $main =~ s{^(\s*include\s+)"\Q$HOSTS\E"}{$1"$hosts"}m;
    # Beside the real one, because Debian's AppArmor profile lets dhcpd read nothing outside /etc/dhcp.
    write_new($candidate, $main, 0644, 0, 0);
    my ($status, $said) = run(['dhcpd', '-t', '-4', '-cf', $candidate]);
    unlink $candidate;
    return if $status == 0;
    $said =~ s/\Q$candidate\E/$DHCPD/g;
    $said =~ s/\Q$hosts\E/$HOSTS/g;
    # Between its banner and its advice on bugs stands what it has to say.
    my @words = grep { !/^(Internet Systems|Copyright|All rights|For info|Config file:|Database file:|PID file:)/ } split /\n/, $said =~ s/^(Configuration file errors|If you think you have received).*//msr;
    refuse('CONFIG_REFUSED', '-', "dhcpd refused the new configuration; nothing was changed, and node 0 serves what it served.\n"
          . join("\n", map { "  $_" } @words));
}

sub unit_state {
    my ($unit) = @_;
    my (undef, $said) = run(['systemctl', 'show', '-p', 'ActiveState,SubState,MainPID,NRestarts,InvocationID', '--', $unit]);
    return { map { /^(\w+)=(.*)$/ ? ($1 => $2) : () } split /\n/, $said };
}

sub sockets_of {
    my ($pid) = @_;
    my %inodes;
    opendir my $folder, "/proc/$pid/fd" or return \%inodes;
    for my $fd (readdir $folder) { my $target = readlink "/proc/$pid/fd/$fd"; $inodes{$1} = 1 if defined $target && $target =~ /^socket:\[(\d+)\]$/ }
    return \%inodes;
}

sub table_rows { my ($path) = @_; my @rows = map { [split ' '] } split /\n/, slurp_proc($path); shift @rows; return @rows }

# Whether the main process of a unit holds the socket that an operator would expect.
sub listens {
    my ($pid, $how, @what) = @_;
    my $inodes = sockets_of($pid);
    if ($how eq 'packet') {
        my $index = interfaces()->{ $what[0] }{index} // '';
        return scalar grep { $_->[4] eq $index && $inodes->{ $_->[8] } } table_rows('/proc/net/packet');
    }
    my $local = sprintf '%08X:%04X', unpack('V', inet_aton($what[0])), $what[1];
    # Of tcp only what listens (state 0A), not its connections.
    return scalar grep { $_->[1] eq $local && $inodes->{ $_->[9] } && ($how eq 'udp' || $_->[3] eq '0A') } table_rows("/proc/net/$how");
}

sub last_words {
    my ($unit, $invocation) = @_;
    my (undef, $said) = run(['journalctl', '--no-pager', '-q', '-o', 'cat', '-n', '40', '-u', $unit]);
    my @lines = grep { length && !/^(Started|Starting|Stopped|Stopping|Internet Systems Consortium|Copyright|All rights|For info)/ } split /\n/, $said;
    splice @lines, 0, @lines - 12 if @lines > 12;
    return join "\n", map { "  $_" } @lines;
}

# Waits until the unit serves, for as long as it may still come up; otherwise says why it does not, in its own words.
sub await_unit {
    my ($id, $unit, @listens) = @_;
    my $end = uptime() + 15;
    my ($before, $state);
    while (1) {
        $state = unit_state($unit);
        $before //= $state->{NRestarts};
        my $up = $state->{ActiveState} eq 'active' && $state->{SubState} eq 'running' && $state->{MainPID};
        return if $up && !grep { !listens($state->{MainPID}, @$_) } @listens;
        last if uptime() >= $end || $state->{ActiveState} eq 'failed' || $state->{SubState} eq 'auto-restart' || $state->{NRestarts} ne $before;
        select undef, undef, undef, 0.02;
    }
    my $why = $state->{ActiveState} eq 'active' ? 'runs but does not listen on ' . join ' and ', map { join ' ', @$_ } @listens : "does not stay up ($state->{ActiveState}, $state->{SubState})";
    refuse('NOT_SERVING', $id, "$unit $why; it said:\n" . last_words($unit));
}
