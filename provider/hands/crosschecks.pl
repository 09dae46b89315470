# Cross checks: before anything is swapped, whether the chains of the machines hold together in what would be served then.

# For every machine that this transaction puts, and one of each other chain: the files that DHCP and the script would name,
# their kind, who may read them, and what lies beside them. $staged_at tells where the next content of a path is.
sub check_chains {
    my ($register, $merged, $puts, $changed, $staged_at) = @_;
    return unless %$puts;
    my ($server) = all_ops($merged, 'serve') or return;
    my ($tftp) = all_ops($merged, 'tftpd') or return;
    my (undef, $address, $folder) = @{ $tftp->[1] };
    my (undef, undef, $next, undef, %loader) = @{ $server->[1] };
    return unless $next eq $address;
    check_pool($merged, $puts, $server, $staged_at);
    return unless grep({ ops_of($_, 'node') } values %$puts) || grep { $_ eq $DHCPD || index($_, "$folder/") == 0 } keys %$changed;
    my %good = map { $_ => 1 } split /\n/, slurp($PROVED) // '';
    my %files = (get => sub { file_for_tftp($folder, $_[0], $staged_at) });
    for my $machine (machines_to_ask($merged, $puts, $register, $server)) {
        my ($id, $op, $stands, $chain, $before) = @$machine;
        my (undef, $hostname, undef, undef, $firmware) = @$op;
        my ($own) = $chain =~ / (.*)/;
        for my $ask ({ ipxe => 0, file => $own }, { ipxe => 1, file => $loader{script} }) {
            my $why = why_no_file($merged, { %$ask, next => $next, arch => $ARCH{$firmware} }, \%files) or next;
            my $is_ours = $changed->{ $why->{by} } || $changed->{ $why->{besides} // '' };
            next if $stands && !is_undone(\%good, $chain, $before, $is_ours, $changed->{$DHCPD});
            my $whose = $stands ? " ($id, which stands for all machines with this chain)" : '';
            refuse('NOT_SERVING', $stands ? '-' : $id, "$why->{text}$whose; $hostname would not boot. Nothing was changed, and node 0 serves what it served");
        }
    }
    return;
}

# A file of the TFTP root as in.tftpd would give it to a machine: a regular one inside the root that everybody may read.
sub file_for_tftp {
    my ($folder, $name, $staged_at) = @_;
    my $path = $staged_at->("$folder/$name") // die "File not found\n";
    for my $hop (1 .. 8) {
        lstat $path or die "File not found\n";
        last unless -l _;
        my $target = readlink $path;
        die "it is a link out of $folder, to $target\n" if $target =~ m{^/|(?:^|/)\.\.(?:/|$)};
        $path = folder_of($path) . "/$target";
    }
    die "it is no regular file\n" unless -f _;
    die sprintf("the user tftp may not read it (mode %04o)\n", (stat _)[2] & 07777) unless (stat _)[2] & 04;
    return slurp($path) // die "it can't be read: $!\n";
}

# What lies in the TFTP root and would come in between: a script that iPXE runs before the one that it is told, and a name
# that iPXE, whose own file system knows no case, takes for one of the chain's.
sub why_not_alone {
    my ($register, $folder, @names) = @_;
    my %declared = map { ($_->[1][1] => 1) } all_ops($register, 'file');
    opendir my $handle, $folder or return undef;
    for my $found (sort readdir $handle) {
        next if $declared{"$folder/$found"};
        return { text => "$folder/$found is there, which newer iPXE runs before the script that DHCP names; take it away, or declare it as a BootFile", by => 'somebody' } if $found eq 'autoexec.ipxe';
        my ($same) = grep { lc $_ eq lc $found && $_ ne $found } @names or next;
        # The script is the first of the names: it may be what named the other one just now.
        return { text => "$folder/$found is there beside $same, and iPXE knows no case; take it away", by => 'somebody', besides => "$folder/$names[0]" };
    }
    return undef;
}

# Machines without an address of their own, of all stacks, need one of the pool each. Those of the server's own stack that are not
# in this transaction may be about to get one, or to go, later in the same run.
sub check_pool {
    my ($merged, $puts, $server, $staged_at) = @_;
    my @pooled = grep { $_->[1][2] eq '-' && ($puts->{ $_->[0] } || stack_of($_->[0]) ne stack_of($server->[0])) } all_ops($merged, 'node');
    my ($mine) = grep { $puts->{ $_->[0] } } @pooled, $server;
    return unless @pooled && $mine;
    my ($size, $text) = (0, slurp($staged_at->($DHCPD) // $DHCPD) // '');
    $size += number_of($2) - number_of($1) + 1 while $text =~ /^\s*range (\S+) (\S+);/mg;
    return if @pooled <= $size;
    refuse('CLASH', $mine->[0], scalar(@pooled) . " machines have no address of their own, and the pool has $size: " . join(', ', map { "$_->[1][1] ($_->[0])" } @pooled[0 .. ($#pooled < 9 ? $#pooled : 9)])
          . '; give some of them an address, or make the pool larger. Nothing was changed');
}

# dhcpd says nothing of a machine whose address lies in the pool, and may give that address to another one.
sub check_pooled_addresses {
    my ($merged, $puts, $contents) = @_;
    my ($server) = all_ops($merged, 'serve') or return;
    my $id = $server->[0];
    my $text = $contents->{$DHCPD} // slurp($DHCPD) // '';
    my @ranges = map { [map { number_of($_) } split ' '] } $text =~ /^\s*range (\S+ \S+);/mg or return;
    my @others;
    for my $found (all_ops($merged, 'node')) {
        my ($node, $op) = @$found;
        my (undef, $name, $address) = @$op;
        next if $address eq '-';
        my $number = number_of($address);
        next unless grep { $number >= $_->[0] && $number <= $_->[1] } @ranges;
        refuse('CLASH', $node, "$name: $address lies in the pool of $id, whose addresses go to other machines; take one outside it. Node 0 is as it was") if $puts->{$node};
        push @others, "$name ($address, $node)" if $puts->{$id} && stack_of($node) ne stack_of($id);
    }
    refuse('IN_USE', $id, 'machines of other stacks have addresses in the new pool: ' . join(', ', @others) . '; move them first. Node 0 is as it was') if @others;
    return;
}
