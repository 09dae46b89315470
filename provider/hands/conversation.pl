# The conversation: facts go up, one whole plan comes down. Until it is here, and "complete" is said, the end of the input or a
# client that says nothing changes nothing; from then on nobody is needed.

my $PATIENCE = 20;

# The next message of the client, as lines; nothing if there will be none.
sub read_message {
    my $end = uptime() + $PATIENCE;
    my $select = IO::Select->new(\*STDIN);
    my ($text, $wanted) = ('');
    while (1) {
        if (!defined $wanted && $text =~ s/^message (\d+) ([0-9a-f]{64})\n//) { $wanted = [$1, $2] }
        last if $wanted && length $text >= $wanted->[0];
        while (!$select->can_read(1)) { return if uptime() > $end }
        sysread STDIN, $text, 1 << 20, length $text or return;
        $end = uptime() + $PATIENCE;
    }
    my $whole = unpacked($text, $wanted->[1]) // die "a message did not arrive whole\n";
    return parse_lines($whole);
}

# id → { generation, nodes }, and id → generation, as the request has them.
sub changes_in {
    my (@lines) = @_;
    my %puts = map { ($_->{id} => { generation => $_->{generation}, head => [], nodes => [split /\n/, $_->{content} // ''] }) } grep { $_->{word} eq 'put' } @lines;
    my %drops = map { ($_->{id} => $_->{generation}) } grep { $_->{word} eq 'drop' } @lines;
    return (\%puts, \%drops);
}

sub converse {
    my ($apt, $request, @lines) = @_;
    my ($puts, $drops) = changes_in(@lines);
    my @ids = (sort keys %$puts, sort keys %$drops);
    if ($request->{lock}) {
        take_lock(\@ids);
        $SWAPPED = 1;
        tell_client('recovered') if undo_transaction(0);
        $SWAPPED = 0;
        note_brought() if -e $PLANNED;
    }
    my $register = load_register();
    my ($merged, @clashes) = merge_register($register, $puts, $drops);
    my %machines = (before => $register, after => $merged, puts => $puts, drops => $drops);
    tell_facts(\%machines, @clashes);
    answer_questions($register, grep { $_->{word} eq 'question' } @lines);
    tell_client('asked');
    while (my ($what, @more) = read_message()) {
        if ($what->{word} eq 'ask') { answer_questions($register, @more) }
        elsif ($what->{word} eq 'bring') {
            make_state_folder(@more);
            tell_brought(bring(flat_plan(@more), $apt));
            answer_questions($register, grep { $_->{word} eq 'question' } @more);
        }
        elsif ($what->{word} eq 'see') {
            meet_expectations(\@more, {}, \%machines);
            last;
        }
        elsif ($what->{word} eq 'transact') {
            tell_client('complete');
            make_state_folder(@more) if %$puts || -d $STATE;
            $machines{entries} = entries_of(\%machines, @more);
            transact(by_word(@more), \%machines, $apt);
            tell_finished(finish_packages(flat_plan(@more), $apt));
            answer_questions($machines{after}, grep { $_->{word} eq 'question' } @more);
            clean_up(\%machines);
            last;
        }
        else { last }
        tell_client('asked');
    }
    return;
}

# What is in the register, without the machines; of these how many there are, and one of each kind.
sub tell_facts {
    my ($machines, @clashes) = @_;
    my ($before, $after) = @$machines{qw(before after)};
    my ($machine_id) = split ' ', slurp('/etc/machine-id') // '';
    tell_client('machineId', text => $machine_id);
    for my $id (sort keys %$before) {
        tell_client('entry', id => $id, generation => $before->{$id}{generation}, head => join("\n", @{ $before->{$id}{head} }), summary_of($after->{$id}));
    }
    tell_client('new', id => $_, summary_of($after->{$_})) for grep { !$before->{$_} } sort keys %$after;
    tell_client('clash', claim => $_->[0], id => $_->[1], other => $_->[2]) for @clashes;
    tell_client('proved', chains => slurp($PROVED) // '');
    tell_names($before, $after);
    return;
}

sub summary_of {
    my ($record) = @_;
    return (gone => 1) unless $record;
    my (%examples, $pooled, $macs);
    for my $line (@{ $record->{nodes} }) {
        my (undef, undef, $address, $nics, $firmware, $loader, $proof) = split / /, $line, 8;
        $pooled++ if $address eq '-';
        $macs += 1 + ($nics =~ tr/,//);
        my $key = "$firmware $loader";
        $examples{$key} = $line if !$examples{$key} || $proof ne '-' && (split / /, $examples{$key}, 8)[6] eq '-';
    }
    return (machines => scalar @{ $record->{nodes} }, macs => $macs // 0, pooled => $pooled // 0, examples => join("\n", map { $examples{$_} } sort keys %examples));
}

# Names that come, go and stay, some of each.
sub tell_names {
    my ($before, $after) = @_;
    my %named = map { my $register = $_; ($_ => { map { ("$_->{hostname} $_->{address}" => $_) } grep { $_->{address} ne '-' } all_machines($register) }) } $before, $after;
    my %still = map { ($_->{hostname} => 1) } values %{ $named{$after} };
    my %told = (
        comes => [grep { !$named{$before}{$_} } sort keys %{ $named{$after} }],
        goes => [grep { !$still{ (split / /)[0] } } sort keys %{ $named{$before} }],
        stays => [sort keys %{ $named{$after} }]);
    for my $how (sort keys %told) {
        for my $key (splice @{ $told{$how} }, 0, 32) {
            my $machine = $named{$after}{$key} // $named{$before}{$key};
            tell_client('name', how => $how, id => $machine->{id}, hostname => $machine->{hostname}, address => $machine->{address});
        }
    }
    return;
}

# The records that the register has to have: id → record, or undefined for one that goes.
sub entries_of {
    my ($machines, @lines) = @_;
    my ($before, $after, $puts, $drops) = @$machines{qw(before after puts drops)};
    my %heads = map { ($_->{id} => [split /\n/, $_->{head}]) } grep { $_->{word} eq 'record' || $_->{word} eq 'strip' } @lines;
    my %entries = map { ($_ => $after->{$_}) } keys %$puts, keys %heads, keys %$drops, grep { $after->{$_} && $after->{$_} != $before->{$_} } keys %$before;
    for my $id (grep { $heads{$_} && $entries{$_} } keys %entries) { $entries{$id} = $after->{$id} = { %{ $entries{$id} }, head => $heads{$id} } }
    return \%entries;
}
