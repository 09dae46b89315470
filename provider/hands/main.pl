# What is asked, and the one answer to it.

sub main {
    my ($task, $when) = @_;
    require POSIX;
    if ($task eq 'recover') {
        $AGENT = '';
        take_lock([]);
        my (undef, $system) = run(['systemctl', 'is-system-running']);
        # The daemons start after the unit that says so; whoever else recovers finds them running.
        undo_transaction(($when // '') eq 'boot' && $system =~ /^(initializing|starting)/ ? 1 : 0);
        return;
    }
    return reapply_firewall() if $task eq 'firewall';
    my ($request, @lines) = parse_lines($BODY);
    my $apt = { renewed => 0, syncing => [] };
    my $done = eval {
        converse($apt, $request, @lines);
        1;
    };
    if (!$done) {
        my ($code, $id, $text) = ref $@ ? @{$@} : ('TRANSACTION_FAILED', '-', $@ =~ s/\n\z//r);
        tell_client('fail', code => $code, id => $id, text => $text, swapped => $SWAPPED);
    }
    end_sync($apt);
    drop_unpacked();
    tell_client('end');
    return;
}

main(@ARGV);
