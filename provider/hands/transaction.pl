# One transaction: journal, stage, validate, keep, journal, swap, units, firewall, ask, commit; or all is put back.
#
# What one change knows goes from sub to sub as `$work`: { plan, machines, talk, paths => what is wanted, have => what
# is there, changed => the paths that differ, touched => what expectations may ask of, restart => unit → whose, was =>
# unit → what it did, made => folders, staged => path → where }.
package Netboot::Transaction;
use Netboot::Perl gives => qw(by_word transact);
use List::Util qw(uniq);
use Netboot::Constants qw($EDITS $JOURNAL $KEPT $PROVED $REGISTER $SINCE $STATE $UNDO $UNITS kept);
use Netboot::Words qw(as_name decode folder_of name_of parts_of refuse render_words say_to staged_name tell_client);
use Netboot::Programs qw(run);
use Netboot::Files qw(copy_of foreign_link look_at replace_file sha256_of sha256_text slurp slurp_whole stage_beside
    sync_folder why_fixed write_new);
use Netboot::Store qw(block_pattern join_machines joined_content render_record);
use Netboot::Units qw(await_unit systemctl unit_log unit_state);
use Netboot::Originals qw(forget_original forget_unit keep_as_edit keep_late_edit keep_original keep_unit kept_original
    kept_unit tell_difference);
use Netboot::Firewall qw(apply_firewall journal_firewall);
use Netboot::Undo qw(clear_journal undo_transaction);
use Netboot::Packages qw(end_sync);
use Netboot::Expectations qw(is_due meet_expectations touches);

