# What was there before us, and what somebody wrote since: kept, so that it comes back or is not lost.

# What is kept of a path at the first touch: a line that says what it was, and its content beside it.
sub keep_original {
    my ($path, $what) = @_;
    my $base = "$KEPT/" . as_name($path);
    unlink $base, "$base.is";
    my $line = $what->{type} eq 'file' ? sprintf('file %04o %d %d %d', @$what{qw(mode uid gid mtime)})
        : $what->{type} eq 'link' ? 'link ' . encode($what->{target}) : 'absent';
    write_new($base, slurp($path) // die("cannot read $path: $!\n"), 0600, 0, 0) if $what->{type} eq 'file';
    write_new("$base.is", "$line\n", 0600, 0, 0);
    return;
}

sub kept_original {
    my ($path) = @_;
    my $base = "$KEPT/" . as_name($path);
    my ($type, @rest) = split ' ', slurp("$base.is") // 'absent';
    return { type => 'link', target => decode($rest[0]) } if $type eq 'link';
    return { type => 'absent' } if $type ne 'file';
    my $content = slurp($base);
    return { type => 'file', content => $content, sha256 => sha256_text($content), mode => oct $rest[0], uid => $rest[1], gid => $rest[2], mtime => $rest[3] };
}

sub forget_original { my ($path) = @_; my $base = "$KEPT/" . as_name($path); unlink $base, "$base.is"; return }

sub keep_unit { my ($unit, $active) = @_; write_new("$KEPT/" . as_name("unit:$unit"), $active ? "active\n" : "inactive\n", 0600, 0, 0); return }
sub kept_unit { my ($unit) = @_; return (slurp("$KEPT/" . as_name("unit:$unit")) // '') eq "active\n" }
sub forget_unit { my ($unit) = @_; unlink "$KEPT/" . as_name("unit:$unit"); return }

# The lines of a file that go, for whoever wrote them; `why` is a word that the client puts into a sentence.
sub tell_difference {
    my ($why, $id, $path, $new, $copy) = @_;
    my (undef, $difference) = run(['diff', '-u', '--label', "$path (as somebody left it)", '--label', "$path (as declared)", $path, $new]);
    my @lines = split /\n/, $difference;
    splice @lines, 40, @lines, '…' if @lines > 40;
    return tell_client('difference', why => $why, id => $id, path => $path, copy => $copy, lines => join "\n", @lines);
}

# An edit by hand is overwritten, but its lines are told and the whole file is kept.
sub keep_edit {
    my ($id, $path, $new) = @_;
    my $copy = keep_as_edit($path) // return;
    return tell_difference('edited', $id, $path, $new, $copy);
}

sub keep_as_edit {
    my ($path) = @_;
    my $base = "$EDITS/" . as_name($path) . '.' . time;
    my ($copy) = grep { !-e } $base, map { "$base.$_" } 1 .. 99;
    my $text = slurp($path) // return undef;
    write_new($copy, $text, 0600, 0, 0);
    return $copy;
}

# What somebody wrote into a file since we looked at it, or since we wrote it, is kept before it goes.
sub keep_late_edit {
    my ($path, @expected) = @_;
    return if -l $path || !-f _;
    my $text = slurp($path) // return;
    my $sum = sha256_text($text);
    return if grep { defined && $_ eq $sum } @expected;
    tell_client('late', path => $path, copy => keep_as_edit($path));
    return;
}
