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
    my %contents;
    my $request = parse_request($BODY, \%contents);
    my @ids = (sort keys %{ $request->{put} }, sort keys %{ $request->{drop} });
    my $done = eval {
        check_machine($request->{machine});
        if ($request->{mode} eq 'look') {
            look($request, \%contents, load_register());
        }
        elsif ($request->{mode} eq 'prove') {
            take_lock(\@ids);
            prove_on_demand($request, load_register());
        }
        elsif ($request->{mode} eq 'history') {
            tell_history($request, load_register());
        }
        else {
            take_lock(\@ids);
            $SWAPPED = 1;
            warn_to($ids[0], 'an earlier transaction was cut short; what it had changed was put back before this one began') if undo_transaction(0);
            $SWAPPED = 0;
            transact($request, \%contents, load_register());
        }
        1;
    };
    if (!$done) {
        my ($code, $id, $message) = ref $@ ? @{$@} : ('TRANSACTION_FAILED', '-', $@ =~ s/\n\z//r);
        # Whoever has swapped something says himself what became of it.
        $message .= "\nNothing was changed, and node 0 serves what it served" unless $SWAPPED || $message =~ /nothing was changed|as it was|serves what it served|nothing is served differently/i;
        tell_client('fail', $code, $id, hex_of($message . late_edits_sentence() . brought_sentence()));
    }
    elsif (@LATE_EDITS) { warn_to($ids[0], late_edits_sentence() =~ s/^\n//r) }
    end_sync();
    tell_client('end');
    return;
}

main(@ARGV);
