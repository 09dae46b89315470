# The wire, in both directions: a line is a word and named values, `word name=value …`, percent-encoded. Lines to the
# client stand behind a nonce, so that nothing a login shell prints is taken for one. And names that are made of texts.
package Netboot::Words;
use Netboot::Perl gives => qw(begin encode decode render_words words_of parts_of parse_lines tell_client say_to refuse
    as_name folder_of name_of staged_name);
use IO::Handle ();

my $nonce;

# From now on somebody listens. At boot nobody does, and nothing is said.
sub begin ($of_client) { $nonce = $of_client; STDOUT->autoflush(1) }

sub encode ($text) {
    $text =~ s/([^A-Za-z0-9_.:\/,\@+=-])/sprintf '%%%02X', ord $1/ge;
    return length $text ? $text : '%';
}
sub decode ($text) { return '' if $text eq '%'; $text =~ s/%([0-9A-F]{2})/chr hex $1/ge; return $text }

# A line of words alone, as files of ours have them.
sub render_words (@words) { return join(' ', map { encode($_) } @words) . "\n" }
sub words_of ($line) { return map { decode($_) } split / /, $line }

# A list travels as one value, with a NUL between its parts.
sub parts_of ($value) { return split /\0/, $value // '' }

# Lines of a message: each a hash of its values, with `word`, and `content` where bytes follow it.
sub parse_lines ($text) {
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

sub tell_client ($word, %values) {
    return unless defined $nonce;
    my @named = map { "$_=" . encode(ref $values{$_} ? join "\0", $values{$_}->@* : $values{$_}) }
        grep { defined $values{$_} } sort keys %values;
    print "\n$nonce ", join(' ', $word, @named), "\n";
}

# Tells what is being done, on the rows of these resources.
sub say_to ($text, @ids) { tell_client('say', id => $_, text => $text) for @ids }

# What can't be done is thrown as [code, resource or "-", message]; where nobody listens, as the message.
sub refuse ($code, $id, $message) { die defined $nonce ? [$code, $id, $message] : "$message\n" }

sub as_name ($text) { return encode($text) =~ s/\//%2F/gr }
sub folder_of ($path) { $path =~ s{/[^/]*$}{}; return length $path ? $path : '/' }
sub name_of ($path) { return $path =~ s{.*/}{}r }
sub staged_name ($path) { return folder_of($path) . '/.' . name_of($path) . '.netboot-new' }
