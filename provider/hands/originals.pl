# What was there before us, and what somebody wrote since: kept, so that it comes back or is not lost.
package Netboot::Originals;
use Netboot::Perl gives => qw(keep_original kept_original forget_original keep_unit kept_unit forget_unit
    tell_difference keep_as_edit keep_late_edit);
use Netboot::Constants qw($EDITS $UNITS kept);
use Netboot::Words qw(as_name name_of render_words tell_client words_of);
use Netboot::Programs qw(run);
use Netboot::Files qw(copy_of sha256_text slurp write_new);

# What is kept of a path at the first touch: a line that says what it was, and its content beside it.
sub keep_original ($path, $what) {
    my ($base, $type) = (kept($path), is_own($path) ? 'absent' : $what->{type});
    forget_original($path);
    my (undef, @is) = $type eq 'file' ? copy_of($path, $what, $base) : ('', $what->{target} // ());
    write_new("$base.is", render_words($type, @is));
}

# What we wrote before our records of it were lost is nobody's: it goes with us.
sub is_own ($path) {
    my $target = readlink $path;
    $path = "$UNITS/" . name_of($target) if defined $target;
    return (slurp($path, 1000) // '') =~ /written by pulumi-netboot/i;
}

sub kept_original ($path) {
    my $base = kept($path);
    my ($is) = split /\n/, slurp("$base.is") // 'absent';
    my ($type, @rest) = words_of($is);
    return { type => 'link', target => $rest[0] } if $type eq 'link';
    return { type => 'absent' } if $type ne 'file';
    my %file = (type => 'file', content => slurp($base));
    @file{qw(mode uid gid mtime)} = (oct shift @rest, @rest);
    return { %file, sha256 => sha256_text($file{content}) };
}

sub forget_original ($path) { my $base = kept($path); unlink $base, "$base.is" }

sub keep_unit ($unit, $active) {
    write_new(kept("unit:$unit"), $active && !is_own("$UNITS/$unit") ? "active\n" : "inactive\n");
}
sub kept_unit ($unit) { return (slurp(kept("unit:$unit")) // '') eq "active\n" }
sub forget_unit ($unit) { unlink kept("unit:$unit") }

# The lines of a file that go, for whoever wrote them; `why` is a word that the client puts into a sentence.
sub tell_difference ($why, $id, $path, $new, $copy = undef) {
    my @labels = map { ('--label', "$path (as $_)") } 'it was', 'it is from now on';
    my (undef, $difference) = run(['diff', '-u', @labels, $path, $new]);
    my @lines = split /\n/, $difference;
    splice @lines, 40, @lines, '…' if @lines > 40;
    tell_client('difference', why => $why, id => $id, path => $path, copy => $copy, lines => join "\n", @lines);
}

# Keeps a file as somebody left it; where it is kept, or undefined if there is none.
sub keep_as_edit ($path) {
    my $base = "$EDITS/" . as_name($path) . '.' . time;
    my ($copy) = grep { !-e } $base, map { "$base.$_" } 1 .. 99;
    my $text = slurp($path) // return undef;
    write_new($copy, $text);
    return $copy;
}

# What somebody wrote into a file since we looked at it, or since we wrote it, is kept before it goes.
sub keep_late_edit ($path, @expected) {
    return if -l $path || !-f _;
    my $text = slurp($path) // return;
    my $sum = sha256_text($text);
    return if grep { defined && $_ eq $sum } @expected;
    tell_client('late', path => $path, copy => keep_as_edit($path));
}
