# Units: their state, and whether their main process holds the sockets that one expects of it.
package Netboot::Units;
use Netboot::Perl gives => qw(systemctl unit_state unit_log await_unit);
use Socket qw(inet_aton);
use Netboot::Programs qw(run uptime pause);
use Netboot::Sockets qw(interfaces sockets_of table_rows);

sub systemctl (@words) { return run(['systemctl', @words]) }

sub unit_state ($unit) {
    my (undef, $said) = systemctl('show', '-p', 'ActiveState,SubState,MainPID,NRestarts', '--', $unit);
    return { map { /^(\w+)=(.*)$/ ? ($1 => $2) : () } split /\n/, $said };
}

# The end of what it said.
sub unit_log ($unit) { return (run(['journalctl', '--no-pager', '-q', '-o', 'cat', '-n', '40', '-u', $unit]))[1] }

# "packet eno2", "udp 192.168.1.1 69", "tcp 192.168.1.1 53".
sub listens ($pid, $socket) {
    my ($how, $where, $port) = split / /, $socket;
    my $inodes = sockets_of($pid);
    if ($how eq 'packet') {
        my $index = interfaces()->{$where}{index} // '';
        return scalar grep { $_->[4] eq $index && $inodes->{ $_->[8] } } table_rows('/proc/net/packet');
    }
    my $local = sprintf '%08X:%04X', unpack('V', inet_aton($where)), $port;
    return
        scalar grep { $_->[1] eq $local && $inodes->{ $_->[9] } && ($how eq 'udp' || $_->[3] eq '0A') }
        table_rows("/proc/net/$how");
}

# Waits until a unit serves, for as long as it may still come up. Otherwise how it is, and the end of what it said.
sub await_unit ($unit, @sockets) {
    my $end = uptime() + 15;
    my $restarts;
    while (1) {
        my $state = unit_state($unit);
        my ($active, $sub, $pid) = $state->@{qw(ActiveState SubState MainPID)};
        $restarts //= $state->{NRestarts};
        return undef if $active eq 'active' && $sub eq 'running' && $pid && !grep { !listens($pid, $_) } @sockets;
        my $has_failed = $active eq 'failed' || $sub eq 'auto-restart' || $state->{NRestarts} ne $restarts;
        return { active => $active, sub => $sub, said => unit_log($unit) } if $has_failed || uptime() >= $end;
        pause(0.02);
    }
}
