# What must be true before anything is touched.

sub check_machine {
    my ($expected) = @_;
    my ($seen) = split ' ', slurp('/etc/machine-id') // '';
    output('-', 'machine', substr $seen, 0, 12);
    return if !defined $expected || $expected eq substr $seen, 0, length $expected;
    refuse('OTHER_MACHINE', '-', "this is another machine than the one these resources were made on (machine-id $seen, not"
          . " $expected…); declare a new server for it, or replace the old one with --target-replace");
}

# Every interface: name → { index, mac }. Asked of the kernel by ip(8), because a container may see another one's /sys.
sub interfaces {
    my (undef, $said) = run(['ip', '-o', 'link', 'show']);
    return { map { m{^(\d+): ([^:@]+)[:@].* link/\w+ ([0-9a-f:]+)} ? ($2 => { index => $1, mac => $3 }) : () } split /\n/, $said };
}

sub slurp_proc { my ($path) = @_; open my $in, '<', $path or return ''; local $/; return <$in> // '' }

# The interface by its name, for "name:eno2" or "mac:52:54:…"; refused when it is none, has not the address, or leads outside.
sub check_interface {
    my ($id, $wanted, $address, $prefix, $public_allowed) = @_;
    my ($by, $value) = split /:/, $wanted, 2;
    my $links = interfaces();
    my @found = grep { $by eq 'name' ? $_ eq $value : $links->{$_}{mac} eq $value } sort keys %$links;
    my $present = join ', ', map { "$_ ($links->{$_}{mac})" } grep { $_ ne 'lo' } sort keys %$links;
    refuse('INTERFACE_UNFIT', $id, "network.interface: there is no interface " . ($by eq 'name' ? "\"$value\"" : "with the MAC $value")
          . "; this host has $present") unless @found;
    # A bond and its members, or a bridge and its ports, can share one MAC; the one that has the address is meant.
    my %addresses;
    for my $name (@found) {
        my (undef, $said) = run(['ip', '-4', '-o', 'address', 'show', 'dev', $name]);
        $addresses{$name} = [$said =~ m{ inet ([0-9.]+/[0-9]+)}g];
    }
    my ($name) = grep { my $each = $_; grep { $_ eq "$address/$prefix" } @{ $addresses{$each} } } @found;
    if (!defined $name) {
        my $has = join ', ', map { @{ $addresses{$_} } } @found;
        refuse('INTERFACE_UNFIT', $id, "network.address: $found[0] has not the address $address/$prefix"
              . (length $has ? "; it has $has" : '; it has no IPv4 address') . "; give it the address in the host's own network"
              . " configuration, or correct network.interface, network.address or network.cidr");
    }
    my (undef, $routes) = run(['ip', '-4', '-o', 'route', 'show', 'default']);
    refuse('INTERFACE_UNFIT', $id, "network.interface: $name carries the default route, so it looks like the public side; only the"
          . ' private network may be served. Correct network.interface, or give the server allowDefaultRoute: true if node 0 has no other side')
        if !$public_allowed && $routes =~ /\bdev \Q$name\E\b/;
    return $name;
}
