# The time daemon: of those that a Debian can have one runs, and another gives way only where that was said.

my $CHRONY           = '/etc/chrony/chrony.conf';
my $CHRONY_DROP_IN   = '/etc/chrony/conf.d/netboot.conf';
my $CHRONY_CANDIDATE = '/etc/chrony/.netboot-candidate.conf';

# chrony reads the whole candidate: its own file as it is, and our drop-in as it will be.
sub check_chronyd {
    my ($merged, $staged) = @_;
    my ($time) = all_ops($merged, 'ntp') or return;
    return unless $staged->{$CHRONY_DROP_IN};
    my $main = slurp($CHRONY) // '';
    refuse('CONFIG_REFUSED', $time->[0], "$CHRONY does not read /etc/chrony/conf.d, as Debian's does; add the line `confdir /etc/chrony/conf.d` to it. Nothing was changed")
        unless $main =~ m{^\s*(confdir\s.*/etc/chrony/conf\.d|include\s+/etc/chrony/conf\.d/)}m;
    write_new($CHRONY_CANDIDATE, "include $staged->{$CHRONY_DROP_IN}\n$main", 0644, 0, 0);
    my ($status, $said) = run(['chronyd', '-p', '-f', $CHRONY_CANDIDATE]);
    unlink $CHRONY_CANDIDATE;
    return if $status == 0;
    $said =~ s/\Q$staged->{$CHRONY_DROP_IN}\E/$CHRONY_DROP_IN/g;
    $said =~ s/\Q$CHRONY_CANDIDATE\E/$CHRONY/g;
    refuse('CONFIG_REFUSED', $time->[0], "chronyd refused the new configuration; nothing was changed, and node 0 serves what it served.\n"
          . join("\n", map { "  $_" } grep { /Fatal error|error/i } split /\n/, $said));
}

# Asks for the time as a machine does (RFC 5905), and answers the stratum; undefined when nobody answers.
sub ask_ntp {
    my ($server) = @_;
    socket my $wire, PF_INET, SOCK_DGRAM, getprotobyname('udp') // 17 or die "cannot open a socket: $!\n";
    my $select = IO::Select->new($wire);
    for my $try (1 .. 10) {
        my $mark = pack 'N2', int rand 0xffffffff, int rand 0xffffffff;
        send $wire, pack('C a39 a8', 0x23, '', $mark), 0, pack_sockaddr_in(123, inet_aton($server));
        next unless $select->can_read(0.5);
        recv $wire, my $answer, 512, 0;
        next unless length $answer >= 48 && substr($answer, 24, 8) eq $mark;
        my ($first, $stratum) = unpack 'C2', $answer;
        return $stratum if ($first & 7) == 4 && $first >> 6 != 3 && $stratum >= 1 && $stratum <= 15;
        select undef, undef, undef, 0.3;
    }
    return undef;
}

sub prove_time {
    my ($merged, $puts, $restart) = @_;
    for my $found (all_ops($merged, 'ntp')) {
        my ($id, $op) = @$found;
        next unless $puts->{$id} || grep { $restart->{ $_->[1] } } ops_of($merged->{$id}, 'unit');
        refuse('NOT_SERVING', $id, "chrony does not give the time: an NTP request to $op->[1] got no answer, or none that a clock can be set by;\n"
              . last_words('chrony.service')) unless defined ask_ntp($op->[1]);
    }
    return;
}

# Packages that keep the time, be they in the middle of an upgrade: those that are known to, and those that say so.
sub time_daemons {
    my (@known) = @_;
    my %is = map { ($_ => 1) } @known;
    my (undef, $said) = run(['dpkg-query', '-W', '-f', '${db:Status-Abbrev}\t${Package}\t${Version}\t${Provides}\n']);
    return map { /^.[^nc].? ?\t(\S+)\t(\S+)\t(.*)$/ && ($is{$1} || $3 =~ /\btime-daemon\b/) ? ($1 => $2) : () } split /\n/, $said;
}

sub stand_in_marker { my ($package) = @_; return "$KEPT/" . as_name("stand-in:$package") }

# Refused before anything is touched: a daemon that somebody chose for this host.
sub check_stand_ins {
    my ($puts) = @_;
    for my $id (sort keys %$puts) {
        for my $op (ops_of($puts->{$id}, 'standIn')) {
            my (undef, $package, $usual, $others, $allowed) = @$op;
            next if $allowed || -e stand_in_marker($package);
            my %expected = map { ($_ => 1) } split /,/, $usual;
            my %there = time_daemons($package, split /,/, "$usual,$others");
            my ($other) = grep { !$expected{$_} } sort keys %there or next;
            my $would = $other eq $package ? "$package is on this host already; a drop-in of ours would be added to its configuration, and it would serve the private network only"
                : "$other keeps the time of this host, and $package would replace it";
            refuse('OCCUPIED', $id, "$would. Say time: { replace: true } (for a TimeServer alone: replace: true) if that is right;"
                  . ' it is put back on destroy. Or let node 0 serve no time: time: false. Nothing was changed');
        }
    }
    return;
}

