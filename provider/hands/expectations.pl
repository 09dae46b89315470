# Expectations: what must be seen after a change. Each is asked and compared here; what is right, and whether a wrong
# answer undoes the change or is only told, was decided before.
package Netboot::Expectations;
use Netboot::Perl gives => qw(meet_expectations touches is_due);
use Netboot::Words qw(parts_of tell_client);
use Netboot::Programs qw(pause run uptime);
use Netboot::Files qw(sha256_text);
use Netboot::Store qw(machine_of);
use Netboot::Units qw(await_unit unit_log);
use Netboot::Firewall qw(wrong_heads);
use Netboot::Partner qw(refuses while_it_answers);
use Netboot::Probes qw(ask_dhcp ask_dns ask_ntp fetch_tftp stranger_mac);

# By what an expectation asks: what is wrong, if something is.
my %SEE = (
    unit => \&see_unit, tftp => \&see_file, ntp => \&see_time, dns => \&see_name, run => \&see_run,
    heads => \&see_heads, dhcp => \&see_dhcp,
);

# The client's lines, one after another, until one that undoes fails. Answers whether all that could undo is well, and
# the chains that failed. `touched` has the paths, units and the firewall that this change touched.
sub meet_expectations ($lines, $touched, $machines) {
    my (%failed, %fetched);
    for my $line (grep { is_due($_, $touched) } @$lines) {
        for my $seen ($SEE{ $line->{ask} }->($line, $machines, \%fetched)) {
            my $wrong = { chain => $line->{chain}, %$seen };
            my $undoes = !$wrong->{late} && undoes($wrong, $line, $touched) ? 1 : 0;
            $failed{ $wrong->{chain} } = 1 if defined $wrong->{chain};
            tell_client('wrong', %$wrong, n => $line->{n}, undoes => $undoes);
            return (0, \%failed) if $undoes;
        }
    }
    return (1, \%failed);
}

