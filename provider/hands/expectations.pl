# Expectations: what must be seen after a change. Each is asked and compared here; what is right, and whether a wrong answer undoes
# the change or is only told, was decided before.

# The client's lines, one after another, until one that undoes fails. Answers whether all that could undo is well, and the chains that
# failed. `touched` has the paths, units and the firewall that this change touched.
sub meet_expectations {
    my ($lines, $touched, $machines) = @_;
    my (%failed, %fetched);
    for my $line (grep { is_due($_, $touched) } @$lines) {
        my @wrong = see($line, $touched, $machines, \%fetched);
        for my $wrong (@wrong) {
            my $undoes = !$wrong->{late} && undoes($wrong, $line, $touched) ? 1 : 0;
            $failed{ $wrong->{chain} } = 1 if defined $wrong->{chain};
            tell_client('wrong', %$wrong, n => $line->{n}, undoes => $undoes);
            return (0, \%failed) if $undoes;
        }
    }
    return (1, \%failed);
}

sub see {
    my ($line, $touched, $machines, $fetched) = @_;
    return see_dhcp($line, $machines) if $line->{ask} eq 'dhcp';
    my $wrong = { unit => \&see_unit, tftp => \&see_file, ntp => \&see_time, dns => \&see_name, run => \&see_run, heads => \&see_heads }->{ $line->{ask} }->($line, $fetched) // return;
    return { chain => $line->{chain}, %$wrong };
}

