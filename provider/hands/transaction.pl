# One transaction: stage, validate, keep, journal, swap, restart, prove, commit; or put all back.

# What is kept of a path at the first touch: a line that says what it was, and its content beside it.
sub keep_original {
    my ($path, $what) = @_;
    my $base = "$KEPT/" . as_name($path);
    return if -e "$base.is";
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
    return { type => 'file', content => slurp($base), mode => oct $rest[0], uid => $rest[1], gid => $rest[2], mtime => $rest[3] } if $type eq 'file';
    return { type => 'absent' };
}

sub forget_original { my ($path) = @_; my $base = "$KEPT/" . as_name($path); unlink $base, "$base.is"; return }

# The lines that go, for whoever wrote them.
sub warn_of_difference {
    my ($id, $path, $new, $headline) = @_;
    my (undef, $difference) = run(['diff', '-u', '--label', "$path (as somebody left it)", '--label', "$path (as declared)", $path, $new]);
    my @lines = split /\n/, $difference;
    splice @lines, 40, @lines, '…' if @lines > 40;
    warn_to($id, "$path $headline\n" . join "\n", @lines);
    return;
}

# An edit by hand is overwritten, but its lines are printed and the whole file is kept.
sub keep_edit {
    my ($id, $path, $new) = @_;
    my $copy = keep_as_edit($path) // return;
    warn_of_difference($id, $path, $new, "was changed by hand since the last run; it is overwritten, and kept as $copy");
    return;
}

sub keep_as_edit {
    my ($path) = @_;
    my $base = "$EDITS/" . as_name($path) . '.' . time;
    my ($copy) = grep { !-e } $base, map { "$base.$_" } 1 .. 99;
    my $text = slurp($path);
    return undef unless defined $text;
    write_new($copy, $text, 0600, 0, 0);
    return $copy;
}

# What somebody wrote into a file since we looked at it, or since we wrote it, is kept before it goes.
sub keep_late_edit {
    my ($path, @expected) = @_;
    return if -l $path || !-f _;
    my $text = slurp($path);
    return unless defined $text;
    my $sum = sha256_text($text);
    push @LATE_EDITS, keep_as_edit($path) unless grep { defined && $_ eq $sum } @expected;
    return;
}

sub late_edits_sentence { return @LATE_EDITS ? "\nwhat somebody wrote in the meantime is kept as " . join ', ', @LATE_EDITS : '' }

# What somebody set up before us is taken over; what apt wrote since we brought its package is nobody's work.
sub warn_of_adoption {
    my ($id, $path, $new) = @_;
    my $since = (stat $SINCE)[9];
    return if defined $since && (lstat $path)[10] >= $since;
    warn_of_difference($id, $path, $new, 'was there before the first run; it is kept, and comes back on destroy. What changes:');
    return;
}

