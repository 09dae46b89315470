# The proof: node 0 shows that it serves what this transaction touched.

my %ARCH = (x64 => 7, ia32 => 6);

sub prove_nodes {
    my ($register, $puts, $before) = @_;
    my ($server) = all_ops($register, 'serve') or return;
    my (undef, $interface, $next, undef, %loader) = @{ $server->[1] };
    my @questions;
    # Of a large fleet those that are new or changed, and one of each chain; the others were asked when they were.
    my %known = map { (join(' ', @{ $_->[1] }) => 1) } all_ops($before, 'node');
    my %asked;
    for my $id (sort keys %$puts) {
        my $many = ops_of($puts->{$id}, 'node') > 1;
        for my $op (ops_of($puts->{$id}, 'node')) {
            my (undef, $hostname, $wanted, $macs, $firmware, $own_loader, $proof) = @$op;
            my $loader = $own_loader eq '-' ? $loader{$firmware} // '' : $own_loader;
            if ($proof eq '-') { output($id, 'verified', 'not asked: verify is false'); next }
            next if $asked{"$firmware $loader"}++ && $many && $known{ join ' ', @$op };
            for my $mac (split /,/, $macs) {
                push @questions,
                    { id => $id, hostname => $hostname, mac => $mac, arch => $ARCH{$firmware}, ipxe => 0, address => $wanted, file => $loader, next => $next },
                    { id => $id, hostname => $hostname, mac => $mac, arch => $ARCH{$firmware}, ipxe => 1, address => $wanted, file => $loader{script}, next => $next };
            }
        }
    }
    return unless @questions;
    ask_dhcp($interface, @questions);
    my %seen;
    for my $ask (@questions) {
        my ($offer, $who) = ($ask->{offer}, ($ask->{ipxe} ? 'iPXE' : 'the firmware') . " of $ask->{hostname} ($ask->{mac})");
        refuse('NOT_SERVING', $ask->{id}, "$who asked by DHCP on $interface and got no answer") unless $offer;
        refuse('NOT_SERVING', $ask->{id}, "$who was offered the address $offer->{address}, not $ask->{address}, by $offer->{from}")
            if $ask->{address} ne '-' && $offer->{address} ne $ask->{address};
        refuse('NOT_SERVING', $ask->{id}, "$who was told the file \"$offer->{file}\", not \"$ask->{file}\", by $offer->{from}") if $offer->{file} ne $ask->{file};
        refuse('NOT_SERVING', $ask->{id}, "$who was sent to the boot server $offer->{next}, not $ask->{next}, by $offer->{from}") if $offer->{next} ne $ask->{next};
        $seen{ $ask->{id} } = $ask->{file} unless $ask->{ipxe};
    }
    for my $id (sort keys %seen) {
        my @nodes = ops_of($puts->{$id}, 'node');
        my $macs = map { split /,/, $_->[3] } @nodes;
        my $text = @nodes == 1 ? ($nodes[0][2] eq '-' ? 'an address of the pool' : $nodes[0][2]) . ", $seen{$id}, then $loader{script}"
            : 'their addresses and files to ' . scalar(@nodes) . ' machines';
        output($id, 'verified', "DHCP offered $text ($macs MAC" . ($macs == 1 ? '' : 's') . ')');
    }
    return;
}

sub prove_files {
    my ($register, $paths) = @_;
    my ($server) = all_ops($register, 'tftpd') or return;
    my (undef, $address, $folder) = @{ $server->[1] };
    for my $found (all_ops($register, 'file')) {
        my ($id, $op) = @$found;
        my (undef, $path, undef, $sha256) = @$op;
        next unless $paths->{$path} && index($path, "$folder/") == 0;
        my $name = substr $path, 1 + length $folder;
        my $content = eval { fetch_tftp($address, $name) };
        refuse('NOT_SERVING', $id, "$name could not be fetched by TFTP from $address: " . ($@ =~ s/\n//r)) unless defined $content;
        refuse('NOT_SERVING', $id, "TFTP served another $name than $path (sha256 " . sha256_text($content) . ", not $sha256)") if sha256_text($content) ne $sha256;
    }
    return;
}