# An entry of a list that ends in "*" stands for all that begins so.
sub touches {
    my ($touched, @names) = @_;
    return scalar grep { my $name = $_; $name =~ s/\*$// ? grep { index($_, $name) == 0 } keys %$touched : $touched->{$name} } @names;
}

sub is_due { my ($line, $touched) = @_; return !defined $line->{if} || touches($touched, parts_of($line->{if})) }

sub undoes {
    my ($wrong, $line, $touched) = @_;
    my $list = $wrong->{undoIf} // $line->{undoIf};
    # An empty list is never; none at all is always.
    return !defined $list || touches($touched, parts_of($list));
}

sub see_unit {
    my ($line) = @_;
    my @sockets = parts_of($line->{sockets});
    return await_unit($line->{unit}, @sockets);
}

sub see_time {
    my ($line) = @_;
    return defined ask_ntp($line->{address}) ? undef : { said => (run(['journalctl', '--no-pager', '-q', '-o', 'cat', '-n', '40', '-u', $line->{unit}]))[1] };
}

# A file comes by TFTP, and it is the one that was declared.
sub see_file {
    my ($line, $fetched) = @_;
    my $got = $fetched->{ $line->{name} } //= do {
        my $content = eval { fetch_tftp($line->{address}, $line->{name}) };
        defined $content ? { sha256 => sha256_text($content) } : { said => $@ =~ s/\n//r };
    };
    return undef if defined $got->{sha256} && (!defined $line->{sha256} || $line->{sha256} eq $got->{sha256});
    return $got;
}

# A name server reads its files anew some time after it was told to, so a question is asked until it has the right answer, for a few
# seconds.
sub see_name {
    my ($line) = @_;
    my ($waited, $seen) = (0);
    while (1) {
        $seen = ask_dns($line->{server}, $line->{name}, $line->{type}, $line->{how});
        my @answers = $seen ? map { lc } @{ $seen->{answers} } : ();
        return undef if $seen && !(defined $line->{has} && !grep { $_ eq lc $line->{has} } @answers) && !(defined $line->{lacks} && grep { $_ eq $line->{lacks} } @answers);
        last if $waited >= 5;
        select undef, undef, undef, 0.05;
        $waited += $seen ? 0.05 : 1;
    }
    return $seen ? { answers => join("\0", @{ $seen->{answers} }), rcode => $seen->{rcode} } : { silent => 1 };
}

# What a program says has all of these lines, or texts that match.
sub see_run {
    my ($line) = @_;
    my ($status, $said) = run([parts_of($line->{argv})], seconds => 20);
    my @missing = grep { $said !~ /$_/m } parts_of($line->{matches});
    return @missing || $status ? { missing => join("\0", @missing), status => $status, said => $said } : undef;
}

# The rules at the head of each chain are those of the plan.
sub see_heads {
    my ($line) = @_;
    my @wrong = wrong_heads($line->{heads});
    return @wrong ? { missing => join("\0", @wrong) } : undef;
}

# ---- DHCP ----

# Both stages of every machine, a machine that nobody declared, and whoever else answers. With `every`, each machine is told of.
sub see_dhcp {
    my ($line, $machines) = @_;
    my @asked = map { my $machine = $_; map { question_of($line, $machine, $_, 0), question_of($line, $machine, $_, 1) } macs_to_ask($machine) } machines_to_ask($line, $machines);
    my %stranger = (stranger => 1, mac => stranger_mac(), arch => 7, ipxe => 0);
    my @others = ask_dhcp($line->{interface}, $line->{seconds} ? uptime() + $line->{seconds} : undef, ($line->{stranger} ? \%stranger : ()), @asked);
    push @others, other_servers($line->{interface}, $line->{next}, 1.6) if $line->{every} && @asked;
    my %others = map { ($_->{server} => $_) } @others;
    my @wrong = map { { is => 'server', server => $_->{server}, hardware => hardware_text($_->{hardware}) } } map { $others{$_} } sort keys %others;
    @wrong = () if $line->{othersAllowed};
    push @wrong, { is => 'stranger', mac => $stranger{mac}, address => $stranger{offer}{address} } if $stranger{offer};
    my (%told, %macs);
    for my $ask (@asked) {
        my $machine = $ask->{machine};
        my $key = "$machine->{id} $machine->{hostname}";
        $macs{$key}++ if !$ask->{ipxe};
        next if $told{$key};
        my $offer = $ask->{offer};
        my $is_right = $offer && ($ask->{address} eq '-' || $offer->{address} eq $ask->{address}) && $offer->{file} eq $ask->{file} && $offer->{next} eq $line->{next};
        next if $is_right;
        $told{$key} = { is => 'machine', id => $machine->{id}, hostname => $machine->{hostname}, mac => $ask->{mac}, ipxe => $ask->{ipxe}, wanted => $ask->{address}, wantedFile => $ask->{file},
            chain => $ask->{chain}, undoIf => $machine->{undoIf}, stands => $machine->{stands}, late => $ask->{late}, $offer ? (map { ($_ => $offer->{$_}) } 'address', 'file', 'next', 'from') : () };
        push @wrong, $told{$key};
    }
    return @wrong unless $line->{every};
    my %seen;
    for my $machine (grep { !$seen{"$_->{id} $_->{hostname}"}++ } map { $_->{machine} } @asked) {
        my $key = "$machine->{id} $machine->{hostname}";
        tell_client('machine', (map { ($_ => $machine->{$_}) } 'id', 'hostname', 'address', 'firmware', 'loader'), macs => $macs{$key}, wrong => $told{$key} ? 1 : 0);
    }
    return @wrong;
}

# Of the resources of this change those machines that are new or changed and one of each chain; and those that stand for others.
sub machines_to_ask {
    my ($line, $machines) = @_;
    my (@asked, %chains);
    for my $id (parts_of($line->{puts})) {
        my @own = map { { id => $id, %{ machine_of($_) } } } @{ $machines->{after}{$id}{nodes} };
        my %known = map { ($_ => 1) } $line->{every} ? () : @{ ($machines->{before}{$id} // {})->{nodes} // [] };
        for my $machine (grep { $line->{every} || $_->{proof} ne '-' } @own) {
            next if $chains{ chain_of($line, $machine) }++ && @own > 1 && $known{ $machine->{line} };
            push @asked, $machine;
        }
    }
    my @stands = map { my ($id, $undo_if, $node) = split /\0/, $_, 3; { id => $id, stands => 1, undoIf => $undo_if =~ s/\t/\0/gr, %{ machine_of($node) } } } split /\n/, $line->{stands} // '';
    return (@asked, @stands);
}

sub chain_of { my ($line, $machine) = @_; return "$machine->{firmware} " . ($machine->{loader} eq '-' ? $line->{ $machine->{firmware} } // '' : $machine->{loader}) }

sub macs_to_ask { my ($machine) = @_; my @macs = split /,/, $machine->{macs}; return $machine->{stands} ? $macs[0] : @macs }

sub question_of {
    my ($line, $machine, $mac, $ipxe) = @_;
    my $chain = chain_of($line, $machine);
    my ($file) = $chain =~ / (.*)/;
    return { machine => $machine, mac => $mac, ipxe => $ipxe, arch => $line->{ $machine->{firmware} . 'Arch' }, address => $machine->{address}, file => $ipxe ? $line->{script} : $file, chain => $chain };
}
