# The request and the register: lines of words, percent-encoded.

# Entries by id: { generation, ops => [[word, …], …] }. The bytes of files go to $contents, by path.
sub parse_request {
    my ($text, $contents) = @_;
    my (%request, $entry);
    $request{drop} = {};
    $request{put} = {};
    my $at = 0;
    while ($at < length $text) {
        my $end = index $text, "\n", $at;
        my ($word, @rest) = map { decode($_) } split / /, substr($text, $at, $end - $at);
        $at = $end + 1;
        if ($word eq 'put') {
            $entry = $request{put}{ $rest[0] } = { generation => $rest[1], ops => [] };
            next;
        }
        if ($word eq 'drop') { $request{drop}{ $rest[0] } = $rest[1]; next }
        if ($word eq 'mode' || $word eq 'machine' || $word eq 'since') { $request{$word} = $rest[0]; next }
        if ($word eq 'file') {
            my $bytes = pop @rest;
            $contents->{ $rest[0] } = substr $text, $at, $bytes;
            $at += $bytes;
        }
        push @{ $entry->{ops} }, [$word, @rest];
    }
    return \%request;
}

sub load_register {
    my %register;
    opendir my $folder, $REGISTER or return \%register;
    for my $name (sort readdir $folder) {
        next if $name =~ /^\./;
        my @lines = split /\n/, slurp("$REGISTER/$name") // '';
        my (undef, $generation) = split / /, shift(@lines) // '';
        $register{ decode($name) } = { generation => $generation, ops => [map { [map { decode($_) } split / /, $_] } @lines] };
    }
    return \%register;
}

sub render_entry {
    my ($entry) = @_;
    return join '', map { "$_\n" } "generation $entry->{generation}",
        map { join ' ', map { encode($_) } @$_ } @{ $entry->{ops} };
}

sub ops_of { my ($entry, $word) = @_; return grep { $_->[0] eq $word } @{ $entry->{ops} } }

sub all_ops {
    my ($register, $word) = @_;
    return map { my $id = $_; map { [$id, $_] } ops_of($register->{$id}, $word) } sort keys %$register;
}
