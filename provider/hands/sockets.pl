# Interfaces and sockets, as the kernel has them, and whose they are.
package Netboot::Sockets;
use Netboot::Perl gives => qw(interfaces table_rows sockets_of owners_of is_of_one_unit);
use Netboot::Words qw(name_of);
use Netboot::Programs qw(run);
use Netboot::Files qw(slurp lines_of);

# Every interface: name → { index, mac }. Asked of the kernel by ip(8), because a container may see another one's /sys.
sub interfaces() {
    my (undef, $said) = run(['ip', '-o', 'link', 'show']);
    return {
        map { m{^(\d+): ([^:@]+)[:@].* link/\w+ ([0-9a-f:]+)} ? ($2 => { index => $1, mac => $3 }) : () }
            split /\n/, $said
    };
}

# The rows of a table of /proc/net, without its heading.
sub table_rows ($path) { my (undef, @rows) = map { [split ' '] } lines_of($path); return @rows }

# The inodes of a process's sockets.
sub sockets_of ($pid) {
    opendir my $folder, "/proc/$pid/fd" or return {};
    return { map { (readlink("/proc/$pid/fd/$_") // '') =~ /^socket:\[(\d+)\]$/ ? ($1 => 1) : () } readdir $folder };
}

# inode → the values that tell of the process that has it.
sub owners_of (@inodes) {
    my (%wanted, %owners);
    @wanted{@inodes} = ();
    for my $pid (@inodes ? map { name_of($_) } glob '/proc/[0-9]*' : ()) {
        for my $inode (grep { exists $wanted{$_} } keys sockets_of($pid)->%*) {
            my ($unit) = (slurp("/proc/$pid/cgroup") // '') =~ m{([^/\n]+\.(?:service|socket))$}m;
            my $program = (slurp("/proc/$pid/comm") // '') =~ s/\n//r;
            $owners{$inode} //= { pid => $pid, program => $program, unit => $unit };
        }
    }
    return \%owners;
}

# Whether two ports of udp are of one unit; one whose program runs in no unit may be of any.
sub is_of_one_unit ($known, $other) {
    my @rows = map { table_rows("/proc/net/$_") } 'udp', 'udp6';
    my ($its, $others) = map {
        my $port = sprintf ':%04X', $_;
        [map { $_->{unit} // '' } values owners_of(map { $_->[9] } grep { $_->[1] =~ /$port$/ } @rows)->%*]
    } $known, $other;
    return scalar grep { my $unit = $_; grep { $_ eq '' || $_ eq $unit } @$its } @$others;
}
