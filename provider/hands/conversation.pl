# The conversation: facts go up, one whole plan comes down. Until it is here, and "complete" is said, the end of the
# input or a client that says nothing changes nothing; from then on nobody is needed.
package Netboot::Conversation;
use Netboot::Perl gives => qw(converse);
use IO::Select ();
use Netboot::Constants qw($PLANNED $PROVED $STATE);
use Netboot::Words qw(parse_lines tell_client);
use Netboot::Programs qw(uptime);
use Netboot::Files qw(slurp);
use Netboot::Store qw(load_register merge_register);
use Netboot::Ours qw(clean_up make_state_folder take_lock);
use Netboot::Undo qw(undo_transaction);
use Netboot::Packages qw(bring finish_packages note_brought read_flat);
use Netboot::Questions qw(answer_questions);
use Netboot::Expectations qw(meet_expectations);
use Netboot::Transaction qw(by_word transact);

my $PATIENCE = 20;

# The next message of the client, as lines; nothing if there will be none. `unpack` checks that it is whole.
sub read_message ($unpack) {
    my $end = uptime() + $PATIENCE;
    my $select = IO::Select->new(\*STDIN);
    my ($text, $length, $sha256) = ('');
    while (1) {
        if (!defined $length && $text =~ s/^message (\d+) ([0-9a-f]{64})\n//) { ($length, $sha256) = ($1, $2) }
        last if defined $length && length $text >= $length;
        while (!$select->can_read(1)) { return if uptime() > $end }
        sysread STDIN, $text, 1 << 20, length $text or return;
        $end = uptime() + $PATIENCE;
    }
    return parse_lines($unpack->($text, $sha256) // die "a message did not arrive whole\n");
}

# id → { generation, nodes }, and id → generation, as the request has them.
sub changes_in (@lines) {
    my %puts =
        map { ($_->{id} => { generation => $_->{generation}, head => [], nodes => [split /\n/, $_->{content} // ''] }) }
        grep { $_->{word} eq 'put' } @lines;
    my %drops = map { ($_->{id} => $_->{generation}) } grep { $_->{word} eq 'drop' } @lines;
    return (\%puts, \%drops);
}

sub questions_in (@lines) { return grep { $_->{word} eq 'question' } @lines }

sub converse ($talk, $request, @lines) {
    my ($puts, $drops) = changes_in(@lines);
    if ($request->{lock}) {
        $talk->{lock} = take_lock(sort(keys %$puts), sort keys %$drops);
        $talk->{swapped} = 1;
        tell_client('recovered') if undo_transaction(0);
        $talk->{swapped} = 0;
        note_brought() if -e $PLANNED;
    }
    my $register = load_register();
    my ($merged, @clashes) = merge_register($register, $puts, $drops);
    my %machines = (before => $register, after => $merged);
    tell_facts(\%machines, @clashes);
    answer_questions($register, questions_in(@lines));
    tell_client('asked');
    while (my ($what, @more) = read_message($talk->{unpack})) {
        my $word = $what->{word};
        if ($word eq 'ask') { answer_questions($register, @more) }
        elsif ($word eq 'bring') {
            make_state_folder($talk->{hands}, @more);
            bring(read_flat(@more), $talk);
            answer_questions($register, questions_in(@more));
        } elsif ($word eq 'see') {
            return meet_expectations(\@more, {}, \%machines);
        } elsif ($word eq 'transact') {
            tell_client('complete');
            make_state_folder($talk->{hands}, @more) if %$puts || -d $STATE;
            $machines{entries} = entries_of(\%machines, [keys %$puts, keys %$drops], @more);
            transact(by_word(@more), \%machines, $talk);
            finish_packages(read_flat(@more), $talk);
            answer_questions($merged, questions_in(@more));
            clean_up() unless %$merged;
            return;
        } else {
            return;
        }
        tell_client('asked');
    }
}

# What is in the register, without the machines; of these how many there are, and one of each kind.
sub tell_facts ($machines, @clashes) {
    my ($before, $after) = $machines->@{qw(before after)};
    my ($machine_id) = split ' ', slurp('/etc/machine-id') // '';
    tell_client('machineId', text => $machine_id);
    my %shown;
    for my $id (sort keys %$before) {
        my ($generation, $head) = ($before->{$id}{generation}, join "\n", $before->{$id}{head}->@*);
        tell_client('entry', id => $id, generation => $generation, head => $head, summary_of($after->{$id}, \%shown));
    }
    tell_client('new', id => $_, summary_of($after->{$_}, \%shown)) for grep { !$before->{$_} } sort keys %$after;
    tell_client('clash', claim => $_->[0], id => $_->[1], other => $_->[2]) for @clashes;
    tell_client('proved', chains => slurp($PROVED) // '');
    tell_names($before, $after);
}

# How many machines a record has, and one of each kind and subnet that was not shown before, without its blocks.
sub summary_of ($record, $shown) {
    return (gone => 1) unless $record;
    my ($macs, $pooled, %examples) = (0, 0);
    for my $line ($record->{nodes}->@*) {
        my (undef, undef, $address, $nics, $firmware, $loader, $proof) = split / /, $line, 8;
        $macs += my $count = 1 + ($nics =~ tr/,//);
        $pooled += $count if $address eq '-';
        my $kind = "$firmware $loader " . $address =~ s/\.\d+$//r;
        # One that may be proved stands before one that may not.
        next if defined $shown->{$kind} && ($shown->{$kind} || $proof eq '-');
        $shown->{$kind} = $proof ne '-';
        $examples{$kind} = $line =~ s/ \S+$/ %/r;
    }
    my $told = join "\n", @examples{ sort keys %examples };
    return (machines => scalar $record->{nodes}->@*, macs => $macs, pooled => $pooled, examples => $told);
}

# Names that come, go and stay, some of each.
sub tell_names ($before, $after) {
    my ($old, $new) = map { resources_by_name($_) } $before, $after;
    my %stays = map { (s/ .*//r => 1) } keys %$new;
    my %told = (
        comes => [sort grep { !defined $old->{$_} } keys %$new],
        goes => [sort grep { !$stays{s/ .*//r} } keys %$old],
        stays => [sort keys %$new],
    );
    for my $how (sort keys %told) {
        for my $name (splice $told{$how}->@*, 0, 32) {
            my ($hostname, $address) = split / /, $name;
            tell_client(
                'name', how => $how, id => $new->{$name} // $old->{$name}, hostname => $hostname,
                address => $address
            );
        }
    }
}

# "hostname address" → the resource; of ten thousand machines, so without a hash for each.
sub resources_by_name ($register) {
    my %resource;
    for my $id (keys %$register) {
        for my $line ($register->{$id}{nodes}->@*) {
            my (undef, $hostname, $address) = split / /, $line, 4;
            $resource{"$hostname $address"} = $id if $address ne '-';
        }
    }
    return \%resource;
}

# id → record, or undefined for one that goes: those of the request, those with other lines, those that lost machines.
sub entries_of ($machines, $ids, @lines) {
    my ($before, $after) = $machines->@{qw(before after)};
    for my $line (grep { $_->{word} =~ /^(?:record|strip|nodes)$/ && $after->{ $_->{id} } } @lines) {
        my %lines = $line->{word} eq 'nodes' ? (nodes => $line->{content}) : (head => $line->{head});
        $after->{ $line->{id} } = { $after->{ $line->{id} }->%*, map { ($_ => [split /\n/, $lines{$_}]) } keys %lines };
    }
    my @changed = grep { $after->{$_} && $after->{$_} != $before->{$_} } keys %$before;
    return { map { ($_ => $after->{$_}) } @$ids, @changed };
}