sub same_as_wanted {
    my ($have, $want, $sha256) = @_;
    return 0 unless $have->{type} eq $want->{type};
    return 1 if $want->{type} eq 'absent';
    return $have->{target} eq $want->{target} if $want->{type} eq 'link';
    return ($sha256 // '') eq $want->{sha256} && $have->{mode} == $want->{mode} && $have->{uid} == $want->{uid} && $have->{gid} == $want->{gid};
}

# The paths that the merged register wants, and those that are let go: path → { type, …, id }.
sub wanted_paths {
    my ($register, $merged, $puts, $contents) = @_;
    my %want;
    for my $id (sort keys %$merged) {
        for my $op (@{ $merged->{$id}{ops} }) {
            my ($word, $path, @rest) = @$op;
            $want{$path} = { type => 'link', target => $rest[0], id => $id } if $word eq 'link' && $puts->{$id};
            next unless $word eq 'file' && $puts->{$id};
            if (defined $contents->{$path}) { $rest[1] = $op->[3] = sha256_text($contents->{$path}) }
            $want{$path} = { type => 'file', content => $contents->{$path}, sha256 => $rest[1], mode => oct $rest[0], uid => 0, gid => 0, id => $id };
        }
    }
    my %held = map { ($_->[1][1] => 1) } all_ops($merged, 'file'), all_ops($merged, 'link');
    my ($dhcp) = all_ops($merged, 'serve');
    if ($dhcp) {
        my $text = render_hosts($merged);
        $want{$HOSTS} = { type => 'file', content => $text, sha256 => sha256_text($text), mode => 0644, uid => 0, gid => 0, id => $dhcp->[0], ours => 1, joined => 1 };
        $held{$HOSTS} = 1;
    }
    my %had = map { ($_->[1][1] => $_->[0]) } all_ops($register, 'file'), all_ops($register, 'link');
    my ($had_dhcp) = all_ops($register, 'serve');
    $had{$HOSTS} = $had_dhcp->[0] if $had_dhcp;
    want_names($register, $merged, \%want, \%held, \%had);
    for my $path (grep { !$held{$_} } keys %had) {
        my $original = kept_original($path);
        $original->{sha256} = sha256_text($original->{content}) if $original->{type} eq 'file';
        $want{$path} = { %$original, id => $had{$path}, released => 1 };
    }
    return (\%want, \%had);
}

sub transact {
    my ($request, $contents, $register) = @_;
    my $puts = $request->{put};
    my %interfaces;
    for my $id (sort keys %$puts) {
        for my $op (ops_of($puts->{$id}, 'interface')) { $interfaces{$id} = check_interface($id, @$op[1 .. 4]) }
        # A server that names its interface by MAC has "@interface@" in its texts.
        next unless defined(my $name = $interfaces{$id});
        for my $op (@{ $puts->{$id}{ops} }) { s/\@interface\@/$name/g for @$op }
        s/\@interface\@/$name/g for map { $contents->{ $_->[1] } } ops_of($puts->{$id}, 'file');
    }
    name_firewall_interfaces($puts);
    my $merged = merge_register($register, $request);
    check_dependants($register, $merged, $request);
    check_pooled_addresses($merged, $puts, $contents);
    check_records($merged, $puts);
    check_stand_ins($puts);
    check_names_port($puts);
    make_state_folder() if %$puts;
    bring_packages($puts);
    expand_enabled($puts);
    take_files($puts, $register, $contents);
    my $firewall = plan_firewall($request, $register, $merged);
    $merged = merge_register($register, $request);
    check_other_servers($puts, $merged);
    my ($want, $had) = wanted_paths($register, $merged, $puts, $contents);
    want_firewall($firewall, $want);

    my %entries = map { my $id = $_; ("$REGISTER/" . as_name($id) => $merged->{$id} ? render_entry($merged->{$id}) : undef) }
        unique(keys %$puts, keys %{ $request->{drop} }, grep { $merged->{$_} && $merged->{$_} != $register->{$_} } keys %$register);
    for my $path (keys %entries) {
        my $text = $entries{$path};
        $want->{$path} = defined $text ? { type => 'file', content => $text, sha256 => sha256_text($text), mode => 0600, uid => 0, gid => 0, ours => 1 } : { type => 'absent', ours => 1 };
    }

    my %sums = sha256_of(grep { -f && !-l } keys %$want);
    my %have = map { ($_ => look_at($_)) } keys %$want;
    my @changed = grep { !same_as_wanted($have{$_}, $want->{$_}, $sums{$_}) } sort keys %$want;
    for my $path (@changed) {
        refuse('TRANSACTION_FAILED', $want->{$path}{id} // '-', "$path is a $have{$path}{type}, where a file should be; move it away. Nothing was changed")
            if $have{$path}{type} eq 'folder' || $have{$path}{type} eq 'other';
        my $link = foreign_link($path) // next;
        refuse('TRANSACTION_FAILED', $want->{$path}{id} // '-', "$link, on the way to $path, is a link that somebody other than root made; take it away. Nothing was changed");
    }
    my %touched = map { ($_ => 1) } @changed;

    my (%restart, %stop, %was);
    for my $found (all_ops($merged, 'unit')) {
        my ($id, $op) = @$found;
        my (undef, $unit, $paths, $reloading_paths) = @$op;
        my $touched = grep { $touched{$_} } split /,/, $paths;
        my $to_reload = grep { $touched{$_} } split /,/, $reloading_paths // '';
        next unless $touched || $to_reload || $puts->{$id};
        $was{$unit} = unit_state($unit)->{ActiveState} =~ /^(active|activating|reloading)$/ ? 1 : 0;
        if ($touched || !$was{$unit}) { $restart{$unit} = $id }
        elsif ($to_reload) { $was{$unit} = 'reload' }
    }
    my %runs_on = map { ($_->[1][1] => 1) } all_ops($merged, 'unit');
    for my $found (all_ops($register, 'unit')) {
        my ($id, $op) = @$found;
        next if $runs_on{ $op->[1] };
        $stop{ $op->[1] } = $id;
        $was{ $op->[1] } = unit_state($op->[1])->{ActiveState} eq 'active' ? 1 : 0;
    }

    if (@changed || %restart || %stop || $firewall && $firewall->{differs}) {
        change_host($request, $want, \%have, $had, \@changed, \%restart, \%stop, \%was, $merged, \%sums, $register, $firewall);
    }
    else {
        prove($register, $merged, $puts, {}, \%restart);
        prove_firewall($firewall);
    }
    give_back_replaced($merged, sort(keys %$puts, keys %{ $request->{drop} }));
    purge_packages($register, $merged, $request);
    for my $id (sort keys %$puts) {
        my $changed = $restart{$id} || grep { ($want->{$_}{id} // '') eq $id } @changed;
        for my $op (ops_of($merged->{$id}, 'file')) {
            next unless grep { $_->[1] eq $op->[1] } ops_of($merged->{$id}, 'taken');
            output($id, 'sha256', $op->[3]);
            output($id, 'bytes', -s $op->[1]);
        }
        tell_boots_of($id, $merged) if ops_of($merged->{$id}, 'history');
        tell_client('done', $id, $changed ? 'changed' : 'unchanged');
    }
    tell_client('done', $_, 'dropped') for sort keys %{ $request->{drop} };
    clean_up($merged);
    return;
}

# Everything between "nothing was changed" and "this is served now"; a failure in it puts all back.
sub change_host {
    my ($request, $want, $have, $had, $changed, $restart, $stop, $was, $merged, $sums, $register, $firewall) = @_;
    my %staged;
    my @ids = (sort keys %{ $request->{put} }, sort keys %{ $request->{drop} });
    my %mode_of = map { ($_->[1][1] => oct $_->[1][2]) } all_ops($merged, 'dir');
    my @made = unique(map { missing_folders($_) } sort keys %mode_of);
    my $candidate = folder_of($DHCPD) . '/.netboot-candidate.conf';
    my @reload = grep { $was->{$_} eq 'reload' } sort keys %$was;
    # First of all, what a power cut while staging would leave lying about.
    my $journal = join '', (map { 'undo folder ' . encode($_) . "\n" } @made),
        (map { 'staged ' . encode($_) . "\n" } $candidate, $CHRONY_CANDIDATE, map { staged_name($_) } @$changed);
    my $nothing_changed = sub {
        my ($reason) = @_;
        eval { undo_transaction(0) };
        die $reason if ref $reason;
        refuse('TRANSACTION_FAILED', '-', $reason =~ s/\n\z//r . '; nothing was changed, and node 0 serves what it served');
    };
    eval {
        replace_file($JOURNAL, $journal, 0600);
        for my $path (@made) {
            mkdir $path, 0700 or die "cannot make $path: $!\n";
            chmod $mode_of{$path} // 0755, $path;
        }
        for my $path (@$changed) {
            my $to = $want->{$path};
            next if $to->{type} eq 'absent';
            my $staged = staged_name($path);
            if ($to->{type} eq 'link') {
                unlink $staged;
                symlink $to->{target}, $staged or die "cannot make $staged: $!\n";
            }
            else {
                write_new($staged, $to->{content} // slurp($path), $to->{mode}, $to->{uid}, $to->{gid});
                utime $to->{mtime}, $to->{mtime}, $staged if $to->{mtime};
            }
            $staged{$path} = $staged;
        }
        check_dhcpd(\%staged, $candidate);
        check_chronyd($merged, \%staged);
        check_dnsmasq($merged, \%staged);
        my $staged_at = sub { my ($path) = @_; return $staged{$path} // ($want->{$path} && $want->{$path}{type} eq 'absent' ? undef : $path) };
        check_chains($register, $merged, $request->{put}, { map { ($_ => 1) } @$changed }, $staged_at);
        1;
    } or $nothing_changed->($@);

    my $reload = grep { m{^\Q$UNITS\E/} } @$changed;
    eval {
        my $count = 0;
        # Also what is as wanted already was somebody's before, and stays when we let it go.
        my %is_changed = map { ($_ => 1) } @$changed;
        for my $path (grep { !$is_changed{$_} && !$had->{$_} && !$want->{$_}{ours} && !$want->{$_}{released} } sort keys %$want) {
            forget_original($path);
            keep_original($path, $have->{$path});
        }
        for my $path (@$changed) {
            my $from = $have->{$path};
            if (!$want->{$path}{ours} && !$want->{$path}{released}) {
                if (!$had->{$path}) {
                    forget_original($path);
                    keep_original($path, $from);
                    warn_of_adoption($want->{$path}{id}, $path, $staged{$path}) if $from->{type} eq 'file' && $want->{$path}{type} eq 'file';
                }
                elsif ($from->{type} eq 'file' && defined $sums->{$path} && $sums->{$path} ne recorded_sum($register, $path) && $sums->{$path} ne $want->{$path}{sha256}) {
                    keep_edit($want->{$path}{id}, $path, $staged{$path});
                }
            }
            elsif ($want->{$path}{joined} && !$had->{$path}) { forget_original($path); keep_original($path, $from) }
            elsif ($had->{$path} && $from->{type} eq 'file' && defined $sums->{$path} && $sums->{$path} ne ($want->{$path}{sha256} // '')) {
                # Let go, or joined anew: what somebody wrote in between is nowhere else.
                my $expected = $path eq $HOSTS ? sha256_text(render_hosts($register)) : recorded_sum($register, $path);
                keep_edit($want->{$path}{id}, $path, $staged{$path} // '/dev/null') if length $expected && $sums->{$path} ne $expected;
            }
            my @how = ($from->{type}, $path);
            if ($from->{type} eq 'link') { push @how, $from->{target} }
            elsif ($from->{type} eq 'file') {
                my $copy = sprintf '%s/%04d', $UNDO, $count++;
                write_new($copy, slurp($path) // die("cannot read $path: $!\n"), 0600, 0, 0);
                push @how, $copy, sprintf('%04o', $from->{mode}), $from->{uid}, $from->{gid}, $from->{mtime};
            }
            # By it the undoing tells what we wrote from what somebody wrote since.
            push @how, $want->{$path}{sha256} if $want->{$path}{sha256};
            $journal .= join(' ', 'undo', map { encode($_) } @how) . "\n";
        }
        for my $unit (grep { !$stop->{$_} } sort keys %$was) { keep_unit($unit, $was->{$unit}) unless grep { $_->[1][1] eq $unit } all_ops($register, 'unit') }
        $journal .= join(' ', 'unit', encode($_), $was->{$_}) . "\n" for sort keys %$was;
        $journal .= journal_firewall($firewall);
        sync_folder($_) for $KEPT, $EDITS, $UNDO;
        replace_file($JOURNAL, $journal, 0600);
        1;
    } or $nothing_changed->($@);

    $SWAPPED = 1;
    eval {
        for my $unit (sort keys %$stop) { run(['systemctl', 'stop', $unit]) }
        for my $path (@$changed) {
            keep_late_edit($path, $sums->{$path});
            if ($staged{$path}) { rename $staged{$path}, $path or die "cannot rename $staged{$path} to $path: $!\n" }
            else { unlink $path or $!{ENOENT} or die "cannot remove $path: $!\n" }
        }
        sync_folder($_) for unique(map { folder_of($_) } @$changed);
        run(['systemctl', 'daemon-reload']) if $reload;
        for my $unit (sort keys %$stop) {
            my $original = kept_unit($unit);
            run(['systemctl', 'start', $unit]) if $original;
            run(['systemctl', 'reset-failed', $unit]) unless $original;
        }
        if (my @units = sort keys %$restart) {
            say_to($_, 'restarting ' . join(', ', @units)) for unique(values %$restart, grep { $request->{put}{$_} && ops_of($request->{put}{$_}, 'node') } @ids);
            run(['systemctl', 'reset-failed', @units]);
            my ($status, $said) = run(['systemctl', 'restart', @units]);
        }
        run(['systemctl', 'reload', @reload]) if @reload;
        apply_firewall($firewall, $changed);
        my @touched = (@$changed, $firewall && $firewall->{differs} ? 'firewall' : ());
        prove($register, $merged, $request->{put}, { map { ($_ => 1) } @touched }, $restart);
        prove_firewall($firewall);
        1;
    } or do {
        my $reason = $@;
        my $undone = undo_and_tell($register, $was);
        my ($code, $id, $message) = ref $reason ? @$reason : ('TRANSACTION_FAILED', '-', $reason =~ s/\n\z//r);
        refuse($code, $id, "$message\n$undone");
    };
    my @released = grep { $want->{$_}{released} } keys %$want;
    end_sync();
    clear_journal();
    forget_original($_) for @released;
    forget_unit($_) for keys %$stop;
    log_served($merged, @$changed);
    # A folder that we made goes with the last file in it; one that was there stays.
    write_new("$KEPT/" . as_name("made:$_"), '', 0600, 0, 0) for @made;
    my @still = map { "$_->[1][1]/" } all_ops($merged, 'dir');
    for my $marker (reverse sort glob "$KEPT/made:*") {
        my $path = decode(name_of($marker) =~ s/^made://r);
        unlink $marker if !(grep { index($_, "$path/") == 0 } @still) && (rmdir $path or !-d $path);
    }
    return;
}

# Puts all back, looks whether it runs, and says so.
sub undo_and_tell {
    my ($register, $was) = @_;
    if (!eval { undo_transaction(0); 1 }) {
        return 'putting the previous configuration back failed: ' . (ref $@ ? $@->[2] : $@ =~ s/\n\z//r);
    }
    my @ran = grep { $was->{$_} } sort keys %$was;
    my @down;
    for my $unit (@ran) {
        my @listens = map { [@{ $_->[1] }[2 .. $#{ $_->[1] }]] } grep { $_->[1][1] eq $unit } all_ops($register, 'listen');
        push @down, $unit unless eval { await_unit('-', $unit, @listens); 1 };
    }
    return 'the previous configuration was put back, but these do not run with it either: ' . join(', ', @down) if @down;
    # Not that node 0 serves: what the proof found may have been so before.
    return 'the previous configuration was put back' . (@ran ? ', and runs: ' . join(', ', @ran) : '');
}

sub recorded_sum {
    my ($register, $path) = @_;
    my ($found) = grep { $_->[1][1] eq $path } all_ops($register, 'file');
    return $found ? $found->[1][3] // '' : '';
}

sub keep_unit { my ($unit, $active) = @_; write_new("$KEPT/" . as_name("unit:$unit"), $active ? "active\n" : "inactive\n", 0600, 0, 0); return }
sub kept_unit { my ($unit) = @_; return (slurp("$KEPT/" . as_name("unit:$unit")) // '') eq "active\n" }
sub forget_unit { my ($unit) = @_; unlink "$KEPT/" . as_name("unit:$unit"); return }

sub missing_folders { my ($path) = @_; return -e $path ? () : (missing_folders(folder_of($path)), $path) }

# What was started or touched must serve: units listen, nodes are answered, files come by TFTP as they are on the disk.
sub prove {
    my ($register, $merged, $puts, $changed, $restart) = @_;
    my %units = map { ($_->[1][1] => $_->[0]) } grep { $restart->{ $_->[1][1] } || $puts->{ $_->[0] } } all_ops($merged, 'unit');
    for my $unit (sort keys %units) {
        my @listens = map { [@{ $_->[1] }[2 .. $#{ $_->[1] }]] } grep { $_->[1][1] eq $unit } all_ops($merged, 'listen');
        await_unit($units{$unit}, $unit, @listens);
        output($units{$unit}, 'listening', join ', ', map { $_->[0] eq 'packet' ? "$_->[1] udp 67" : "$_->[1]:$_->[2] $_->[0]" } @listens);
    }
    prove_time($merged, $puts, $restart);
    prove_names($register, $merged, $puts, $changed, $restart);
    prove_files($merged, $changed, $restart);
    prove_nodes($merged, $puts, $register, $changed, $restart);
    return;
}

# The DHCP server can't go while another stack has machines on it, and machines need one.
sub check_dependants {
    my ($register, $merged, $request) = @_;
    my ($had) = all_ops($register, 'serve');
    my ($has) = all_ops($merged, 'serve');
    my @nodes = unique(map { $_->[0] } all_ops($merged, 'node'));
    if ($had && !$has) {
        my @others = grep { stack_of($_) ne stack_of($had->[0]) } @nodes;
        refuse('IN_USE', $had->[0], 'other stacks still have machines on this DHCP server: ' . join(', ', @others) . '; destroy them first. Node 0 is as it was') if @others;
    }
    check_boot_parts($register, $merged, $request);
    my @lost = grep { $request->{put}{$_} } @nodes;
    refuse('NOT_SERVING', $lost[0], 'there is no DhcpServer on this host that could serve it; declare one (a NetbootServer has one), and let the node depend on it') if !$has && @lost;
    check_network($merged, $request, $has) if $has && $request->{put}{ $has->[0] };
    return;
}

# What a boot needs beside DHCP stays as long as another stack has machines here: TFTP, its files, the open firewall.
sub check_boot_parts {
    my ($register, $merged, $request) = @_;
    my ($tftp) = all_ops($register, 'tftpd');
    my %held = map { ($_->[1][1] => 1) } all_ops($merged, 'file');
    my @nodes = unique(map { $_->[0] } all_ops($merged, 'node'));
    for my $id (grep { $register->{$_} && !$merged->{$_} } sort keys %{ $request->{drop} }) {
        my @others = grep { stack_of($_) ne stack_of($id) } @nodes or next;
        my $needed = grep {
            my ($word, $path) = @$_;
            ($word eq 'tftpd' || $word eq 'firewall') && !all_ops($merged, $word)
                || $word eq 'file' && $tftp && !$held{$path} && index($path, "$tftp->[1][2]/") == 0
        } @{ $register->{$id}{ops} };
        refuse('IN_USE', $id, 'machines of other stacks boot by it: ' . join(', ', @others) . '; destroy them first. Node 0 is as it was') if $needed;
    }
    return;
}

sub number_of { my ($address) = @_; return unpack 'N', inet_aton($address) }

# A network that moves away from machines: those of its own stack follow in the same run, another stack's would be lost.
sub check_network {
    my ($merged, $request, $server) = @_;
    my $cidr = $server->[1][3];
    my @outside = grep { !in_network($_->[1][2], $cidr) && !$request->{put}{ $_->[0] } } all_ops($merged, 'node');
    my $names = sub { return join ', ', map { "$_->[1][1] ($_->[1][2], $_->[0])" } @_ };
    my @others = grep { stack_of($_->[0]) ne stack_of($server->[0]) } @outside;
    refuse('IN_USE', $server->[0], "machines of other stacks are outside the new network $cidr: " . $names->(@others)
          . '; move them first. Node 0 is as it was') if @others;
    warn_to($server->[0], "outside the new network $cidr, and not served until their own change in this up: " . $names->(@outside)) if @outside;
    return;
}

sub make_state_folder {
    for my $folder ($STATE, $REGISTER, $KEPT, $EDITS, $UNDO) { mkdir $folder, 0700 unless -d $folder }
    my $old = slurp("$STATE/agent.pl") // '';
    replace_file("$STATE/agent.pl", $AGENT, 0600) if $old ne $AGENT;
    my $unit = slurp("$UNITS/$RECOVERY") // '';
    return if $unit eq $RECOVERY_UNIT && -l "$UNITS/multi-user.target.wants/$RECOVERY";
    replace_file("$UNITS/$RECOVERY", $RECOVERY_UNIT, 0644);
    mkdir "$UNITS/multi-user.target.wants", 0755;
    symlink "../$RECOVERY", "$UNITS/multi-user.target.wants/$RECOVERY";
    sync_folder("$UNITS/multi-user.target.wants");
    return;
}

# When nobody wants anything of this host any more, nothing of ours stays but the list of the packages that we brought, and what is
# still to be taken back of them.
sub clean_up {
    my ($merged) = @_;
    return if %$merged;
    unlink "$UNITS/multi-user.target.wants/$RECOVERY", "$UNITS/$RECOVERY";
    run(['systemctl', 'daemon-reload']);
    my @edits = glob "$EDITS/*";
    my @waiting = glob "$KEPT/stand-in:*";
    my @kept = @waiting ? grep { !/\/stand-in:/ } glob "$KEPT/*" : $KEPT;
    run(['rm', '-rf', '--', $REGISTER, @kept, $UNDO, $TAKING, $HEARD, $PROVED, staged_name($JOURNAL), "$STATE/agent.pl", @edits ? () : ($EDITS)]);
    rmdir $STATE;
    return;
}
