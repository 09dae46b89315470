# Units: their state, and whether their main process holds the sockets that one expects of it.

sub unit_state {
    my ($unit) = @_;
    my (undef, $said) = run(['systemctl', 'show', '-p', 'ActiveState,SubState,MainPID,NRestarts', '--', $unit]);
    return { map { /^(\w+)=(.*)$/ ? ($1 => $2) : () } split /\n/, $said };
}

# "packet eno2", "udp 192.168.1.1 69", "tcp 192.168.1.1 53".
sub listens {
    my ($pid, $socket) = @_;
    my ($how, $where, $port) = split / /, $socket;
    my $inodes = sockets_of($pid);
    if ($how eq 'packet') {
        my $index = interfaces()->{$where}{index} // '';
        return scalar grep { $_->[4] eq $index && $inodes->{ $_->[8] } } table_rows('/proc/net/packet');
    }
    my $local = sprintf '%08X:%04X', unpack('V', inet_aton($where)), $port;
    return scalar grep { $_->[1] eq $local && $inodes->{ $_->[9] } && ($how eq 'udp' || $_->[3] eq '0A') } table_rows("/proc/net/$how");
}

# Waits until a unit serves, for as long as it may still come up. Otherwise how it is, and the end of what it said.
sub await_unit {
    my ($unit, @sockets) = @_;
    my $end = uptime() + 15;
    my ($restarts, $state);
    while (1) {
        $state = unit_state($unit);
        $restarts //= $state->{NRestarts};
        my $up = $state->{ActiveState} eq 'active' && $state->{SubState} eq 'running' && $state->{MainPID};
        return undef if $up && !grep { !listens($state->{MainPID}, $_) } @sockets;
        last if uptime() >= $end || $state->{ActiveState} eq 'failed' || $state->{SubState} eq 'auto-restart' || $state->{NRestarts} ne $restarts;
        select undef, undef, undef, 0.02;
    }
    my (undef, $said) = run(['journalctl', '--no-pager', '-q', '-o', 'cat', '-n', '40', '-u', $unit]);
    return { active => $state->{ActiveState}, sub => $state->{SubState}, said => $said };
}