# The lines of a plan by their words.
sub by_word (@lines) { my %by; push $by{ $_->{word} }->@*, $_ for @lines; return \%by }
sub lines_in ($plan, $word) { return ($plan->{$word} // [])->@* }

# Carries out a plan, which is whole. Dies only before the swap or after the undoing of it.
sub transact ($plan, $machines, $talk) {
    my $work = work_of($plan, $machines, $talk);
    my ($firewall) = lines_in($plan, 'firewall');
    my $does_something = $work->{changed}->@* || $work->{restart}->%* || lines_in($plan, 'stop');
    return change_host($work) if $does_something || $firewall && $firewall->{differs};
    # Nothing is to be done but to look whether it serves.
    my $failed = expect($work, {});
    note_proved($plan, $failed, {});
    tell_done($work);
}

sub work_of ($plan, $machines, $talk) {
    my $paths = wanted_paths($plan, $machines);
    my %have = map { ($_ => look_at($_)) } keys %$paths;
    my %sums = sha256_of(grep { $have{$_}{type} eq 'file' } keys %have);
    $have{$_}{sha256} = $sums{$_} for keys %sums;
    my @changed = grep { !is_same($have{$_}, $paths->{$_}) } sort keys %$paths;
    my %work = (
        plan => $plan, machines => $machines, talk => $talk, paths => $paths, have => \%have,
        changed => \@changed, touched => { map { ($_ => 1) } @changed }
    );
    plan_units(\%work);
    return \%work;
}

# Path → { type, content or from, sha256, mode, …, id }: what is wanted by the plan, and the records of the register.
sub wanted_paths ($plan, $machines) {
    my %want;
    for my $line (lines_in($plan, 'path')) {
        my ($path, $type) = $line->@{qw(path is)};
        my %is =
              $type eq 'original' ? kept_original($path)->%*
            : $type eq 'file' ? (type => $type, mode => oct $line->{mode}, uid => 0, gid => 0)
            : (type => $type);
        $want{$path} = { %$line, %is };
    }
    for my $line (lines_in($plan, 'join')) {
        my ($path, $begin) = $line->@{qw(path begin)};
        my $have = look_at($path);
        my %as_it_is = defined $begin && $have->{type} eq 'file' ? map { ($_ => $have->{$_}) } qw(mode uid gid) : ();
        my %is =
            $line->{is} eq 'gone' && !defined $begin
            ? kept_original($path)->%*
            : wanted_file(joined_content($machines->{after}, $line), %as_it_is);
        $want{$path} = { %$line, %is };
    }
    for my $id (keys $machines->{entries}->%*) {
        my $record = $machines->{entries}{$id};
        my $text = defined $record ? render_record($record) : undef;
        $want{ "$REGISTER/" . as_name($id) } = { ours => 1, wanted_file($text, mode => 0600) };
    }
    return \%want;
}

# A file of root's with this content; undefined is none.
sub wanted_file ($content, %as) {
    return (type => 'absent') unless defined $content;
    my $sha256 = sha256_text($content);
    return (type => 'file', content => $content, sha256 => $sha256, mode => 0644, uid => 0, gid => 0, %as);
}

sub is_same ($have, $want) {
    my %telling = (absent => [], link => ['target'], file => [qw(sha256 mode uid gid)]);
    return 0 if $have->{type} ne $want->{type};
    return !grep { ($have->{$_} // '') ne $want->{$_} } $telling{ $want->{type} }->@*;
}

# Which units are restarted, and what each did before: 1, 0, or "reload" where it is only to read anew.
sub plan_units ($work) {
    my ($plan, $touched, %restart, %was) = $work->@{qw(plan touched)};
    for my $line (lines_in($plan, 'unit')) {
        my $unit = $line->{unit};
        my $is_restarted = $line->{stale} || touches($touched, parts_of($line->{restartedBy}));
        my $is_reloaded = touches($touched, parts_of($line->{reloadedBy}));
        next unless $is_restarted || $is_reloaded || $line->{put};
        $was{$unit} = unit_state($unit)->{ActiveState} =~ /^(?:active|activating|reloading)$/ ? 1 : 0;
        if ($is_restarted || !$was{$unit}) { $restart{$unit} = $line->{id} }
        elsif ($is_reloaded) { $was{$unit} = 'reload' }
    }
    for my $unit (map { $_->{unit} } lines_in($plan, 'stop')) {
        $was{$unit} = unit_state($unit)->{ActiveState} eq 'active' ? 1 : 0;
    }
    $work->@{qw(restart was)} = (\%restart, \%was);
    $touched->{"unit:$_"} = 1 for keys %restart;
}

# Everything between "nothing was changed" and "this is served now"; a failure in it puts all back.
sub change_host ($work) {
    my $plan = $work->{plan};
    if (!eval { prepare($work); 1 }) {
        my $reason = $@;
        eval { undo_transaction(0) };
        die $reason;
    }
    $work->{talk}{swapped} = 1;
    my $failed = eval {
        swap($work);
        for my $firewall (lines_in($plan, 'firewall')) {
            say_to($firewall->{words}, parts_of($firewall->{ids}));
            apply_firewall($firewall, lines_in($plan, 'firewallCommand'));
            $work->{touched}{firewall} = 1 if $firewall->{differs};
        }
        expect($work, $work->{touched});
    };
    if (!$failed) {
        my $reason = $@;
        undo_and_tell($work);
        die $reason;
    }
    commit($work, $failed);
}

# Answers the chains that failed, without which it goes on.
sub expect ($work, $touched) {
    my ($is_well, $failed) = meet_expectations([lines_in($work->{plan}, 'expect')], $touched, $work->{machines});
    return $is_well ? $failed : die ['wrong', '-', ''];
}

# All that can fail without anything to undo but what lies beside the targets.
sub prepare ($work) {
    my $plan = $work->{plan};
    my %mode_of = map { ($_->{path} => oct $_->{mode}) } lines_in($plan, 'dir');
    my @made = uniq map { missing_folders($_) } sort keys %mode_of;
    $work->{made} = \@made;
    # First of all, what a power cut while staging would leave lying about.
    my @candidates = map { $_->{candidate} // () } lines_in($plan, 'validate');
    my $journal = join '', (map { render_words('undo', 'folder', $_) } @made),
        map { render_words('staged', $_) } @candidates,
        map { ($_, staged_name($_)) } map { staged_name($_) } $work->{changed}->@*;
    replace_file($JOURNAL, $journal);
    for my $path (@made) {
        mkdir $path, 0700 or die "cannot make $path: $!\n";
        chmod $mode_of{$path} // 0755, $path;
    }
    $work->{staged} = { map { stage($work, $_) } $work->{changed}->@* };
    validate($work->{staged}, $_) for grep { is_due($_, $work->{touched}) } lines_in($plan, 'validate');
    keep_what_goes($work);
    replace_file($JOURNAL, $journal . journal_of($work));
}

sub missing_folders ($path) { return -e $path ? () : (missing_folders(folder_of($path)), $path) }

# The path and where it is staged; nothing of one that goes.
sub stage ($work, $path) {
    my ($from, $to) = ($work->{have}{$path}, $work->{paths}{$path});
    # A block can't stand in a link without taking its place.
    my $is_wrong = $from->{type} =~ /^(?:folder|other)$/ || defined $to->{begin} && $from->{type} eq 'link';
    my $link = foreign_link($path);
    my $why =
          $is_wrong ? "$path is a $from->{type}, where a file should be; move it away"
        : defined $link ? "$link, on the way to $path, is a link that somebody other than root made; take it away"
        : undef;
    refuse('TRANSACTION_FAILED', $to->{id} // '-', $why) if defined $why;
    my $content = $to->{type} eq 'file' ? $to->{content} // slurp_whole($to->{from} // $path) : undef;
    my $sha256 = defined $content ? sha256_text($content) : '';
    die "$path is not what was planned any more; run it again\n" if $sha256 ne ($to->{sha256} // '');
    my $staged = stage_beside($path, { %$to, content => $content });
    my $fixed = why_fixed($staged, $path);
    refuse('TRANSACTION_FAILED', $to->{id} // '-', "$path cannot be replaced: $fixed") if defined $fixed;
    return $to->{type} eq 'absent' ? () : ($path => $staged);
}

# A daemon's own checker reads a candidate: a copy of its main file with the staged files in it, or a staged file.
sub validate ($staged, $line) {
    my ($candidate, $file) = $line->@{qw(candidate file)};
    my $with_staged = sub { my ($text) = @_; return $text =~ s/\@staged:([^@]+)\@/$staged->{$1} \/\/ $1/ger };
    if (defined $candidate) {
        my $text = slurp($staged->{$file} // $file) // return;
        for my $path (grep { $staged->{$_} } parts_of($line->{includes})) {
            $text =~ s/"\Q$path\E"/"$staged->{$path}"/g;
        }
        write_new($candidate, $with_staged->($line->{before} // '') . $text, 0644);
    }
    my ($status, $said) = run([map { $with_staged->($_) } parts_of($line->{argv})], seconds => 60);
    unlink $candidate if defined $candidate;
    return if $status == 0;
    tell_client('invalid', n => $line->{n}, status => $status, said => $said);
    die ['invalid', '-', ''];
}

# What was there before the first touch, and what somebody wrote since the last one.
sub keep_what_goes ($work) {
    my ($paths, $have, $touched, $before) = ($work->@{qw(paths have touched)}, $work->{machines}{before});
    for my $path (sort keys %$paths) {
        my ($from, $to) = ($have->{$path}, $paths->{$path});
        my ($id, $had, $ours) = $to->@{qw(id had ours)};
        my $is_first = !$had && (!$ours || $to->{keep});
        # Also what is as wanted already was somebody's before, and stays when we let it go.
        keep_original($path, $from) if $is_first;
        next unless $touched->{$path};
        my ($sha256, $staged) = ($from->{sha256} // '', $work->{staged}{$path} // '/dev/null');
        my $is_adopted = $sha256 ne '' && $is_first && $to->{type} eq 'file' && !$ours && !is_of_apt($from);
        tell_difference('adopted', $id, $path, $staged) if $is_adopted;
        next if !$had || defined $to->{begin} || $sha256 eq ($to->{sha256} // '');
        # What we wrote last; of what is joined, as the register was.
        my $last = $to->{word} eq 'join' ? sha256_text(join_machines($before, as_before($to))) : $to->{recorded} // '';
        next if $last eq '' || $sha256 eq $last;
        $work->{machines}{edited} = slurp($path) // '' if ($to->{of} // '') eq 'blocks';
        # An edit by hand is overwritten, but its lines are told and the whole file is kept.
        my $copy = $sha256 eq '' ? undef : keep_as_edit($path);
        tell_difference('edited', $id, $path, $staged, $copy) if defined $copy;
    }
    for my $join (grep { $touched->{ $_->{path} } } lines_in($work->{plan}, 'join')) {
        tell_lost_lines($join, $before);
    }
    sync_folder($_) for $KEPT, $EDITS;
}

# A join as the change before this one made it.
sub as_before ($join) { return { %$join, domain => $join->{domainBefore}, after => $join->{afterBefore} } }

# What apt wrote since we brought its package is nobody's work.
sub is_of_apt ($from) { my $since = (stat $SINCE)[9]; return defined $since && $from->{ctime} >= $since }

# Lines that somebody wrote into a block of ours.
sub tell_lost_lines ($join, $before) {
    return unless defined $join->{begin} && $join->{had};
    my $pattern = block_pattern($join);
    my ($block) = (slurp($join->{path}) // '') =~ /($pattern)/ or return;
    my %is_ours = map { ($_ => 1) } split(/\n/, join_machines($before, as_before($join))), $join->@{qw(begin end)};
    my @lost = map { "  $_" } grep { !$is_ours{$_} } split /\n/, $block or return;
    tell_client('difference', why => 'block', id => $join->{id}, path => $join->{path}, lines => join "\n", @lost);
}

sub journal_of ($work) {
    my ($plan, $paths, $have, $was) = $work->@{qw(plan paths have was)};
    my ($count, @journal) = (0);
    for my $path ($work->{changed}->@*) {
        my $from = $have->{$path};
        my @how = $from->{type} eq 'link' ? $from->{target} : ();
        @how = copy_of($path, $from, sprintf '%s/%04d', $UNDO, $count++) if $from->{type} eq 'file';
        # By it the undoing tells what we wrote from what somebody wrote since.
        push @how, $paths->{$path}{sha256} // ();
        push @journal, render_words('undo', $from->{type}, $path, @how);
    }
    my %is_kept = map { ($_->{unit} => 1) } lines_in($plan, 'stop'), grep { $_->{had} } lines_in($plan, 'unit');
    for my $unit (sort keys %$was) {
        keep_unit($unit, $was->{$unit}) unless $is_kept{$unit};
        push @journal, render_words('unit', $unit, $was->{$unit});
    }
    push @journal, map { journal_firewall($_, lines_in($plan, 'firewallUndoing')) } lines_in($plan, 'firewall');
    sync_folder($_) for $KEPT, $UNDO;
    return join '', @journal;
}

sub swap ($work) {
    my ($plan, $restart, $was) = $work->@{qw(plan restart was)};
    my @changed = $work->{changed}->@*;
    my @stop = sort map { $_->{unit} } lines_in($plan, 'stop');
    systemctl('stop', $_) for @stop;
    for my $path (@changed) {
        keep_late_edit($path, $work->{have}{$path}{sha256});
        my $staged = $work->{staged}{$path};
        if (defined $staged) { rename $staged, $path or die "cannot rename $staged to $path: $!\n" }
        else { unlink $path or $!{ENOENT} or die "cannot remove $path: $!\n" }
    }
    sync_folder($_) for uniq map { folder_of($_) } @changed;
    systemctl('daemon-reload') if grep({ m{^\Q$UNITS\E/} } @changed) || grep { $_->{stale} } lines_in($plan, 'unit');
    systemctl(kept_unit($_) ? 'start' : 'reset-failed', $_) for @stop;
    if (my @units = sort keys %$restart) {
        my @told = uniq values %$restart, map { parts_of($_->{ids}) } lines_in($plan, 'tell');
        my %are = (starting => [grep { !$was->{$_} } @units], restarting => [grep { $was->{$_} } @units]);
        say_to(join('; ', map { $are{$_}->@* ? "$_ " . join(', ', $are{$_}->@*) : () } sort keys %are), @told);
        systemctl('reset-failed', @units);
        systemctl('restart', @units);
    }
    for my $unit (grep { $was->{$_} eq 'reload' } sort keys %$was) {
        my ($status) = systemctl('reload', $unit);
        refuse('NOT_SERVING', '-', "$unit did not read its files anew:\n" . unit_log($unit)) if $status;
    }
}

sub commit ($work, $failed) {
    my ($plan, $touched, $paths) = $work->@{qw(plan touched paths)};
    end_sync($work->{talk});
    clear_journal();
    forget_original($_) for grep { ($paths->{$_}{is} // '') =~ /^(?:original|gone)$/ } keys %$paths;
    forget_unit($_->{unit}) for lines_in($plan, 'stop');
    note_proved($plan, $failed, $touched);
    # A folder that we made goes with the last file in it; one that was there stays.
    write_new(kept("made:$_"), '') for $work->{made}->@*;
    my @still = map { "$_->{path}/" } lines_in($plan, 'dir');
    for my $marker (reverse sort glob "$KEPT/made:*") {
        my $path = decode(name_of($marker) =~ s/^made://r);
        unlink $marker if !(grep { index($_, "$path/") == 0 } @still) && (rmdir($path) || !-d $path);
    }
    run([parts_of($_->{argv})]) for grep { is_due($_, $touched) } lines_in($plan, 'log');
    tell_done($work);
}

# The chains that were seen to be served, by which the next change tells what it broke.
sub note_proved ($plan, $failed, $touched) {
    for my $line (grep { is_due($_, $touched) } lines_in($plan, 'proves')) {
        my $text = join '', map { "$_\n" } sort grep { !$failed->{$_} } parts_of($line->{chains});
        replace_file($PROVED, $text) if -d $STATE && $text ne (slurp($PROVED) // '');
    }
}

# What became of each resource: whether anything that is its own was touched.
sub tell_done ($work) {
    my %is_changed = map { ($_ => 1) } values $work->{restart}->%*,
        map { $work->{paths}{$_}{id} // () } $work->{changed}->@*;
    for my $id (map { $_->{id} } lines_in($work->{plan}, 'record')) {
        tell_client('done', id => $id, how => $is_changed{$id} ? 'changed' : 'unchanged');
    }
}

# Puts all back, looks whether it runs, and tells.
sub undo_and_tell ($work) {
    if (!eval { undo_transaction(0); 1 }) {
        return tell_client('undone', failed => ref $@ ? $@->[2] : $@ =~ s/\n\z//r);
    }
    my @ran = grep { $work->{was}{$_} } sort keys $work->{was}->%*;
    my %sockets = map { ($_->{unit} => $_->{sockets}) } lines_in($work->{plan}, 'ran');
    my @down = grep { defined await_unit($_, parts_of($sockets{$_})) } @ran;
    tell_client('undone', ran => \@ran, down => \@down);
}
