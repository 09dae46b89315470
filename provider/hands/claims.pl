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
    my (%claims, %lost, %successor);
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
                $lost{$other}{$claim} = 1;
                $successor{$other}{$id} = 1;
            }
        }
    }
    for my $other (keys %lost) {
        # With a file goes what was said of the daemon that reads it: its successor says that anew.
        my %said = map { (topic_of($_) => 1) } grep { length topic_of($_) } map { @{ $merged{$_}{ops} } } keys %{ $successor{$other} };
        $merged{$other} = { %{ $merged{$other} },
            ops => [grep { !$said{ topic_of($_) } && !grep { $lost{$other}{$_} } claims_of($_) } @{ $merged{$other}{ops} }] };
    }
    return \%merged;
}

# What an op says of a daemon, where only one resource can say it; empty for all others.
sub topic_of {
    my ($op) = @_;
    return "$op->[0] $op->[1]" if $op->[0] =~ /^(?:unit|listen|enabled)$/;
    return $op->[0] =~ /^(?:serve|tftpd|ntp|interface)$/ ? $op->[0] : '';
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
