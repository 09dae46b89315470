# The register: what each resource of every stack wants of this host. A record is its generation and lines of words, of
# which only those of machines are understood here: they are many, they stay, and what only one of them may have is
# looked up where they are.
package Netboot::Store;
use Netboot::Perl gives => qw(machine_of machines_of all_machines load_register render_record merge_register held_word
    join_machines block_pattern joined_content);
use Socket qw(inet_aton inet_ntoa);
use Netboot::Constants qw($REGISTER);
use Netboot::Words qw(decode);
use Netboot::Files qw(slurp);

my %READ;

# A machine's line: node hostname address macs firmware loader proof blocks. Of ten thousand most are as they were.
sub machine_of ($line) {
    return $READ{$line} //= do {
        my %machine = (line => $line);
        (undef, @machine{qw(hostname address macs firmware loader proof blocks)}) = split / /, $line;
        $machine{$_} = decode($machine{$_}) for qw(proof blocks);
        \%machine;
    };
}

# The machines of resources, each with the id.
sub machines_of ($register, @ids) {
    return map {
        my $id = $_;
        map { { id => $id, machine_of($_)->%* } } $register->{$id}{nodes}->@*
    } grep { $register->{$_} } @ids;
}
sub all_machines ($register) { return machines_of($register, sort keys %$register) }

# id → { generation, head => [line, …], nodes => [line, …] }
sub load_register() {
    opendir my $folder, $REGISTER or return {};
    return { map { (decode($_) => parse_record(slurp("$REGISTER/$_") // '')) } grep { !/^\./ } readdir $folder };
}

sub parse_record ($text) {
    my ($first, @lines) = split /\n/, $text;
    my (undef, $generation) = split / /, $first // '';
    return { generation => $generation, head => [grep { !/^node / } @lines], nodes => [grep { /^node / } @lines] };
}

sub render_record ($record) {
    return join '', map { "$_\n" } "generation $record->{generation}", $record->{head}->@*, $record->{nodes}->@*;
}

# A word of the first line that begins with another word.
sub held_word ($register, $word, $at) {
    my ($line) = grep { /^\Q$word\E(?: |$)/ } map { $register->{$_}{head}->@* } sort keys %$register;
    my $found = (split / /, $line // '')[$at];
    return defined $found ? decode($found) : undef;
}

# What only one machine may have, in the words of an error.
sub claims_of ($line) {
    my (undef, $hostname, $address, $macs) = split / /, $line, 5;
    return (
        "the name \"$hostname\"", ($address eq '-' ? () : "the address $address"),
        map { "the MAC $_" } split /,/, $macs
    );
}

# The register with a request's machines in it: without what is dropped, and without machines of which another resource
# takes something over. Of each two that want the same, also of one made anew and its own record, a claim is told.
sub merge_register ($register, $puts, $drops) {
    my (%claimed, @clashes);
    for my $id (sort keys %$puts) {
        for my $claim (map { claims_of($_) } $puts->{$id}{nodes}->@*) {
            my $other = $claimed{$claim} //= $id;
            push @clashes, [$claim, $id, $other] if $other ne $id;
        }
    }
    my %merged = %$puts;
    for my $id (sort keys %$register) {
        my ($record, $put) = ($register->{$id}, $puts->{$id});
        # Its last digits are the create's own: a resource that was made anew since then is not ours to drop.
        next if substr($put ? $put->{generation} : $drops->{$id} // '', -8) eq substr $record->{generation}, -8;
        my (%lost, %told);
        for my $line (%claimed ? $record->{nodes}->@* : ()) {
            my @taken = grep { defined $claimed{$_} } claims_of($line) or next;
            $lost{$line} = 1;
            my @telling = grep { !$put || $claimed{$_} eq $id } @taken;
            push @clashes, map { [$_, $claimed{$_}, $id] } grep { !$told{ $claimed{$_} }++ } @telling;
        }
        $merged{$id} //= %lost ? { %$record, nodes => [grep { !$lost{$_} } $record->{nodes}->@*] } : $record;
    }
    return (\%merged, @clashes);
}

# "name.domain name", or the name alone.
sub names_of ($hostname, $domain) {
    return $domain eq '' || $hostname =~ /\./ ? $hostname : "$hostname.$domain $hostname";
}

# What holds something of every machine: blocks below their resource's id, or names in the order of the addresses.
sub join_machines ($register, $join) {
    my ($text, $separator) = ($join->{before}, $join->{separator} // '');
    if ($join->{of} eq 'blocks') {
        my @ids = grep { $register->{$_}{nodes}->@* } sort keys %$register;
        my $blocks = sub ($id) { map { machine_of($_)->{blocks} } $register->{$id}{nodes}->@* };
        return $text . join($separator, map { "\n# $_\n" . join $separator, $blocks->($_) } @ids) . $join->{after};
    }
    # The address goes before the name, both as they are compared.
    my @named =
        sort map { my (undef, $name, $address) = split / /, $_, 4; $address eq '-' ? () : inet_aton($address) . $name }
        map { $_->{nodes}->@* } values %$register;
    for my $each (@named) {
        $text .= inet_ntoa(substr $each, 0, 4) . ' ' . names_of(substr($each, 4), $join->{domain}) . "\n";
    }
    return $text . $join->{after};
}

# A marked block in a file of somebody else's. Around it every byte stays, also the lack of a newline at the file's end.
sub block_pattern ($join) {
    my ($begin, $end) = map { quotemeta } $join->@{qw(begin end)};
    return qr/^$begin\n(?:(?!$begin$).*\n)*?$end(\n|\z)/m;
}

sub with_block ($text, $join, $block) {
    my $pattern = block_pattern($join);
    return $text if $text =~ s/$pattern/$block$1/;
    return $text eq '' || $text =~ /\n\z/ ? "$text$block\n" : "$text\n$block";
}

sub without_block ($text, $join) {
    my $pattern = block_pattern($join);
    return $text =~ s/(\n?)$pattern/length $2 ? "$1" : ''/er;
}

# What a joined path should hold, as the register is; undefined where nothing of ours is left in the file.
sub joined_content ($register, $join) {
    my $is_gone = $join->{is} eq 'gone';
    return $is_gone ? undef : join_machines($register, $join) unless defined $join->{begin};
    my $current = slurp($join->{path}) // '';
    my $text =
        $is_gone
        ? without_block($current, $join)
        : with_block($current, $join, "$join->{begin}\n" . join_machines($register, $join) . $join->{end});
    return $text eq '' ? undef : $text;
}
