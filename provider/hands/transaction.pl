# One transaction: journal, stage, validate, keep, journal, swap, units, firewall, ask, commit; or all is put back.

# The lines of a plan by their words.
sub by_word { my (@lines) = @_; my %by; push @{ $by{ $_->{word} } }, $_ for @lines; return \%by }

# Carries out a plan, which is whole. Dies only before the swap or after the undoing of it.
sub transact {
    my ($plan, $machines, $apt) = @_;
    my $paths = wanted_paths($plan, $machines);
    my %have = map { ($_ => look_at($_)) } keys %$paths;
    my %sums = sha256_of(grep { $have{$_}{type} eq 'file' } keys %$paths);
    my @changed = grep { !same_as_wanted($have{$_}, $paths->{$_}, $sums{$_}) } sort keys %$paths;
    my %work = (plan => $plan, apt => $apt, machines => $machines, paths => $paths, have => \%have, sums => \%sums, changed => \@changed,
        touched => { map { ($_ => 1) } @changed });
    plan_units(\%work);
    my ($firewall) = @{ $plan->{firewall} // [] };
    my $does_something = @changed || %{ $work{restart} } || @{ $plan->{stop} // [] } || $firewall && $firewall->{differs};
    return $does_something ? change_host(\%work) : see_unchanged(\%work);
}

# Nothing is to be done but to look whether it serves.
sub see_unchanged {
    my ($work) = @_;
    my ($is_well, $failed) = meet_expectations($work->{plan}{expect} // [], {}, $work->{machines});
    die ['wrong', '-', ''] unless $is_well;
    note_proved($work->{plan}, $failed, {});
    tell_done($work);
    return;
}

# Path → { type, content or from, sha256, mode, …, id }: what is wanted by the plan, and the records of the register.
sub wanted_paths {
    my ($plan, $machines) = @_;
    my %want;
    for my $line (@{ $plan->{path} // [] }) {
        my $to = $line->{is} eq 'original' ? kept_original($line->{path})
            : $line->{is} eq 'file' ? { type => 'file', content => $line->{content}, from => $line->{from}, sha256 => $line->{sha256}, mode => oct $line->{mode}, uid => 0, gid => 0 }
            : { type => $line->{is}, target => $line->{target} };
        $want{ $line->{path} } = { %$line, %$to };
    }
    for my $line (@{ $plan->{join} // [] }) {
        my $content = joined_content($machines->{after}, $line);
        my $have = look_at($line->{path});
        my %as_it_is = defined $line->{begin} && $have->{type} eq 'file' ? map { ($_ => $have->{$_}) } qw(mode uid gid) : (mode => 0644, uid => 0, gid => 0);
        $want{ $line->{path} } = { %$line, $line->{is} eq 'gone' && !defined $line->{begin} ? %{ kept_original($line->{path}) }
            : defined $content ? (type => 'file', content => $content, sha256 => sha256_text($content), %as_it_is) : (type => 'absent') };
    }
    for my $id (keys %{ $machines->{entries} }) {
        my $record = $machines->{entries}{$id};
        my $text = defined $record ? render_record($record) : undef;
        $want{ "$REGISTER/" . as_name($id) } = { ours => 1, defined $text ? (type => 'file', content => $text, sha256 => sha256_text($text), mode => 0600, uid => 0, gid => 0) : (type => 'absent') };
    }
    return \%want;
}

sub same_as_wanted {
    my ($have, $want, $sha256) = @_;
    return 0 unless $have->{type} eq $want->{type};
    return 1 if $want->{type} eq 'absent';
    return $have->{target} eq $want->{target} if $want->{type} eq 'link';
    return ($sha256 // '') eq $want->{sha256} && $have->{mode} == $want->{mode} && $have->{uid} == $want->{uid} && $have->{gid} == $want->{gid};
}

# Which units are restarted, and what each did before: 1, 0, or "reload" where it is only to read anew.
sub plan_units {
    my ($work) = @_;
    my (%restart, %was);
    for my $line (@{ $work->{plan}{unit} // [] }) {
        my $unit = $line->{unit};
        my $to_restart = touches($work->{touched}, parts_of($line->{restartedBy}));
        my $to_reload = touches($work->{touched}, parts_of($line->{reloadedBy}));
        next unless $to_restart || $to_reload || $line->{put};
        $was{$unit} = unit_state($unit)->{ActiveState} =~ /^(?:active|activating|reloading)$/ ? 1 : 0;
        if ($to_restart || !$was{$unit}) { $restart{$unit} = $line->{id} }
        elsif ($to_reload) { $was{$unit} = 'reload' }
    }
    $was{$_} = unit_state($_)->{ActiveState} eq 'active' ? 1 : 0 for map { $_->{unit} } @{ $work->{plan}{stop} // [] };
    @$work{'restart', 'was'} = (\%restart, \%was);
    $work->{touched}{"unit:$_"} = 1 for keys %restart;
    return;
}

# Everything between "nothing was changed" and "this is served now"; a failure in it puts all back.
sub change_host {
    my ($work) = @_;
    my $plan = $work->{plan};
    eval { prepare($work); 1 } or do {
        my $reason = $@;
        eval { undo_transaction(0) };
        die $reason;
    };
    $SWAPPED = 1;
    my $failed;
    eval {
        swap($work);
        my ($firewall) = @{ $plan->{firewall} // [] };
        if ($firewall) {
            say_to($_, "opening the firewall ($firewall->{manager})") for parts_of($firewall->{ids});
            apply_firewall($firewall, $plan->{firewallCommand} // []);
            $work->{touched}{firewall} = 1 if $firewall->{differs};
        }
        (my $is_well, $failed) = meet_expectations($plan->{expect} // [], $work->{touched}, $work->{machines});
        die ['wrong', '-', ''] unless $is_well;
        1;
    } or do {
        my $reason = $@;
        undo_and_tell($work);
        die $reason;
    };
    commit($work, $failed);
    return;
}

# All that can fail without anything to undo but what lies beside the targets.
sub prepare {
    my ($work) = @_;
    my ($plan, $paths, $have) = @$work{qw(plan paths have)};
    my %mode_of = map { ($_->{path} => oct $_->{mode}) } @{ $plan->{dir} // [] };
    $work->{made} = [unique(map { missing_folders($_) } sort keys %mode_of)];
    # First of all, what a power cut while staging would leave lying about.
    my $journal = join '', (map { 'undo folder ' . encode($_) . "\n" } @{ $work->{made} }),
        (map { 'staged ' . encode($_) . "\n" } (map { $_->{candidate} // () } @{ $plan->{validate} // [] }), map { staged_name($_) } @{ $work->{changed} });
    replace_file($JOURNAL, $journal, 0600);
    for my $path (@{ $work->{made} }) {
        mkdir $path, 0700 or die "cannot make $path: $!\n";
        chmod $mode_of{$path} // 0755, $path;
    }
    stage($work);
    validate($work, $_) for grep { touches($work->{touched}, parts_of($_->{if})) } @{ $plan->{validate} // [] };
    keep_what_goes($work);
    replace_file($JOURNAL, $journal . journal_of($work), 0600);
    return;
}

sub missing_folders { my ($path) = @_; return -e $path ? () : (missing_folders(folder_of($path)), $path) }

sub stage {
    my ($work) = @_;
    for my $path (@{ $work->{changed} }) {
        my ($from, $to) = ($work->{have}{$path}, $work->{paths}{$path});
        die "$path is a $from->{type}, where a file should be; move it away\n" if $from->{type} =~ /^(?:folder|other)$/;
        my $link = foreign_link($path);
        die "$link, on the way to $path, is a link that somebody other than root made; take it away\n" if defined $link;
        next if $to->{type} eq 'absent';
        my $staged = $work->{staged}{$path} = staged_name($path);
        if ($to->{type} eq 'link') {
            unlink $staged;
            symlink $to->{target}, $staged or die "cannot make $staged: $!\n";
            next;
        }
        my $content = $to->{content} // slurp($to->{from} // $path) // die "cannot read " . ($to->{from} // $path) . ": $!\n";
        die "$path is not what was planned any more; run it again\n" if sha256_text($content) ne $to->{sha256};
        write_new($staged, $content, $to->{mode}, $to->{uid}, $to->{gid});
        utime $to->{mtime}, $to->{mtime}, $staged if $to->{mtime};
    }
    return;
}

# A daemon's own checker reads the whole candidate: a copy of its main file in which the staged files stand for theirs, or a staged
# file itself.
sub validate {
    my ($work, $line) = @_;
    my %staged = %{ $work->{staged} // {} };
    my $with_staged = sub { my ($text) = @_; $text =~ s/\@staged:([^@]+)\@/$staged{$1} \/\/ $1/ge; return $text };
    if (defined $line->{candidate}) {
        my $text = slurp($staged{ $line->{file} } // $line->{file}) // return;
        for my $path (parts_of($line->{includes})) { $text =~ s/"\Q$path\E"/"$staged{$path}"/g if $staged{$path} }
        write_new($line->{candidate}, $with_staged->($line->{before} // '') . $text, 0644, 0, 0);
    }
    my ($status, $said) = run([map { $with_staged->($_) } parts_of($line->{argv})], seconds => 60);
    unlink $line->{candidate} if defined $line->{candidate};
    return if $status == 0;
    tell_client('invalid', n => $line->{n}, status => $status, said => $said);
    die ['invalid', '-', ''];
}

# What was there before the first touch, and what somebody wrote since the last one.
sub keep_what_goes {
    my ($work) = @_;
    my ($paths, $have, $sums) = @$work{qw(paths have sums)};
    my %is_changed = map { ($_ => 1) } @{ $work->{changed} };
    for my $path (sort keys %$paths) {
        my ($from, $to) = ($have->{$path}, $paths->{$path});
        my $sum = $from->{type} eq 'file' ? $sums->{$path} : undef;
        my $is_first = !$to->{had} && (!$to->{ours} || $to->{keep});
        # Also what is as wanted already was somebody's before, and stays when we let it go.
        keep_original($path, $from) if $is_first;
        next unless $is_changed{$path};
        my $staged = $work->{staged}{$path} // '/dev/null';
        if ($is_first && $from->{type} eq 'file' && $to->{type} eq 'file' && !$to->{ours} && !is_of_apt($path)) { tell_difference('adopted', $to->{id}, $path, $staged) }
        next if !defined $sum || !$to->{had} || $sum eq ($to->{sha256} // '');
        # What we wrote last; of what is joined, as the register was.
        my $ours = $to->{word} eq 'join' ? sha256_text(join_machines($work->{machines}{before}, as_before($to))) : $to->{recorded} // '';
        next if defined $to->{begin};
        keep_edit($to->{id}, $path, $staged) if length $ours && $sum ne $ours;
    }
    tell_lost_lines($work, $_) for grep { defined $_->{begin} && $_->{had} && $is_changed{ $_->{path} } } @{ $work->{plan}{join} // [] };
    sync_folder($_) for $KEPT, $EDITS;
    return;
}

# A join as the change before this one made it.
sub as_before { my ($join) = @_; return { %$join, domain => $join->{domainBefore}, after => $join->{afterBefore} } }

# What apt wrote since we brought its package is nobody's work.
sub is_of_apt { my ($path) = @_; my $since = (stat $SINCE)[9]; return defined $since && (lstat $path)[10] >= $since }

# Lines that somebody wrote into a block of ours.
sub tell_lost_lines {
    my ($work, $join) = @_;
    my $pattern = block_pattern($join);
    my ($block) = (slurp($join->{path}) // '') =~ /($pattern)/ or return;
    my %ours = map { ($_ => 1) } split(/\n/, join_machines($work->{machines}{before}, as_before($join))), $join->{begin}, $join->{end};
    my @lost = grep { !$ours{$_} } split /\n/, $block;
    tell_client('difference', why => 'block', id => $join->{id}, path => $join->{path}, lines => join "\n", map { "  $_" } @lost) if @lost;
    return;
}

sub journal_of {
    my ($work) = @_;
    my ($paths, $have, $was, $count, $journal) = (@$work{qw(paths have was)}, 0, '');
    for my $path (@{ $work->{changed} }) {
        my $from = $have->{$path};
        my @how = ($from->{type}, $path);
        if ($from->{type} eq 'link') { push @how, $from->{target} }
        elsif ($from->{type} eq 'file') {
            my $copy = sprintf '%s/%04d', $UNDO, $count++;
            write_new($copy, slurp($path) // die("cannot read $path: $!\n"), 0600, 0, 0);
            push @how, $copy, sprintf('%04o', $from->{mode}), $from->{uid}, $from->{gid}, $from->{mtime};
        }
        # By it the undoing tells what we wrote from what somebody wrote since.
        push @how, $paths->{$path}{sha256} if $paths->{$path}{sha256};
        $journal .= join(' ', 'undo', map { encode($_) } @how) . "\n";
    }
    my %is_known = map { ($_ => 1) } map { $_->{unit} } grep { $_->{had} } @{ $work->{plan}{unit} // [] };
    my %stops = map { ($_->{unit} => 1) } @{ $work->{plan}{stop} // [] };
    for my $unit (sort keys %$was) {
        keep_unit($unit, $was->{$unit}) unless $is_known{$unit} || $stops{$unit};
        $journal .= join(' ', 'unit', encode($unit), $was->{$unit}) . "\n";
    }
    $journal .= journal_firewall($_, @{ $work->{plan}{firewallUndoing} // [] }) for @{ $work->{plan}{firewall} // [] };
    sync_folder($_) for $KEPT, $UNDO;
    return $journal;
}

sub swap {
    my ($work) = @_;
    my ($plan, $restart) = @$work{qw(plan restart)};
    my @stop = sort map { $_->{unit} } @{ $plan->{stop} // [] };
    run(['systemctl', 'stop', $_]) for @stop;
    for my $path (@{ $work->{changed} }) {
        keep_late_edit($path, $work->{sums}{$path});
        my $staged = $work->{staged}{$path};
        if (defined $staged) { rename $staged, $path or die "cannot rename $staged to $path: $!\n" }
        else { unlink $path or $!{ENOENT} or die "cannot remove $path: $!\n" }
    }
    sync_folder($_) for unique(map { folder_of($_) } @{ $work->{changed} });
    run(['systemctl', 'daemon-reload']) if grep { m{^\Q$UNITS\E/} } @{ $work->{changed} };
    for my $unit (@stop) { run(['systemctl', kept_unit($unit) ? 'start' : 'reset-failed', $unit]) }
    if (my @units = sort keys %$restart) {
        say_to($_, 'restarting ' . join ', ', @units) for unique(values %$restart, map { parts_of($_->{ids}) } @{ $plan->{tell} // [] });
        run(['systemctl', 'reset-failed', @units]);
        run(['systemctl', 'restart', @units]);
    }
    my @reload = grep { $work->{was}{$_} eq 'reload' } sort keys %{ $work->{was} };
    run(['systemctl', 'reload', @reload]) if @reload;
    return;
}

sub commit {
    my ($work, $failed) = @_;
    my $plan = $work->{plan};
    end_sync($work->{apt});
    clear_journal();
    for my $path (keys %{ $work->{paths} }) {
        my $to = $work->{paths}{$path};
        forget_original($path) if $to->{is} && $to->{is} =~ /^(?:original|gone)$/;
    }
    forget_unit($_) for map { $_->{unit} } @{ $plan->{stop} // [] };
    note_proved($plan, $failed, $work->{touched});
    # A folder that we made goes with the last file in it; one that was there stays.
    write_new("$KEPT/" . as_name("made:$_"), '', 0600, 0, 0) for @{ $work->{made} };
    my @still = map { "$_->{path}/" } @{ $plan->{dir} // [] };
    for my $marker (reverse sort glob "$KEPT/made:*") {
        my $path = decode(name_of($marker) =~ s/^made://r);
        unlink $marker if !(grep { index($_, "$path/") == 0 } @still) && (rmdir $path or !-d $path);
    }
    run([parts_of($_->{argv})]) for grep { touches($work->{touched}, parts_of($_->{if})) } @{ $plan->{log} // [] };
    tell_done($work);
    return;
}

# The chains that were seen to be served, by which the next change tells what it broke.
sub note_proved {
    my ($plan, $failed, $touched) = @_;
    for my $line (grep { is_due($_, $touched) } @{ $plan->{proves} // [] }) {
        my $text = join '', map { "$_\n" } sort grep { !$failed->{$_} } parts_of($line->{chains});
        replace_file($PROVED, $text, 0600) if -d $STATE && $text ne (slurp($PROVED) // '');
    }
    return;
}

# What became of each resource: whether anything that is its own was touched.
sub tell_done {
    my ($work) = @_;
    my %ids = map { ($_ => 1) } values %{ $work->{restart} }, map { $work->{paths}{$_}{id} // () } @{ $work->{changed} };
    tell_client('done', id => $_, how => $ids{$_} ? 'changed' : 'unchanged') for map { $_->{id} } @{ $work->{plan}{record} // [] };
    return;
}

# Puts all back, looks whether it runs, and tells.
sub undo_and_tell {
    my ($work) = @_;
    my $was = $work->{was};
    if (!eval { undo_transaction(0); 1 }) {
        tell_client('undone', failed => ref $@ ? $@->[2] : $@ =~ s/\n\z//r);
        return;
    }
    my @ran = grep { $was->{$_} } sort keys %$was;
    my %sockets = map { ($_->{unit} => $_->{sockets}) } @{ $work->{plan}{ran} // [] };
    my @down = grep { defined await_unit($_, parts_of($sockets{$_})) } @ran;
    return tell_client('undone', ran => join("\0", @ran), down => join("\0", @down));
}

# ---- What is ours ----

# An agent before this one kept no heads of the firewall's chains, but worked them out: they are there before it goes.
sub make_state_folder {
    my ($heads) = grep { $_->{word} eq 'heads' } @_;
    for my $folder ($STATE, $REGISTER, $KEPT, $EDITS, $UNDO) { mkdir $folder, 0700 unless -d $folder }
    replace_file($RULES, $heads->{content}, 0600) if $heads && !-e $RULES;
    replace_file("$STATE/agent.pl", $AGENT, 0600) if (slurp("$STATE/agent.pl") // '') ne $AGENT;
    my $link = "$UNITS/multi-user.target.wants/$RECOVERY";
    return if (slurp("$UNITS/$RECOVERY") // '') eq $RECOVERY_UNIT && -l $link;
    replace_file("$UNITS/$RECOVERY", $RECOVERY_UNIT, 0644);
    mkdir "$UNITS/multi-user.target.wants", 0755;
    symlink "../$RECOVERY", $link;
    sync_folder("$UNITS/multi-user.target.wants");
    return;
}

# When nobody wants anything of this host any more, nothing of ours stays but the list of the packages that we brought, and what is
# still to be taken back of them.
sub clean_up {
    my ($machines) = @_;
    return if %{ $machines->{after} };
    unlink "$UNITS/multi-user.target.wants/$RECOVERY", "$UNITS/$RECOVERY";
    run(['systemctl', 'daemon-reload']);
    my @edits = glob "$EDITS/*";
    my @waiting = glob "$KEPT/stand-in:*";
    my @kept = @waiting ? grep { !/\/stand-in:/ } glob "$KEPT/*" : $KEPT;
    run(['rm', '-rf', '--', $REGISTER, @kept, $UNDO, $TAKING, $HEARD, $PROVED, $RULES, staged_name($JOURNAL), "$STATE/agent.pl", @edits ? () : ($EDITS)]);
    rmdir $STATE;
    return;
}
