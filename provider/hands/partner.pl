# A DHCP server with a partner, of which one answers at a time: Kea's hook for high availability, by its control socket.
package Netboot::Partner;
use Netboot::Perl gives => qw(while_it_answers refuses);
use Errno ();
use IO::Select ();
use IO::Socket::INET ();
use IO::Socket::UNIX ();
use Netboot::Programs qw(beside pause uptime);

# Does something when this server has come to answer, or to stand by; one that stands by is let answer meanwhile, and
# stands by again, also if this process dies. It is done anew where something else had it stand by before the end: it
# read its configuration, its partner came back, or another one who asks was done. Answers its state.
sub while_it_answers ($control, $partner, $work) {
    my ($state, $stands_by, $is_silent);
    for (1 .. 3) {
        ($state, $stands_by) = settled($control);
        my ($guard, $until, $open);
        if ($stands_by && pipe $until, $open) {
            # Where we are killed, systemd ends with us what we have started.
            local $SIG{TERM} = 'IGNORE';
            $guard = beside(sub { close $open; sysread $until, my $end, 1; serve($control) });
            serve($control, $partner);
        }
        $work->();
        (undef, $is_silent) = settled($control);
        close $open if $open;
        $guard ? waitpid $guard, 0 : serve($control) if $stands_by;
        last unless $is_silent;
    }
    return $state;
}

# Its state, when it has settled or 15 s are over, and whether it stands by; nothing of one that has no partner.
sub settled ($control) {
    my $end = uptime() + 15;
    while (1) {
        my $said = said_by($control, 'status-get');
        my ($scopes, $state) = $said =~ /"local": \{[^}]*"scopes": \[([^\]]*)\][^}]*"state": "([\w-]+)"/;
        my ($age) = $said =~ /"remote": \{ "age": (\d+)/;
        return if length $said && !defined $state;
        # A partner that is not heard of is either dead, of which it is sure soon, or back in a moment.
        my $is_settled = ($state // '') eq 'hot-standby' && !$age || ($state // '') =~ /^(?:partner-down|terminated)$/;
        return ($state // 'silent', ($state // '') eq 'hot-standby' && $scopes !~ /"/)
            if $is_settled || uptime() >= $end;
        pause(0.05);
    }
}

# Whose machines it answers now.
sub serve ($control, @servers) {
    my $scopes = join ', ', map { qq("$_") } @servers;
    return said_by($control, 'ha-scopes', qq(, "service": ["dhcp4"], "arguments": {"scopes": [$scopes]}));
}

# Whether nobody listens there: a partner that has yet to be one.
sub refuses ($address, $port) {
    return 0 if IO::Socket::INET->new(PeerAddr => $address, PeerPort => $port, Timeout => 2);
    return $!{ECONNREFUSED} ? 1 : 0;
}

sub said_by ($control, $command, $more = '') {
    local $SIG{PIPE} = 'IGNORE';
    my $server = IO::Socket::UNIX->new($control) or return '';
    syswrite $server, qq({"command": "$command"$more});
    shutdown $server, 1;
    my ($said, $end, $select) = ('', uptime() + 10, IO::Select->new($server));
    while (uptime() < $end) {
        next unless $select->can_read(1);
        sysread $server, $said, 65536, length $said or last;
    }
    return $said;
}