# Remembered before apt runs, so that a power cut in the middle loses nothing: what will go, and how it ran.
sub keep_replaced {
    my ($puts, %installed) = @_;
    for my $found (all_ops($puts, 'standIn')) {
        my (undef, $package, $usual, $others) = @{ $found->[1] };
        next if $installed{$package} || -e stand_in_marker($package);
        my %there = time_daemons(split /,/, "$usual,$others");
        my $text = '';
        for my $name (sort keys %there) {
            my $unit = (grep { unit_known($_) } map { "$_.service" } $name, "${name}d")[0] // "$name.service";
            my (undef, $said) = run(['systemctl', 'show', '-p', 'UnitFileState,ActiveState', '--', $unit]);
            my %state = map { /^(\w+)=(.*)$/ ? ($1 => $2) : () } split /\n/, $said;
            $text .= join(' ', map { encode($_) } $name, $there{$name}, $unit, $state{UnitFileState} // '', $state{ActiveState} // '') . "\n";
        }
        replace_file(stand_in_marker($package), $text, 0600);
    }
    return;
}

# Those that go for the stand-ins of a request, each with its version.
sub replaced_packages {
    my ($puts) = @_;
    return map { "$_->[0]=$_->[1]" } map { rows_of_stand_in($_->[1][1]) } all_ops($puts, 'standIn');
}

sub rows_of_stand_in { my ($package) = @_; return map { [map { decode($_) } split / /, $_] } split /\n/, slurp(stand_in_marker($package)) // '' }

# After an apt that failed. Where it has begun, the marker is all that knows what was there before.
sub forget_stand_ins {
    my ($puts, $installed, $present) = @_;
    for my $found (all_ops($puts, 'standIn')) {
        my $package = $found->[1][1];
        next if $present->{$package} || grep { !$installed->{ $_->[0] } } rows_of_stand_in($package);
        unlink stand_in_marker($package);
    }
    return;
}

# When nobody wants a stand-in any more, what it replaced comes back, and it goes with all it had: the one package that
# does not stay. After the transaction; a failure here changes nothing that serves, and the next run goes on with it.
sub give_back_replaced {
    my ($merged, @ids) = @_;
    my %wanted = map { ($_->[1][1] => 1) } all_ops($merged, 'standIn');
    for my $marker (glob "$KEPT/stand-in:*") {
        my $package = decode(name_of($marker) =~ s/^stand-in://r);
        next if $wanted{$package};
        my @rows = rows_of_stand_in($package);
        mend_dpkg();
        my %installed = installed_packages();
        my @lost = grep { !$installed{ $_->[0] } } @rows;
        if (@lost) {
            my $names = join ', ', map { $_->[0] } @lost;
            say_to($_, "apt: putting $names back") for @ids;
            # The version that was here, so that nothing else is upgraded on its account; if the mirror has it no more, the present one.
            my ($status, $said) = apt(\@ids, 'install', map { "$_->[0]=$_->[1]" } @lost);
            my @kept = grep { -f } map { glob "$DEBS/$_->[0]_*.deb" } @lost;
            my ($offline) = $status && @kept == @lost ? apt(\@ids, '--no-download', 'install', @kept) : (1);
            ($status, $said) = apt(\@ids, 'install', map { $_->[0] } @lost) if $status && $offline;
            $status = 0 unless $offline;
            refuse('PACKAGES_FAILED', '-', "$package serves no more, but apt could not put $names back, which kept the time before; until then $package keeps it.\n"
                  . complaint_of($said) . "\nmake `apt-get install $names` work on node 0, then run again") if $status;
        }
        for my $row (@rows) {
            my (undef, undef, $unit, $file_state, $active) = @$row;
            my $verb = { enabled => 'enable', disabled => 'disable', masked => 'mask' }->{$file_state};
            my (undef, $now) = run(['systemctl', 'is-enabled', $unit]);
            run(['systemctl', $verb, $unit]) if defined $verb && $now !~ /^\Q$file_state\E$/m;
            my $state = unit_state($unit)->{ActiveState};
            run(['systemctl', $active eq 'active' ? 'start' : 'stop', $unit]) if ($active eq 'active') != ($state eq 'active');
        }
        my $complaint = purge_package($package);
        if (defined $complaint) {
            warn_to($_, "$package stays on the host until the next run, because dpkg could not remove it: $complaint") for @ids;
            next;
        }
        my @brought = grep { $_ ne $package } split /\n/, slurp($BROUGHT) // '';
        if (@brought) { replace_file($BROUGHT, join('', map { "$_\n" } @brought), 0600) }
        else { unlink $BROUGHT }
        unlink $marker, glob "$DEBS/*.deb";
        rmdir $DEBS;
        sync_folder($KEPT);
    }
    return;
}

# Takes a package and its configuration away; what dpkg said if it can't. Another that holds dpkg's lock is waited for, and what
# it was ended in the middle of is gone on with.
sub purge_package {
    my ($package) = @_;
    my ($said, $failed) = ('', 0);
    for my $wait (0 .. 300) {
        (my $status, $said) = run(['dpkg', '--force-remove-reinstreq', '--purge', $package]);
        return undef unless $status;
        if ($said =~ /lock/) { sleep 1; next }
        last if ++$failed == 3;
        mend_dpkg();
    }
    return $said;
}

# What `systemctl enable` would make for a unit of the distribution; a link that is there already stays what it is.
sub expand_enabled {
    my ($puts) = @_;
    for my $id (sort keys %$puts) {
        for my $op (ops_of($puts->{$id}, 'enabled')) {
            my $path = "$UNITS/multi-user.target.wants/$op->[1]";
            my $have = look_at($path);
            my (undef, $said) = run(['systemctl', 'show', '-p', 'FragmentPath', '--value', '--', $op->[1]]);
            my $target = $have->{type} eq 'link' ? $have->{target} : $said =~ s/\n.*//sr;
            push @{ $puts->{$id}{ops} }, ['link', $path, $target] if length $target;
        }
    }
    return;
}
