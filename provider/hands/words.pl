# The wire, in both directions: a line is a word and named values, `word name=value …`, percent-encoded. Lines to the client stand
# behind a nonce, so that nothing a login shell prints is taken for one.

sub encode { my ($text) = @_; $text =~ s/([^A-Za-z0-9_.:\/,\@+=-])/sprintf '%%%02X', ord $1/ge; return length $text ? $text : '%' }
sub decode { my ($text) = @_; return '' if $text eq '%'; $text =~ s/%([0-9A-F]{2})/chr hex $1/ge; return $text }

# A list travels as one value, with a NUL between its parts.
sub parts_of { my ($value) = @_; return split /\0/, $value // '' }

# Lines of a message: each a hash of its values, with `word`, and `content` where bytes follow it.
sub parse_lines {
    my ($text) = @_;
    my ($at, @lines) = (0);
    while ($at < length $text) {
        my $end = index $text, "\n", $at;
        my ($word, @values) = split / /, substr $text, $at, $end - $at;
        $at = $end + 1;
        my %line = (word => $word, map { my ($name, $value) = split /=/, $_, 2; ($name => decode($value)) } @values);
        if (defined $line{bytes}) {
            $line{content} = substr $text, $at, $line{bytes};
            $at += $line{bytes};
        }
        push @lines, \%line;
    }
    return @lines;
}

sub tell_client {
    my ($word, %values) = @_;
    return unless defined $NONCE;
    print "\n$NONCE ", join(' ', $word, map { "$_=" . encode($values{$_}) } grep { defined $values{$_} } sort keys %values), "\n";
    return;
}

sub say_to { my ($id, $text) = @_; return tell_client('say', id => $id, text => $text) }

# What can't be done is thrown as [code, resource or "-", message].
sub refuse { my ($code, $id, $message) = @_; die [$code, $id, $message] }

# ---- Names ----

sub as_name { my ($text) = @_; $text = encode($text); $text =~ s/\//%2F/g; return $text }
sub folder_of { my ($path) = @_; $path =~ s{/[^/]*$}{}; return length $path ? $path : '/' }
sub name_of { my ($path) = @_; $path =~ s{.*/}{}; return $path }
sub staged_name { my ($path) = @_; return folder_of($path) . '/.' . name_of($path) . '.netboot-new' }
sub stack_of { my ($id) = @_; my (undef, $project, $stack) = split /\//, $id; return "$project/$stack" }
sub unique { my %seen; return grep { !$seen{$_}++ } @_ }
