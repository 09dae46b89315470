# The new register: what was put before, without what is dropped, with what is put now.

sub merge_register {
    my ($register, $request) = @_;
    my %merged = %$register;
    for my $id (keys %{ $request->{drop} }) {
        next unless $merged{$id};
        # A resource that was made anew since then is not ours to drop.
        delete $merged{$id} if $merged{$id}{generation} eq $request->{drop}{$id};
    }
    $merged{$_} = $request->{put}{$_} for keys %{ $request->{put} };

    # Whoever wrote last within one stack takes over; between two stacks it is a clash.
    my %claims;
    for my $id (sort { !!$request->{put}{$a} <=> !!$request->{put}{$b} || $a cmp $b } keys %merged) {
        for my $op (@{ $merged{$id}{ops} }) {
            for my $claim (claims_of($op)) {
                my $other = $claims{$claim};
                $claims{$claim} = $id;
                next if !defined $other || $other eq $id;
                my $mine = $request->{put}{$id};
                next unless $mine || $request->{put}{$other};
                refuse('CLASH', $id, "$claim belongs to $other already; take it out of one of the two programs. Node 0 is as it was")
                    if stack_of($other) ne stack_of($id) || $request->{put}{$other};
                $merged{$other} = { %{ $merged{$other} },
                    ops => [grep { my $each = $_; !grep { $_ eq $claim } claims_of($each) } @{ $merged{$other}{ops} }] };
            }
        }
    }
    return \%merged;
}

# What only one resource may have, in the words of an error.
sub claims_of {
    my ($op) = @_;
    my ($word, @rest) = @$op;
    return ("the file $rest[0]") if $word eq 'file' || $word eq 'link';
    return ('the name server') if $word eq 'names';
    return () unless $word eq 'node';
    my ($hostname, $address, $macs) = @rest;
    return ("the name \"$hostname\"", ($address eq '-' ? () : "the address $address"), map { "the MAC $_" } split /,/, $macs);
}

sub render_hosts {
    my ($register) = @_;
    my $text = "# Written by pulumi-netboot: the machines of every stack that declares some on this node 0.\n";
    for my $id (sort keys %$register) {
        my @nodes = ops_of($register->{$id}, 'node') or next;
        $text .= "\n# $id\n" . join '', map { $_->[-1] } @nodes;
    }
    return $text;
}
