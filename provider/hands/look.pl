# Looking without touching: how the host differs from what is declared.

sub look {
    my ($request, $contents, $register) = @_;
    for my $id (sort keys %{ $request->{put} }) {
        my $entry = $request->{put}{$id};
        if (!$register->{$id}) { tell_client('done', $id, 'gone'); next }
        my ($bound) = ops_of($register->{$id}, 'serve');
        my $interface = $bound ? $bound->[1] : undef;
        my $hosts = slurp($HOSTS) // '';
        for my $op (@{ $entry->{ops} }) {
            my ($word, @rest) = @$op;
            if ($word eq 'file' || $word eq 'take') {
                my ($path, $mode) = @rest;
                my $have = look_at($path);
                my $content = $have->{type} eq 'file' ? slurp($path) : undef;
                my $declared = $contents->{$path};
                $declared =~ s/\@interface\@/$interface/g if defined $declared && defined $interface;
                my $wanted = defined $declared ? sha256_text($declared) : recorded_sum($register, $path);
                if (!defined $content) { tell_client('drift', $id, encode($path), 'missing', '-') }
                elsif (sha256_text($content) ne $wanted) { tell_client('drift', $id, encode($path), 'changed', hex_of(length $content <= 4_000_000 && $word eq 'file' ? $content : sha256_text($content))) }
                elsif ($have->{mode} != oct $mode || $have->{uid} || $have->{gid}) { tell_client('drift', $id, encode($path), 'owner', hex_of(sprintf '%04o %d:%d', @$have{qw(mode uid gid)})) }
            }
            elsif ($word eq 'link') {
                my $have = look_at($rest[0]);
                tell_client('drift', $id, encode($rest[0]), 'missing', '-') unless $have->{type} eq 'link' && $have->{target} eq $rest[1];
            }
            elsif ($word eq 'names') {
                my ($path, $how) = names_drift($register, $op);
                tell_client('drift', $id, encode($path), $how, '-') if defined $path;
            }
            elsif ($word eq 'enabled') {
                my $link = "$UNITS/multi-user.target.wants/$rest[0]";
                tell_client('drift', $id, encode($link), 'missing', '-') unless look_at($link)->{type} eq 'link';
            }
            elsif ($word eq 'unit') {
                my $state = unit_state($rest[0]);
                tell_client('drift', $id, encode($rest[0]), 'stopped', hex_of("$state->{ActiveState} ($state->{SubState})")) unless $state->{ActiveState} eq 'active';
            }
            elsif ($word eq 'package') {
                my %installed = installed_packages();
                tell_client('drift', $id, encode($rest[0]), 'missing', '-') unless $installed{ $rest[0] };
            }
            elsif ($word eq 'firewall') { look_firewall($id, $op, $register) }
            elsif ($word eq 'node' || $word eq 'registered') {
                for my $node ($word eq 'node' ? $op : ops_of($register->{$id}, 'node')) {
                    tell_client('drift', $id, encode($node->[1]), 'changed', '-') if index($hosts, $node->[-1]) < 0;
                }
            }
        }
        tell_boots_of($id, $register) if ops_of($register->{$id}, 'history');
        tell_client('done', $id, 'seen');
    }
    return;
}