# An entry of a list that ends in "*" stands for all that begins so.
sub touches ($touched, @names) {
    my @all = map { my $name = $_; $name =~ s/\*$// ? grep { index($_, $name) == 0 } keys %$touched : $name } @names;
    return scalar grep { $touched->{$_} } @all;
}

# An empty list is never; none at all is always.
sub is_any ($list, $touched) { return !defined $list || touches($touched, parts_of($list)) }
sub is_due ($line, $touched) { return is_any($line->{if}, $touched) }
sub undoes ($wrong, $line, $touched) { return is_any($wrong->{undoIf} // $line->{undoIf}, $touched) }

sub see_unit ($line, @) { return await_unit($line->{unit}, parts_of($line->{sockets})) // () }

sub see_time ($line, @) { return defined ask_ntp($line->{address}) ? () : { said => unit_log($line->{unit}) } }

# A file comes by TFTP, and it is the one that was declared.
sub see_file ($line, $machines, $fetched) {
    my $got = $fetched->{ $line->{name} } //= do {
        my $content = eval { fetch_tftp($line->{address}, $line->{name}) };
        defined $content ? { sha256 => sha256_text($content) } : { said => $@ =~ s/\n//r };
    };
    return defined $got->{sha256} && $got->{sha256} eq ($line->{sha256} // $got->{sha256}) ? () : $got;
}

# A name server reads its files anew some time after it was told to: it is asked again for a few seconds.
sub see_name ($line, @) {
    my ($waited, $seen) = (0);
    while (1) {
        $seen = ask_dns($line->@{qw(server name type how)});
        my %is_answer = map { (lc, 1) } $seen ? $seen->{answers}->@* : ();
        my $has = !defined $line->{has} || $is_answer{ lc $line->{has} };
        return () if $seen && $has && !(defined $line->{lacks} && $is_answer{ $line->{lacks} });
        last if $waited >= 5;
        pause(0.05);
        $waited += $seen ? 0.05 : 1;
    }
    return $seen // { silent => 1 };
}

# What a program says has all of these lines, or texts that match.
sub see_run ($line, @) {
    my ($status, $said) = run([parts_of($line->{argv})], seconds => 20);
    my @missing = grep { $said !~ /$_/m } parts_of($line->{matches});
    return @missing || $status ? { missing => \@missing, status => $status, said => $said } : ();
}

# The rules at the head of each chain are those of the plan.
sub see_heads ($line, @) {
    my @missing = wrong_heads($line->{heads});
    return @missing ? { missing => \@missing } : ();
}

# Both stages of every machine, one that nobody declared, whoever else answers; with `every`, each machine is told of.
sub see_dhcp ($line, $machines, @) {
    my ($interface, $every) = $line->@{qw(interface every)};
    my @asked = map { questions_of($line, $_) } machines_to_ask($line, $machines);
    my %stranger = (stranger => 1, mac => stranger_mac(), arch => 7, ipxe => 0);
    my $until = $line->{seconds} ? uptime() + $line->{seconds} : undef;
    my $listen = $every && @asked ? { address => $line->{next}, seconds => 1.6 } : undef;
    my %peers = parts_of($line->{peers});
    my (@others, $state);
    my @questions = ($line->{stranger} ? \%stranger : (), @asked);
    my $ask = sub { @others = ask_dhcp($interface, $until, $listen, @questions) };
    if (defined $line->{control}) { $state = while_it_answers($line->{control}, $line->{partner} =~ s/:.*//r, $ask) }
    else { $ask->() }
    my %others = map { ($_->{server} => $_) } grep { !$peers{ $_->{server} } } @others;
    my @wrong = $line->{othersAllowed} ? () : map { { is => 'server', $others{$_}->%* } } sort keys %others;
    push @wrong, { is => 'stranger', mac => $stranger{mac}, address => $stranger{offer}{address} } if $stranger{offer};
    push @wrong, wrong_of_partner($state, $line, @asked);
    my (@told, %wrong_of, %macs);
    for my $ask (@asked) {
        my $machine = $ask->{machine};
        my $key = "$machine->{id} $machine->{hostname}";
        push @told, $machine unless $macs{$key};
        $macs{$key}++ if !$ask->{ipxe};
        push @wrong, wrong_of_peers($ask, $line, $machines->{before}{ $machine->{id} }{nodes} // []);
        next if $wrong_of{$key} || is_right_offer($ask->{offer}, $ask, $line);
        push @wrong, $wrong_of{$key} = wrong_offer($ask);
    }
    for my $machine ($every ? @told : ()) {
        my $key = "$machine->{id} $machine->{hostname}";
        my %who = $machine->%{qw(id hostname address firmware loader)};
        tell_client('machine', %who, macs => $macs{$key}, wrong => $wrong_of{$key} ? 1 : 0);
    }
    return @wrong;
}

sub is_right_offer ($offer, $ask, $line) {
    return 0 if !$offer || $ask->{address} ne '-' && $offer->{address} ne $ask->{address};
    return $offer->{file} eq $ask->{file} && $offer->{next} eq $line->{next};
}

# What other node 0s told it that is not right; it undoes nothing. `was` is the machine before this change, which they
# have yet to follow.
sub wrong_of_peers ($ask, $line, $before) {
    my %peers = parts_of($line->{peers});
    my @told = grep { $peers{ $_->{server} } } map { $ask->{others}{$_} } sort keys $ask->{others}->%*;
    my @wrong = grep { !is_right_offer($_, $ask, { next => $peers{ $_->{server} } }) } @told or return;
    my ($was) = $line->{every} ? () : grep { index($_, $ask->{mac}) >= 0 } @$before;
    my %peer = (is => 'peer', was => $was, undoIf => '', chain => undef);
    return map { { server => $_->{server}, wrong_offer({ %$ask, offer => $_ })->%*, %peer } } @wrong;
}

# A partner that answers, too, though this one took it for dead, and none that has yet to be one in this run; or neither
# watches the other: that undoes nothing. One that has not come to serve, nor to stand by, answers nobody.
sub wrong_of_partner ($state, $line, @asked) {
    return () if !defined $state || $state eq 'hot-standby';
    my ($address, $port) = split /:/, $line->{partner};
    my $is_heard = grep { $_->{server} eq $address } map { values(($_->{others} // {})->%*) } @asked;
    return () if $state eq 'partner-down' && (!$is_heard || !$line->{every} && refuses($address, $port));
    return { is => 'partner', state => $state, ($state =~ /^(?:partner-down|terminated)$/ ? (undoIf => '') : ()) };
}

# What a machine was told, and what it should have been.
sub wrong_offer ($ask) {
    my %wrong = (is => 'machine', wanted => $ask->{address}, wantedFile => $ask->{file});
    @wrong{qw(mac ipxe chain late)} = $ask->@{qw(mac ipxe chain late)};
    @wrong{qw(id hostname undoIf stands)} = $ask->{machine}->@{qw(id hostname undoIf stands)};
    @wrong{qw(address file next from)} = $ask->{offer}->@{qw(address file next from)} if $ask->{offer};
    return \%wrong;
}

# Of this change the machines that are new or changed, one of each chain, stand-ins, and all that somebody changed.
sub machines_to_ask ($line, $machines) {
    my ($was, @asked, %chains) = ($machines->{edited});
    my %is_put = map { ($_ => 1) } my @puts = parts_of($line->{puts});
    for my $id (@puts, defined $was ? sort grep { !$is_put{$_} } keys $machines->{after}->%* : ()) {
        my @nodes = ($machines->{after}{$id} // {})->{nodes}->@*;
        my @known = $line->{every} ? () : (($machines->{before}{$id} // {})->{nodes} // [])->@*;
        my %is_known = map { ($_ => 1) } grep { !defined $was || index($was, machine_of($_)->{blocks}) >= 0 } @known;
        for my $node (@nodes) {
            my %kind;
            @kind{qw(firmware loader proof)} = (split / /, $node, 8)[4 .. 6];
            next if $kind{proof} eq '-' && !$line->{every};
            next if $is_known{$node} && (!$is_put{$id} || $chains{ chain_of($line, \%kind) } && @nodes > 1);
            $chains{ chain_of($line, \%kind) }++;
            push @asked, { id => $id, ($is_put{$id} ? () : (undoIf => '')), machine_of($node)->%* };
        }
    }
    for my $stands (split /\n/, $line->{stands} // '') {
        my ($id, $undo_if, $node) = split /\0/, $stands, 3;
        push @asked, { id => $id, stands => 1, undoIf => $undo_if =~ s/\t/\0/gr, machine_of($node)->%* };
    }
    return @asked;
}

sub chain_of ($line, $machine) {
    my $firmware = $machine->{firmware};
    return "$firmware " . ($machine->{loader} eq '-' ? $line->{$firmware} // '' : $machine->{loader});
}

# Both stages of each of its MACs; of one that stands for others, of the first.
sub questions_of ($line, $machine) {
    my $chain = chain_of($line, $machine);
    my ($file) = $chain =~ / (.*)/;
    my %ask = (
        machine => $machine, arch => $line->{"$machine->{firmware}Arch"}, address => $machine->{address},
        chain => $chain
    );
    my @macs = split /,/, $machine->{macs};
    splice @macs, 1 if $machine->{stands};
    return
        map { ({ %ask, mac => $_, ipxe => 0, file => $file }, { %ask, mac => $_, ipxe => 1, file => $line->{script} }) }
        @macs;
}
