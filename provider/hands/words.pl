# Words to the client: one line each, behind a nonce, so that nothing a login shell prints is taken for one.

sub encode { my ($text) = @_; $text =~ s/([^A-Za-z0-9_.:\/,\@+=-])/sprintf '%%%02X', ord $1/ge; return length $text ? $text : '%' }
sub decode { my ($text) = @_; return '' if $text eq '%'; $text =~ s/%([0-9A-F]{2})/chr hex $1/ge; return $text }
sub as_name { my ($text) = @_; $text = encode($text); $text =~ s/\//%2F/g; return $text }
sub folder_of { my ($path) = @_; $path =~ s{/[^/]*$}{}; return length $path ? $path : '/' }
sub name_of { my ($path) = @_; $path =~ s{.*/}{}; return $path }
sub staged_name { my ($path) = @_; return folder_of($path) . '/.' . name_of($path) . '.netboot-new' }
sub stack_of { my ($id) = @_; my (undef, $project, $stack) = split /\//, $id; return "$project/$stack" }
sub unique { my %seen; return grep { !$seen{$_}++ } @_ }

sub hex_of { my ($text) = @_; return length $text ? unpack('H*', $text) : '-' }
sub tell_client { print "\n$NONCE ", join(' ', @_), "\n" if defined $NONCE; return }
sub say_to   { my ($id, $text) = @_; return tell_client('say', $id, hex_of($text)) }
sub warn_to  { my ($id, $text) = @_; return tell_client('warn', $id, hex_of($text)) }
sub output   { my ($id, $key, $text) = @_; return tell_client('out', $id, $key, hex_of($text)) }

# A refusal is thrown as [code, resource or "-", message] and told once, by main.
sub refuse { my ($code, $id, $message) = @_; die [$code, $id, $message] }
