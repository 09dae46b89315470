# The register: what each resource of every stack wants of this host. A record is its generation and lines of words, of which only
# those of machines are understood here: they are many, they stay, and what only one of them may have is looked up where they are.

# A machine's line: node hostname address macs firmware loader proof blocks.
sub machine_of {
    my ($line) = @_;
    my (undef, $hostname, $address, $macs, $firmware, $loader, $proof, $blocks) = split / /, $line;
    return { hostname => $hostname, address => $address, macs => $macs, firmware => $firmware, loader => $loader,
        proof => decode($proof), blocks => $blocks, line => $line };
}

# id → { generation, head => [line, …], nodes => [line, …] }
sub load_register {
    my %register;
    opendir my $folder, $REGISTER or return \%register;
    for my $name (sort readdir $folder) {
        next if $name =~ /^\./;
        $register{ decode($name) } = parse_record(slurp("$REGISTER/$name") // '');
    }
    return \%register;
}

sub parse_record {
    my ($text) = @_;
    my ($first, @lines) = split /\n/, $text;
    my (undef, $generation) = split / /, $first // '';
    return { generation => $generation, head => [grep { !/^node / } @lines], nodes => [grep { /^node / } @lines] };
}

sub render_record {
    my ($record) = @_;
    return join '', map { "$_\n" } "generation $record->{generation}", @{ $record->{head} }, @{ $record->{nodes} };
}

# What only one machine may have, in the words of an error.
sub claims_of {
    my ($line) = @_;
    my (undef, $hostname, $address, $macs) = split / /, $line, 5;
    return ("the name \"$hostname\"", ($address eq '-' ? () : "the address $address"), map { "the MAC $_" } split /,/, $macs);
}

# The register with a request's machines in it: without what is dropped, and without machines of which another resource of the same
# stack takes something over. What two stacks, or two resources of one request, both want is told.
sub merge_register {
    my ($register, $puts, $drops) = @_;
    my (%claimed, @clashes);
    for my $id (sort keys %$puts) {
        for my $claim (map { claims_of($_) } @{ $puts->{$id}{nodes} }) {
            my $other = $claimed{$claim} //= $id;
            push @clashes, [$claim, $id, $other] if $other ne $id;
        }
    }
    my %merged = %$puts;
    for my $id (grep { !$puts->{$_} } sort keys %$register) {
        my $record = $register->{$id};
        # A resource that was made anew since then is not ours to drop.
        next if defined $drops->{$id} && $drops->{$id} eq $record->{generation};
        my @lost;
        if (%claimed) {
            for my $line (@{ $record->{nodes} }) {
                my @taken = grep { defined $claimed{$_} } claims_of($line) or next;
                push @lost, $line;
                push @clashes, map { [$_, $claimed{$_}, $id] } grep { stack_of($claimed{$_}) ne stack_of($id) } @taken;
            }
        }
        my %lost = map { ($_ => 1) } @lost;
        $merged{$id} = @lost ? { %$record, nodes => [grep { !$lost{$_} } @{ $record->{nodes} }] } : $record;
    }
    return (\%merged, @clashes);
}

# ---- What is joined from the machines of all records ----

sub all_machines {
    my ($register) = @_;
    return map { my $id = $_; map { { id => $id, %{ machine_of($_) } } } @{ $register->{$id}{nodes} } } sort keys %$register;
}

# "name.domain name", or the name alone.
sub names_of { my ($hostname, $domain) = @_; return $domain eq '' || $hostname =~ /\./ ? $hostname : "$hostname.$domain $hostname" }

# A file that holds something of every machine: its blocks below their resource's id, or its names in the order of the addresses.
sub join_machines {
    my ($register, $join) = @_;
    my $text = $join->{before};
    if ($join->{of} eq 'blocks') {
        for my $id (grep { @{ $register->{$_}{nodes} } } sort keys %$register) {
            $text .= "\n# $id\n" . join '', map { decode((split / /)[7]) } @{ $register->{$id}{nodes} };
        }
        return $text;
    }
    my @named = map { [inet_aton($_->{address}), $_] } grep { $_->{address} ne '-' } all_machines($register);
    return join '', $text, (map { "$_->[1]{address} " . names_of($_->[1]{hostname}, $join->{domain}) . "\n" }
        sort { $a->[0] cmp $b->[0] || $a->[1]{hostname} cmp $b->[1]{hostname} } @named), $join->{after};
}

# A marked block in a file of somebody else's. Around it every byte stays, also the lack of a newline at the end of the file.
sub block_pattern {
    my ($join) = @_;
    my ($begin, $end) = map { quotemeta } $join->{begin}, $join->{end};
    return qr/^$begin\n(?:(?!$begin$).*\n)*?$end(\n|\z)/m;
}

sub with_block {
    my ($text, $join, $block) = @_;
    my $pattern = block_pattern($join);
    return $text if $text =~ s/$pattern/$block$1/;
    return $text eq '' || $text =~ /\n\z/ ? "$text$block\n" : "$text\n$block";
}

sub without_block {
    my ($text, $join) = @_;
    my $pattern = block_pattern($join);
    $text =~ s/(\n?)$pattern/length $2 ? "$1" : ''/e;
    return $text;
}

# What a joined path should hold, as the register is; undefined where nothing of ours is left in the file.
sub joined_content {
    my ($register, $join) = @_;
    return $join->{is} eq 'gone' ? undef : join_machines($register, $join) unless defined $join->{begin};
    my $current = slurp($join->{path}) // '';
    my $text = $join->{is} eq 'gone' ? without_block($current, $join)
        : with_block($current, $join, "$join->{begin}\n" . join_machines($register, $join) . $join->{end});
    return $text eq '' ? undef : $text;
}
